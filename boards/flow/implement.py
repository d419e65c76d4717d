"""Map, place and route a design with yosys and nextpnr, on a board's pins or out of context.

A network's top has hundreds of port bits, more than any package has pins.  Out of context, all
ports but clocks and resets are cut from the mapped netlist
(:func:`qblif.boards.flow.netlist.cut_pins`), the same way on every device, and every cell stays.
Fmax is then register to register, with the clock on its global network.  (nextpnr-ecp5's own
``--out-of-context`` gives the same Fmax within the spread of seeds, but takes the clock through the
fabric; nextpnr-ice40 has no such option; a shift register around the pins would add cells that are
not the design's.)

yosys runs its default passes, with two choices.  Multipliers are left to the DSP blocks, so that
one that slipped into a design shows up in the report.  And a signal that carries ``keep`` keeps its
registers: yosys heeds that attribute on cells only, and would merge copies that were made to reduce
a fan-out.
"""

import json
import os

from ...golden.spec.files import write_atomically
from .components import components, find_owners
from .critical_path import longest_path
from .floorplan import floorplan
from .netlist import count, cut_pins, drop_unread_carries, fanout, multipliers
from .report import Report
from .tools import SynthError, run_nextpnr, run_yosys
from .utilisation import refuse_mapped, refuse_unplaced, used_cells

__all__ = ["KEEP_COPIES", "OUTPUTS", "ROUTERS", "implement"]

CROWDED = 0.25
"""Share of the LUTs, without those of carries and of LUT RAM, from which a design is routed by the
family's options for a crowded device.  The ResNet-20 has 29 % (61 % with them) and routes by these
in two minutes, the default router in ten or in more than 47; other networks have less."""

KEEP_COPIES = "setattr -set keep 1 a:keep=1 w:* %i %ci1 t:$*dff* %i"
"""Marks the registers that drive a signal with the attribute keep."""

LARGE = 0.15
"""The same share, from which a design is placed by the family's options for large ones, and
chains keep the cells that bring their last carries out: without these one routed more slowly, by
the default placer."""

OUTPUTS = ("generic.il", "mapped.json", "netlist.json", "placed.json", "floorplan.json",
           "report.json")
ROUTED = "routed.json"
ROUTERS = ("router1", "router2")
"""Of nextpnr, for every family."""


def implement(verilog, device, *, top, out_dir, board=None, frequency_mhz=None, seed=1,
              router=None, fold_output_registers=True, progress=lambda line: None):
    """Map, place and route ``verilog``; logs, netlists and the routed design stay in ``out_dir``,
    with ``report.json`` and ``floorplan.json``.

    Parameters
    ----------
    verilog : Path
        The design.
    device : :class:`qblif.boards.devices.Device`
    top : str
        Name of its top module.
    out_dir : Path
    board : :class:`qblif.boards.catalogue.Board` or None
        Package and pins, with the constraints that
        :func:`qblif.boards.flow.board_files.write_design` left in ``out_dir``; the routed design is
        then kept for :func:`qblif.boards.flow.pack.pack`.  ``None`` places out of context.
    frequency_mhz : float or None
        What the placer aims at; a slower result is reported, not refused.
    seed : int
        Of the placer. Same inputs and seed, same result.
    router : str or None
        One of :data:`ROUTERS`; ``None`` is nextpnr's own choice, or on a crowded device the
        family's.
    fold_output_registers : bool
        Whether the family's registers behind block RAMs are folded into them.
    progress : callable
        Called with one line a step.

    Returns a :class:`Report`.  Raises :class:`SynthError` for a design that does not synthesise,
    :class:`DoesNotFit` for one that is too large.
    """
    family, title = device.family, board.title if board else device.name
    part = board.part if board else device.part
    for name in OUTPUTS:
        (out_dir / name).unlink(missing_ok=True)
    progress(f"yosys: mapping {verilog.name} to {part}")
    _map(verilog, device, top, out_dir, check=board is None)
    before = (out_dir / "generic.il").read_text()
    netlist = json.loads((out_dir / "mapped.json").read_text())
    module = netlist["modules"][top]
    folded = family.fold(module) if family.fold and fold_output_registers else {}
    share = count(module, family)["lut"] / device.lut
    if share < LARGE:
        drop_unread_carries(module, family)
    if board is None:
        cut_pins(module, family)
    (out_dir / "netlist.json").write_text(json.dumps(netlist))

    cells = count(module, family)
    refuse_mapped(title, cells, device)
    aim = f" for {frequency_mhz:g} MHz" if frequency_mhz else ""
    progress(f"nextpnr: placing {cells['lut']} LUTs, {cells['ff']} flip-flops and {cells['bram']} "
             f"block RAMs{aim}")
    placed = _place(device, board, top, out_dir, frequency_mhz, seed, router,
                    find_owners(module, before, top), share)
    used = used_cells(placed, family.placer, cells)
    path = longest_path(placed, fanout(module), family.paths)
    report = Report(
        device=device.name, part=part, seed=seed, **used, carry=cells["carry"],
        lut_ram=cells["lut_ram"], folded=sum(folded.values()),
        capacities={kind: getattr(device, kind) for kind in used}, path=path,
        fmax_mhz=_fmax(placed) if path else None,
        components={name: dict(row) for name, row in
                    components(module, before, top, family, depth=3).items()},
        multipliers=tuple(multipliers(before) + multipliers(netlist, family)))
    write_atomically(out_dir / "report.json", json.dumps(report.to_json()).encode())
    return report


def _map(verilog, device, top, out_dir, check):
    """``check`` refuses modules without a definition, such as a board's PLL."""
    run_yosys(out_dir, [
        f'read_verilog "{os.path.relpath(verilog, out_dir)}"',
        f"hierarchy {'-check ' * check}-top {top}", "proc", KEEP_COPIES, "write_rtlil generic.il",
        f"{device.synth} -top {top} -json mapped.json"])


def _place(device, board, top, out_dir, frequency_mhz, seed, router, owners, share):
    """The placer's report of a design with ``share`` of the LUTs; leaves ``floorplan.json``."""
    placer = device.family.placer
    arguments = ["--json", "netlist.json", "--top", top, "--report", "placed.json",
                 "--detailed-timing-report", "--seed", str(seed), "--timing-allow-fail",
                 *(placer.large if share >= LARGE else ())]
    if router is not None:
        arguments += ["--router", router]
    elif share >= CROWDED:
        arguments += placer.crowded
    if frequency_mhz is not None:
        arguments += ["--freq", str(frequency_mhz)]
    if board is None:
        arguments = [*device.place, *arguments, *placer.no_pins]
    else:
        arguments = [*board.place, *arguments, *placer.pins, *placer.routed]
    written = "--write" in arguments  # The packer, or a simulation, wants it.
    routed = arguments[arguments.index("--write") + 1] if written else ROUTED
    arguments += () if written else ("--write", ROUTED)
    try:
        run_nextpnr(out_dir, placer, arguments)
    except SynthError:
        refuse_unplaced(board.title if board else device.name,
                        (out_dir / "nextpnr.log").read_text(errors="replace"), placer)
        raise
    placed = json.loads((out_dir / "placed.json").read_text())
    found = floorplan(out_dir / routed, placed, device, owners)
    write_atomically(out_dir / "floorplan.json", json.dumps(found, separators=(",", ":")).encode())
    if not written:  # Tens of megabytes.
        (out_dir / routed).unlink()
    return placed


def _fmax(placed):
    clocks = [clock["achieved"] for clock in placed["fmax"].values()]
    return round(min(clocks), 2) if clocks else None
