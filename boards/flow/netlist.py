"""A yosys JSON netlist: cells by kind, multipliers, fan-out, and the ports of a placed core."""

import re
from collections import Counter

__all__ = ["MULTIPLIERS", "count", "cut_pins", "drop_unread_carries", "fanout", "multipliers"]

MULTIPLIERS = frozenset({
    "$mul", "$div", "$mod", "$divfloor", "$modfloor", "$pow", "$macc", "$macc_v2", "$__MUL16X16",
    "$__soft_mul",
})
"""yosys' own cells that multiply or divide."""


def multipliers(netlist, family=None):
    """Every multiplying or dividing cell of a netlist, as sorted ``"type name"`` lines.

    Parameters
    ----------
    netlist : str or dict
        RTLIL text, or a loaded yosys JSON netlist.
    family : :class:`qblif.boards.families.Family` or None
        Whose DSP blocks are among them.
    """
    if isinstance(netlist, str):
        cells = re.findall(r"^\s*cell (\S+) (\S+)", netlist, re.MULTILINE)
        cells = [(kind.removeprefix("\\"), name.removeprefix("\\")) for kind, name in cells]
    else:
        cells = [(cell["type"], name) for module in netlist["modules"].values()
                 if not _is_library(module) for name, cell in module["cells"].items()]
    return sorted(f"{kind} {name}" for kind, name in cells
                  if kind in MULTIPLIERS or family and family.kind_of(kind) == "dsp")


def _is_library(module):
    attributes = module.get("attributes", {})
    return any(int(str(attributes.get(a, 0)), 2) for a in ("blackbox", "whitebox"))


def count(module, family):
    """Mapped cells of one module by kind, see :class:`qblif.boards.families.Family`."""
    return Counter(kind for cell in module["cells"].values()
                   if (kind := family.kind_of(cell["type"])))


def fanout(module):
    """Name of a net -> how many cell inputs read it."""
    loads = _loads(module)
    result = {}
    for name, net in module["netnames"].items():
        for i, bit in enumerate(net["bits"]):
            if isinstance(bit, int):
                index = i + net.get("offset", 0)
                result[name if len(net["bits"]) == 1 else f"{name}[{index}]"] = loads[bit]
    return result


def _loads(module):
    """Bit -> how many cell inputs read it."""
    return Counter(bit for cell in module["cells"].values()
                   for port, bits in cell["connections"].items()
                   if cell["port_directions"].get(port) != "output" for bit in bits)


def drop_unread_carries(module, family):
    """Disconnect outputs of carry cells that nothing reads, in place; returns their number.

    yosys names a net for the last carry of every chain, and nextpnr would add a cell to each that
    brings it out of the chain.
    """
    read = {*_loads(module)} | {bit for port in module["ports"].values() for bit in port["bits"]}
    count = 0
    for cell in module["cells"].values():
        if family.kind_of(cell["type"]) == "carry":
            unread = [port for port, bits in cell["connections"].items()
                      if cell["port_directions"].get(port) == "output" and set(bits) != {"x"}
                      and not read & set(bits)]
            for port in unread:
                cell["connections"][port] = ["x"] * len(cell["connections"][port])
            count += len(unread)
    return count


def cut_pins(module, family):
    """Drop every port that is neither a clock nor a reset, in place; returns the remaining names.

    A network's top has more ports than any package has pins.  Without its port, an input is a net
    without a driver and an output is one without a load: the placer leaves both unrouted and times
    register to register, with the clock on its global network as on a board.
    """
    needed = {bit for cell in module["cells"].values() for port, bits in cell["connections"].items()
              if re.fullmatch(f"{family.clocks}|{family.resets}", port) for bit in bits}
    module["ports"] = {name: port for name, port in module["ports"].items()
                       if port["direction"] == "input" and len(port["bits"]) == 1
                       and port["bits"][0] in needed}
    return sorted(module["ports"])
