"""Gowin GW1N: yosys' synth_gowin, nextpnr-himbaechel and Project Apicula's packer."""

from fractions import Fraction

from ..pll import PllLimits
from .family import BlockRam, Family, Packer, PathNames, Placer

__all__ = ["GOWIN"]


def pll_instance(pll, device, clock, locked, source):
    """rPLL with internal feedback."""
    from amaranth import C, Instance
    return Instance(
        "rPLL", p_FCLKIN=f"{float(pll.input):g}", p_DEVICE=device.pll_name,
        p_IDIV_SEL=pll.refclk_div - 1, p_FBDIV_SEL=pll.feedback_div - 1,
        p_ODIV_SEL=pll.output_div,
        p_DYN_IDIV_SEL="false", p_DYN_FBDIV_SEL="false", p_DYN_ODIV_SEL="false",
        p_PSDA_SEL="0000", p_DYN_DA_EN="false", p_DUTYDA_SEL="1000", p_CLKFB_SEL="internal",
        p_CLKOUT_BYPASS="false", p_CLKOUTP_BYPASS="false", p_CLKOUTD_BYPASS="false",
        p_CLKOUTD_SRC="CLKOUT", p_CLKOUTD3_SRC="CLKOUT", p_DYN_SDIV_SEL=2,
        i_CLKIN=source, i_CLKFB=0, i_RESET=0, i_RESET_P=0, i_FBDSEL=C(0, 6), i_IDSEL=C(0, 6),
        i_ODSEL=C(0, 6), i_PSDA=C(0, 4), i_DUTYDA=C(0, 4), i_FDLY=C(0, 4),
        o_CLKOUT=clock, o_LOCK=locked)


GOWIN = Family(
    name="gowin",
    synth="synth_gowin",
    cells={
        **dict.fromkeys(("LUT1", "LUT2", "LUT3", "LUT4"), "lut"), "ALU": "carry",
        "RAM16SDP4": "lut_ram",
        **dict.fromkeys(("SPX9", "SP", "SDPX9B", "SDPB", "DPX9B", "DPB", "pROM", "pROMX9"), "bram"),
        **dict.fromkeys(("MULT9X9", "MULT18X18", "MULT36X36", "MULTALU18X18", "MULTALU36X18",
                         "MULTADDALU18X18"), "dsp")},
    flip_flops=r"DFFN?[RSPC]?E?",
    resets=r"RESET[AB]?|SET|CLEAR|PRESET",
    block_ram=BlockRam(bits=18432, widths=(1, 2, 4, 9, 18, 36)),
    lut_scale=1.6,
    placer=Placer(
        architecture="himbaechel_gowin", constraints="cst", pins=("--vopt", "cst=top.cst"),
        routed=("--write", "top.pnr.json"), cells={"LUT4": "lut"}),
    packer=Packer(
        module="apycula.gowin_pack", function="main", suffix="fs",
        arguments=("--sspi_as_gpio", "--mspi_as_gpio", "-o", "top.fs", "top.pnr.json")),
    paths=PathNames(
        block_ram=r"(DO|AD|DI|CE|WRE|RESET|OCE|BLKSEL)[AB]\d*", carry_port="COUT|CIN",
        suffix=r"(\$|_)(DFF|LUT\d|ALU|PACKED).*$"),
    pll=PllLimits(input=(3, 400), pfd=(3, 400), vco=(400, 1200), out=(Fraction(25, 8), 600),
                  refclk_div=range(1, 65), feedback_div=range(1, 65),
                  output_div=(2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)),
    pll_instance=pll_instance,
)
