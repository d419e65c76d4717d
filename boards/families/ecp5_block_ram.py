"""Fold registers behind ECP5 block RAMs into the block RAM's own output register.

A plain ECP5 block RAM answers 5.8 ns after the clock edge (speed 6); with its output register on,
it answers after 1.0 ns.  yosys leaves that register off and puts flip-flops in the fabric.

Why the folded netlist is the same machine: with ``REGMODE`` at ``OUTREG``, a port of ``DP16KD``
computes ``if (OCE) out <= array`` at each edge of its clock, where ``array`` is what the port shows
at ``NOREG``.  A flip-flop on the same edge whose data is that port's bit, with enable ``e`` and
neither set nor reset, computes ``if (e) q <= array``.  With ``OCE = e`` they differ in no cycle,
provided that nobody else reads ``array``: the conditions in :func:`_side`.  Both start at zero.

Two points are avoided, not assumed, because models of this family of blocks differ on them.
The output register may also wait for the port's clock enable: that must be ``1`` or ``e``.  And in
36-bit mode port B clocks the output registers of both halves: they fold together, on one clock.
"""

from collections import defaultdict

__all__ = ["fold_output_registers"]


def fold_output_registers(module):
    """Turn on the output register of every block RAM port that is only read by plain flip-flops.

    Parameters
    ----------
    module : dict
        One module of a yosys JSON netlist, mapped to ECP5 cells.  Changed in place.

    Returns
    -------
    dict
        Name of the block RAM -> number of flip-flops that went into it.
    """
    cells = module["cells"]
    readers, kept = _readers(module), _kept(module)
    folded = {}
    for name, ram in [(n, c) for n, c in cells.items() if c["type"] == "DP16KD"]:
        wide = _number(ram["parameters"].get("DATA_WIDTH_B", 18)) == 36
        for sides in (("B", "A"),) if wide else (("A",), ("B",)):
            found = _side(ram, sides, readers, kept, cells)
            if found is None:
                continue
            enable, flops = found
            for side in sides:
                ram["parameters"][f"REGMODE_{side}"] = "OUTREG"
                ram["connections"][f"OCE{side}"] = [enable]
                ram["port_directions"][f"OCE{side}"] = "input"
            for port, flop in flops.items():
                ram["connections"][port] = cells[flop]["connections"]["Q"]
            for flop in flops.values():
                del cells[flop]
            folded[name] = folded.get(name, 0) + len(flops)
    return folded


def _readers(module):
    """Bit -> what reads it: (cell, port), or (None, port) for a port of the module."""
    readers = defaultdict(list)
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"].get(port) != "output":
                for bit in bits:
                    readers[bit].append((name, port))
    for name, port in module["ports"].items():
        for bit in port["bits"]:
            readers[bit].append((None, name))
    return readers


def _kept(module):
    """Bits of nets that the designer asked to keep: what they carry must stay visible."""
    return {bit for net in module["netnames"].values() if _number(net["attributes"].get("keep", 0))
            for bit in net["bits"]}


def _side(ram, sides, readers, kept, cells):
    """The common enable and the flip-flops behind one port (two in 36-bit mode), or ``None``."""
    clock = _clock(ram, f"CLK{sides[0]}", f"CLK{sides[0]}MUX")
    for side in sides:
        if (ram["parameters"].get(f"REGMODE_{side}", "NOREG") != "NOREG"
                or ram["connections"].get(f"RST{side}", ["0"]) != ["0"]
                or any(ram["parameters"].get(f"{pin}{side}MUX", f"{pin}{side}") != f"{pin}{side}"
                       for pin in ("CE", "OCE", "RST"))
                or _clock(ram, f"CLK{side}", f"CLK{side}MUX") != clock):
            return None
    flops, enables = {}, set()
    for port in [f"DO{side}{i}" for side in sides for i in range(18)]:
        for bit in ram["connections"].get(port, []):
            users = readers.get(bit, [])
            if not users:
                continue
            name = users[0][0]
            if len(users) > 1 or bit in kept or users[0][1] != "DI" or name is None:
                return None
            if not _plain(cells[name]) or _clock(cells[name], "CLK", "CLKMUX") != clock:
                return None
            flops[port] = name
            enables.add(_enable(cells[name]))
    if len(enables) != 1 or None in enables:
        return None
    enable = enables.pop()
    array_enables = {ram["connections"].get(f"CE{sides[0]}", ["1"])[0], enable}
    return (enable, flops) if array_enables <= {"1", enable} else None


def _plain(cell):
    """Whether a cell is a flip-flop that starts at zero and has neither set, reset nor load."""
    p, c = cell["parameters"], cell["connections"]
    return (cell["type"] == "TRELLIS_FF" and p.get("REGSET", "RESET") == "RESET"
            and p.get("GSR", "ENABLED") == "DISABLED" and p.get("LSRMUX", "LSR") == "LSR"
            and c.get("LSR", ["0"]) == ["0"] and not c.get("M")
            and not _number(cell["attributes"].get("keep", 0)))


def _clock(cell, port, mux):
    return cell["connections"].get(port), cell["parameters"].get(mux, port) == "INV"


def _enable(cell):
    """The bit that enables a flip-flop, ``"1"`` if always, ``None`` if inverted or never."""
    mux = cell["parameters"].get("CEMUX", "CE").strip()
    if mux == "1":
        return "1"
    return cell["connections"].get("CE", ["1"])[0] if mux == "CE" else None


def _number(value):
    """A JSON netlist writes integers as numbers or as binary strings."""
    return int(value, 2) if isinstance(value, str) else value
