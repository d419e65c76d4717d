"""Questions that the synthesis flow asks a yosys netlist."""

import re
from collections import Counter

__all__ = ["MULTIPLIERS", "count", "cut_pins", "fanout", "kind_of", "multipliers"]

MULTIPLIERS = frozenset({
    "$mul", "$div", "$mod", "$divfloor", "$modfloor", "$pow", "$macc", "$macc_v2", "$__MUL16X16",
    "$__soft_mul", "MULT18X18D", "ALU54B", "SB_MAC16", "MULT9X9", "MULT18X18", "MULT36X36",
    "MULTALU18X18", "MULTALU36X18", "MULTADDALU18X18",
})
"""Cells that multiply or divide, before and after mapping."""

_KINDS = {
    "LUT4": "lut", "PFUMX": "lut_mux", "L6MUX21": "lut_mux", "CCU2C": "carry", "TRELLIS_FF": "ff",
    "TRELLIS_DPR16X4": "lut_ram", "DP16KD": "bram", "MULT18X18D": "dsp", "ALU54B": "dsp",
    "SB_LUT4": "lut", "SB_CARRY": "carry", "SB_RAM40_4K": "bram", "SB_MAC16": "dsp",
    "SB_SPRAM256KA": "spram",
    **dict.fromkeys(("LUT1", "LUT2", "LUT3"), "lut"), "ALU": "carry", "RAM16SDP4": "lut_ram",
    **dict.fromkeys(("SPX9", "SP", "SDPX9B", "SDPB", "DPX9B", "DPB", "pROM", "pROMX9"), "bram"),
    **dict.fromkeys(("MULT9X9", "MULT18X18", "MULT36X36"), "dsp"),
}
_FLIP_FLOPS = re.compile(r"SB_DFF|DFFN?[RSPC]?E?$")
_CLOCKS = re.compile(r"^(R|W)?CLK[AB]?N?\d?$|^C$|^CLOCK$|^RCLKN$|^WCLKN$|^WCK$")
_RESETS = re.compile(r"^LSR$|^R$|^S$|^RST[AB]?$")


def kind_of(cell_type):
    """What a mapped cell counts as, such as ``"lut"`` or ``"bram"``; ``None`` if as nothing."""
    return "ff" if _FLIP_FLOPS.match(cell_type) else _KINDS.get(cell_type)


def multipliers(netlist):
    """Every multiplying or dividing cell of a netlist, as sorted ``"type name"`` lines.

    Parameters
    ----------
    netlist : str or dict
        RTLIL text, or a loaded yosys JSON netlist.
    """
    if isinstance(netlist, str):
        cells = re.findall(r"^\s*cell (\S+) (\S+)", netlist, re.MULTILINE)
        cells = [(kind.removeprefix("\\"), name.removeprefix("\\")) for kind, name in cells]
    else:
        cells = [(cell["type"], name) for module in netlist["modules"].values()
                 if not _is_library(module) for name, cell in module["cells"].items()]
    return sorted(f"{kind} {name}" for kind, name in cells if kind in MULTIPLIERS)


def _is_library(module):
    attributes = module.get("attributes", {})
    return any(int(str(attributes.get(a, 0)), 2) for a in ("blackbox", "whitebox"))


def count(module):
    """Mapped cells of one module by kind: lut, lut_mux, lut_ram, carry, ff, bram, dsp, spram."""
    return Counter(kind for cell in module["cells"].values() if (kind := kind_of(cell["type"])))


def fanout(module):
    """Name of a net -> how many cell inputs read it."""
    loads = Counter(bit for cell in module["cells"].values()
                    for port, bits in cell["connections"].items()
                    if cell["port_directions"].get(port) != "output" for bit in bits)
    result = {}
    for name, net in module["netnames"].items():
        for i, bit in enumerate(net["bits"]):
            if isinstance(bit, int):
                index = i + net.get("offset", 0)
                result[name if len(net["bits"]) == 1 else f"{name}[{index}]"] = loads[bit]
    return result


def cut_pins(module):
    """Drop every port that is neither a clock nor a reset, in place; returns the names that stay.

    A network's top has more ports than any package has pins.  Without its port, an input is a net
    without a driver and an output one without a reader: the placer leaves both unrouted and times
    register to register, with the clock on its global network as on a board.
    """
    needed = {bit for cell in module["cells"].values() for port, bits in cell["connections"].items()
              if _CLOCKS.match(port) or _RESETS.match(port) for bit in bits}
    module["ports"] = {name: port for name, port in module["ports"].items()
                       if port["direction"] == "input" and len(port["bits"]) == 1
                       and port["bits"][0] in needed}
    return sorted(module["ports"])
