"""Mapped cells by design hierarchy, traced back through the flattened netlist."""

import re
from collections import Counter, defaultdict

from .tools import SynthError

__all__ = ["components", "find_owners"]


def components(module, rtlil, top, family, depth=2):
    """Mapped cells by the instance that they come from.

    A cell belongs to the instance in which its output has a name.  A cell whose output has none
    (logic between two registers) belongs to its load, so that a register counts together with the
    logic in front of it, and a block RAM with the register that was folded into it.

    Parameters
    ----------
    module : dict
        The flattened and mapped top of a yosys JSON netlist.
    rtlil : str
        The same design before flattening, as RTLIL text.
    top : str
        Name of its top module.
    family : :class:`qblif.boards.families.Family`
    depth : int
        Hierarchy depth.

    Returns
    -------
    dict
        ``"stage.lane*"`` -> Counter of kinds of cells, the top itself under ``""``.  Instances
        whose names differ in a trailing number share a row, with a star in its place and their
        number under ``"instances"``.

    Raises
    ------
    SynthError
        No module ``top`` in ``rtlil``.
    """
    owners = find_owners(module, rtlil, top)
    rows, joined = defaultdict(Counter), defaultdict(set)
    for name, cell in module["cells"].items():
        if kind := family.kind_of(cell["type"]):
            scope = owners.get(name, ())[:depth]
            row = ".".join(_without_number(part) for part in scope)
            rows[row][kind] += 1
            joined[row].add(scope)
    for row, scopes in joined.items():
        rows[row]["instances"] = len(scopes)
    return dict(sorted(rows.items()))


def find_owners(module, rtlil, top):
    """Name of a mapped cell -> names of the instances that it lies in, from the outermost on.

    Parameters and errors are those of :func:`components`.
    """
    return _owners(module, _scopes(rtlil, top))


def _without_number(part):
    return re.sub(r"_?\d+$", "*", re.sub(r"\$\d+$", "", part))


def _scopes(rtlil, top):
    """Flattened name of each wire -> the path of the instance that drives it."""
    wires, cells = defaultdict(list), defaultdict(list)
    current = None
    for line in rtlil.splitlines():
        words = line.split() or [""]
        if words[0] == "module":
            current = words[1].removeprefix("\\")
        elif words[0] == "wire" and words[-1].startswith("\\") and "input" not in words:
            wires[current].append(words[-1][1:])
        elif words[0] == "cell" and words[1].startswith("\\"):
            cells[current].append((words[1][1:], words[2].removeprefix("\\")))
    if top not in wires:
        raise SynthError(f"yosys' RTLIL has no wire in module {top}: is its format a new one?")
    names = {}
    stack: list[tuple[str, tuple[str, ...]]] = [(top, ())]
    while stack:
        kind, path = stack.pop()
        names.update({".".join((*path, wire)): path for wire in wires[kind]})
        stack.extend((child, (*path, instance)) for child, instance in cells[kind])
    return names


def _owners(module, scopes):
    """Name of a cell -> the path of the instance that it belongs to."""
    of_bit = {}
    for name, net in module["netnames"].items():
        for bit in net["bits"] if name in scopes else ():
            of_bit[bit] = max(scopes[name], of_bit.get(bit, ()), key=len)

    drivers, owners = {}, {}
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"].get(port) == "output":
                drivers.update(dict.fromkeys(bits, name))
                found = [of_bit[bit] for bit in bits if bit in of_bit]
                if found and name not in owners:
                    owners[name] = found[0]

    # Cells without a name take the owner of their load, from the registers backwards.
    frontier = list(owners)
    while frontier:
        reader = frontier.pop()
        cell = module["cells"][reader]
        for port, bits in cell["connections"].items():
            for bit in bits if cell["port_directions"].get(port) != "output" else ():
                if (driver := drivers.get(bit)) and driver not in owners:
                    owners[driver] = owners[reader]
                    frontier.append(driver)
    return owners
