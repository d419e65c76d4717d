"""Many random frames through a network behind a bus, with pauses and resets in their midst, against
the integer model.
"""

import random
from dataclasses import dataclass

import numpy as np

from ..golden import integer
from ..hw.bus.load import bus_writes
from ..hw.bus.network import FRAMES_UNDER_WAY
from ..hw.bus.registers import CONTROL, STATUS
from .bus_bench import packets, play

__all__ = ["BusCheck", "check_bus"]

RESET = 1 << CONTROL.field("RESET").low
STATE = ("ARMED", "BUSY", "DROPPING")
AT_REST = 1 << STATUS.field("ARMED").low
WRONG = 6  # One packet in so many has a transfer too many.
CYCLES = 12  # A frame of a small network takes at least so many; resets come within the first ones.


@dataclass(frozen=True)
class BusCheck:
    """``frames`` that were sent, ``results`` that came; ``mismatches``: results that are wrong,
    missing or too many, accesses that failed, and times when the network should rest and does not;
    ``lost``: frames that resets ended, by ``soft_resets`` of CONTROL and ``bus_resets``;
    ``broken``: offers that did not hold; ``cycles`` of the simulation."""

    frames: int
    results: int
    mismatches: int
    lost: int
    soft_resets: int
    bus_resets: int
    broken: list[str]
    cycles: int


def check_bus(trained, layout, count, *, seed=0, **options):
    """Send ``count`` random frames in groups, some of them wrong; a group in four is reset by
    CONTROL while the source sends on, one in four by the bus.  The ``options`` are those of
    :func:`qblif.sim.bus_bench.play`.  Returns a :class:`BusCheck`.
    """
    draw, plan = np.random.default_rng(seed), random.Random(seed)
    shape = (count, layout.spec.input.size) if layout.spec.input.static else (
        count, layout.spec.timesteps, layout.spec.input.size)
    frames = draw.integers(0, layout.spec.input.n_max + 1, shape)
    frames = frames * (draw.random(shape) < draw.choice([0, 0.2, 0.6], (count, *[1] * (
        len(shape) - 1)), p=[0.1, 0.5, 0.4]))
    labels = integer.run(trained, frames).classes.tolist()
    sent = packets(layout, frames)
    for k in range(0, count, WRONG):
        sent[k], labels[k] = [*sent[k], 0], -1
    loading = [] if options.get("baked") else [("load", list(bus_writes(trained, layout)))]
    groups, start, operations = [], 0, [*loading, ("mark",)]
    while start < count:
        size = plan.randint(8, 30)
        kind = ("soft", "none", "bus", "none")[len(groups) % 4]
        groups.append((kind, labels[start:start + size]))
        operations.append(("frames", sent[start:start + size]))
        if kind == "none":
            operations.append(("more", len(groups[-1][1])))
        else:
            operations.append(("wait", plan.randint(2, CYCLES * len(groups[-1][1]))))
            operations += [("write", CONTROL.offset, RESET)] if kind == "soft" else [
                ("reset", plan.randint(1, 4)), *loading]
        operations += [("settle",), ("read", STATUS.offset), ("mark",)]
        start += size
    found = play(trained, layout, operations, seed=seed, **options)
    marks = [entry[1] for entry in found.accesses if entry[0] == "results"]
    parts = [found.results[a:b] for a, b in zip(marks, marks[1:], strict=False)]
    wrong = [differences(kind, want, got)
             for (kind, want), got in zip(groups, parts, strict=True)]
    state = sum(1 << STATUS.field(name).low for name in STATE)
    failed = sum(entry[1] or entry[0] == "read" and entry[2] & state != AT_REST
                 for entry in found.accesses if entry[0] != "results")
    return BusCheck(
        frames=count, results=len(found.results), mismatches=sum(wrong) + failed,
        lost=sum(len(want) - len(got) for (kind, want), got in zip(groups, parts, strict=True)
                 if kind != "none"),
        soft_resets=sum(kind == "soft" for kind, _ in groups),
        bus_resets=sum(kind == "bus" for kind, _ in groups),
        broken=found.broken, cycles=found.cycles)


def differences(kind, want, got):
    """How many of a group's results are wrong, missing or too many.

    After a reset of the bus nothing more of the group comes.  After one by CONTROL those frames are
    missing that were under way.
    """
    if kind == "none":
        return sum(a != b for a, b in zip(want, got, strict=False)) + abs(len(want) - len(got))
    if kind == "bus":
        return sum(a != b for a, b in zip(want, got, strict=False)) + max(0, len(got) - len(want))
    missing = len(want) - len(got)
    if not 0 <= missing <= FRAMES_UNDER_WAY + 1:
        return abs(missing)
    return min(sum(a != b for a, b in zip(want[:k] + want[k + missing:], got, strict=True))
               for k in range(len(got) + 1))
