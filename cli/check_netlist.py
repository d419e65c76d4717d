"""The routed netlist of a board against the integer model, through the board's serial pins."""

import json
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from ..boards.build import build
from ..boards.flow.post_place import cell_models, post_place_verilog, with_netlist
from ..boards.host.host import Host
from ..boards.host.line import open_port
from ..golden import integer
from ..hw.link.serial import bit_cycles
from ..sim.placed_board import PlacedBoard

__all__ = ["Comparison", "build_with_netlist", "check_netlist"]

ANSWER_SECONDS = 60.0  # A netlist runs at some 20,000 cycles a second.


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the placed board answered; ``level_mismatches`` counts by population.

    ``cells`` counts the netlist's cells by type; ``cycles`` is the network's counter for each
    frame.  ``build_seconds`` is the time to build the simulation, ``load_seconds`` and
    ``run_seconds`` that of loading and running on it, all wall-clock time.
    """

    cells: Counter
    images: int
    levels_compared: int
    level_mismatches: dict[str, int]
    class_mismatches: int
    cycles: tuple[int, ...]
    build_seconds: float
    load_seconds: float
    run_seconds: float

    @property
    def ok(self):
        """Whether there were levels to compare, and neither a level nor a class differs."""
        return bool(self.levels_compared) and not (
            sum(self.level_mismatches.values()) or self.class_mismatches)


def build_with_netlist(trained, board, *, out_dir, **options):
    """:func:`qblif.boards.build.build` of a core that records levels, for :func:`check_netlist`.

    Takes its parameters and returns its report.  Raises :class:`SynthError` as it does, and
    :class:`InvalidValue` for a board whose FPGA is no iCE40.
    """
    board = with_netlist(replace(board, levels=True))
    return build(trained, board, out_dir=out_dir, **options)


def check_netlist(trained, board, frames, *, out_dir, expected=None, cache=None, progress=None):
    """Load ``trained`` onto the simulated netlist, run ``frames``, compare all levels and classes.

    Parameters
    ----------
    trained : :class:`qblif.golden.spec.artifact.Trained`
    board : :class:`qblif.boards.catalogue.Board`
    frames : integer array ``(frames, inputs)``, or ``(frames, timesteps, inputs)``
    out_dir : Path
        Of :func:`build_with_netlist`.
    expected : :class:`qblif.golden.integer.Trace`, or ``None`` to compute it
    cache : folder of builds in place of the user's cache
    progress : callable or None
        Called with one line a step.

    Returns a :class:`Comparison`.  Raises :class:`qblif.boards.flow.tools.SynthError` where there
    is no netlist, :class:`qblif.sim.simulators.SimulatorError` where Verilator is missing or fails,
    and :class:`qblif.boards.host.line.HostError` where the netlist does not answer as a board does.
    """
    out_dir, say = Path(out_dir), progress or (lambda line: None)
    cells = post_place_verilog(out_dir / "work")
    say(f"verilator: building {cells.total()} cells")
    report = json.loads((out_dir / "build.json").read_text())
    placed = PlacedBoard(
        (out_dir / "work/post.v").read_text(), cell_models(), clock=board.clock,
        bit_cycles=bit_cycles(round(report["clock_mhz"] * 1e6), report["baud"]), cache=cache)
    with placed, open_port(placed.port, report["baud"]) as line:
        host = Host(line, timeout=ANSWER_SECONDS, tries=2)
        started = time.perf_counter()
        host.load(trained, lambda done, total: say(f"written {done} of {total} bytes"))
        loaded = time.perf_counter()
        outcome = host.run(trained, frames, levels=True, progress=lambda k: say(f"image {k}"))
    expected = expected or integer.run(trained, frames)
    return Comparison(
        cells=cells, images=len(outcome.classes),
        levels_compared=sum(found.size for found in outcome.levels.values()),
        level_mismatches={name: int((found != expected.levels[name].numpy()).sum())
                          for name, found in outcome.levels.items()},
        class_mismatches=int((outcome.classes != expected.classes.numpy()).sum()),
        cycles=tuple(outcome.cycles.tolist()), build_seconds=placed.build.seconds,
        load_seconds=loaded - started, run_seconds=time.perf_counter() - loaded)
