"""A network on a board: the largest lane count that fits and meets a clock, as a bitstream."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from ..golden.spec.artifact import write_atomically
from ..hw.layout.compile import compile
from .allocate import Allocator, largest_first_layer
from .fit import (
    frame_cycles,
    need,
    refusal,
    request_room,
    weight_capacity,
    weight_kbit,
)
from .flow.board_files import need_tools, write_design, write_plan
from .flow.implement import implement
from .flow.pack import pack
from .flow.tools import DoesNotFit, SynthError
from .line_time import line_times, load_seconds
from .pll import check_clock, find_pll
from .top import Top

__all__ = ["FASTEST", "Attempt", "build"]

MARGIN = 1.02  # A clock is tried again only this much below what was reached.
PLACED = ("lut", "ff", "bram", "spram", "dsp", "fmax_mhz", "multipliers")  # In build.json.
FASTEST = "fastest"  # In place of a serial rate.


def build(trained, board, *, out_dir, lanes=None, layout=None, frequency=None, seed=1,
          baud=None, progress=None):
    """Build the bitstream of ``trained``'s network for ``board``.

    The weights are not in it: any weights of the same network are loaded at run time.  Without
    ``lanes``, the fastest plan is searched that fits and meets one of the board's clocks, see
    :mod:`qblif.boards.allocate`; without ``frequency``, the fastest of these clocks is taken that
    the routed design meets.

    Parameters
    ----------
    trained : :class:`qblif.golden.spec.artifact.Trained`
    board : :class:`qblif.boards.catalogue.Board`
    out_dir : Path
        Gets ``BOARD.bin``, ``.bit`` or ``.fs``, then ``build.json``; all else lies in ``work``.
        For a board that the vendor's tool places, ``plan`` with the files for it.
    lanes : int or None
    layout : :class:`qblif.hw.layout.compile.Layout` or ``None``
        Builds just this one; ``lanes`` is then ``None``.
    frequency : float or None
        MHz.
    baud : int, "fastest" or None
        Of the serial port; "fastest" is what the board's adapter has and its clock divides to,
        ``None`` 921,600, which every adapter has.

    Returns
    -------
    dict
        The content of ``build.json``.

    Raises
    ------
    SynthError
        A missing tool, a network that the board cannot hold, a clock that cannot be met.
    """
    out_dir, say = Path(out_dir), progress or (lambda line: None)
    attempt = Attempt(board, out_dir, frequency, seed, baud, say)
    plans, plan, why = _plans(trained, board, lanes, layout)
    late = False
    for plan in plans:
        layout = compile(trained.spec, plan)
        try:
            placed, clock = attempt.place(layout)
            return attempt.finish(placed, _report(trained, attempt, layout, clock))
        except DoesNotFit as error:
            why, late = str(error), isinstance(error, MissesClock)
            say(f"{lanes_of(plan)}: {why}")
    if late:
        raise SynthError(f"{board.title} does not run this network fast enough "
                         f"({lanes_of(plan)}: {why}): ask for a lower frequency")
    raise SynthError(_too_small(trained.spec, board, f"{lanes_of(plan)}: {why}"))


def _plans(trained, board, lanes, layout):
    """``(plans to try in order, the plan that a refusal names, why none can fit or "")``."""
    if layout:
        why = refusal(need(layout, board.fpga, link=True, levels=board.levels), board.fpga)
        return [] if why else [layout.plan], layout.plan, why
    allocator = Allocator(trained.spec, board.fpga, trained.activity, link=True,
                          levels=board.levels)
    plan, why = allocator.with_lanes(lanes) if lanes else allocator.smallest()
    return [] if why else [plan] if lanes else allocator.plans(), plan, why


def lanes_of(plan):
    """The lanes of the stages in words."""
    lanes = ", ".join("+".join(map(str, stage.lanes)) for stage in plan.stages)
    return f"{lanes} lanes"


class MissesClock(DoesNotFit):
    """A design fits, but reaches no clock that it may have."""


class Attempt:
    """One network on one board, placed with varying lanes and clocks: at ``frequency`` in MHz, or
    at each of the board's own.  ``frames`` as of :class:`qblif.hw.link.board_core.BoardCore`."""

    def __init__(self, board, out_dir, frequency, seed, baud, say, frames=512):
        check_clock(frequency)
        need_tools(board)
        self.clocks = list(board.clocks) if frequency is None else [frequency]
        self.board, self.out_dir = board, out_dir
        self.work = out_dir / ("work" if board.placed_here else "plan")
        self.work.mkdir(parents=True, exist_ok=True)
        self.seed, self.frames = seed, frames
        self.asked = baud or board.baud
        self.say = say

    def baud(self, clock_mhz):
        """Of the serial port."""
        if self.asked == FASTEST:
            return self.board.fastest_baud(round(clock_mhz * 1e6))
        return self.asked

    def top(self, layout, mhz):
        """The board's top with its core at ``mhz``, and the exact clock in MHz."""
        from ..hw.link.board_core import BoardCore
        board, pll = self.board, None
        if mhz != board.oscillator_mhz:
            if board.fpga.family.pll is None:
                raise SynthError(f"{board.title} runs at {board.oscillator_mhz:g} MHz, "
                                 f"not {mhz:g} MHz")
            pll = find_pll(board.fpga.family.pll, board.oscillator_mhz, mhz)
        exact = float(pll.out) if pll else mhz
        core = BoardCore(layout, clock_hz=round(exact * 1e6), baud=self.baud(exact),
                         levels=board.levels, frames=self.frames,
                         room=request_room(board.fpga))
        return Top(board, core, clock_mhz=exact, pll=pll), exact

    def place(self, layout):
        """``(placed, clock in MHz)`` at the fastest clock that is met.

        Raises :class:`DoesNotFit` where it is too large, :class:`MissesClock` where it is slow.
        """
        clocks = [*self.clocks]
        if not self.board.placed_here:
            top, exact = self.top(layout, clocks[0])
            write_plan(self.board, top, self.work)
            return None, exact
        while clocks:
            top, exact = self.top(layout, clocks[0])
            write_design(self.board, top, self.work)
            placed = implement(self.work / "top.v", self.board.fpga, top="top", out_dir=self.work,
                               board=self.board, frequency_mhz=exact, seed=self.seed,
                               progress=self.say)
            reached = placed.fmax_mhz or 0.0
            self.say(f"{placed.lut} LUTs, {reached:.1f} MHz of {exact:g}")
            if reached >= exact:
                return placed, exact
            clocks = [clock for clock in clocks[1:] if clock * MARGIN <= reached]
        raise MissesClock(f"it reaches {reached:.1f} MHz, not {exact:g} MHz")

    def finish(self, placed, report):
        """Write the bitstream, and ``build.json`` with ``report`` and what was placed."""
        board, out_dir = self.board, self.out_dir
        report = {"board": board.name, "part": board.part, "baud": self.baud(report["clock_mhz"]),
                  "seed": self.seed} | report
        (out_dir / "build.json").unlink(missing_ok=True)
        if placed is None:
            report |= {"bitstream": None, "plan_for": "the vendor's tool; not placed here"}
        else:
            suffix, content = pack(board, self.work)
            name = f"{board.name}.{suffix}"
            write_atomically(out_dir / name, content)
            report |= {key: getattr(placed, key) for key in PLACED} | {
                "path_in_words": placed.path_in_words(), "capacities": placed.capacities,
                "bitstream": name, "sha256": hashlib.sha256(content).hexdigest()}
        write_atomically(out_dir / "build.json", (json.dumps(report, indent=2) + "\n").encode())
        return report


def _report(trained, attempt, layout, clock):
    """What ``build.json`` says of a network in memories."""
    board, plan, baud = attempt.board, layout.plan, attempt.baud(clock)
    bauds = sorted({baud, board.fastest_baud(round(clock * 1e6))})
    return {
        "network_digest": trained.spec.digest, "layout_digest": layout.digest,
        "lanes": [list(stage.lanes) for stage in plan.stages], "plan": asdict(plan)["stages"],
        "order": plan.order, "clock_mhz": clock, "levels": board.levels,
        "images_per_second": round(clock * 1e6 / frame_cycles(layout, trained.activity)),
        "load_seconds": round(load_seconds(layout, baud), 3),
        "line": line_times(trained, layout, board.fpga, clock, bauds)}


def _too_small(spec, board, reason):
    text = (f"{board.title} is too small for this network: it needs {weight_kbit(spec):.0f} kbit "
            f"of weights, the {board.part} has {weight_capacity(board.fpga):.0f} kbit "
            f"of memory for everything ({reason})")
    size = largest_first_layer(spec, board.fpga, link=True, levels=board.levels)
    return text + (f"; a first layer of about {size} neurons would fit" if size else "")
