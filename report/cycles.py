"""The part of a report that says where the cycles go: by the cycle model, which the simulation must
equal."""

from collections import Counter

import numpy as np

from ..boards.fit import stage_cycles
from ..golden import integer
from ..hw.layout.cycles import count_cycles
from ..hw.layout.work import works_of

__all__ = ["describe_cycles", "estimate_cycles"]

BINS = 120  # Of a frame's time.


def estimate_cycles(layout, activity):
    """Mean cycles of each stage by the activity that training measured, before any frame is run."""
    stages = [{"name": stage.name, "cycles": stage_cycles(stage, works_of(
        layout.spec, stage.population, activity, stage.plan.burst))} for stage in layout.stages]
    slowest = max(stages, key=lambda stage: stage["cycles"])
    return {"measured": bool(activity), "bound": slowest["name"], "interval": slowest["cycles"],
            "stages": stages}


def describe_cycles(trained, layout, frames):
    """Cycles of ``frames`` of levels, fed without a pause; and when each stage works in the first
    of them alone.

    ``cycles`` are those between two results, and each stage's are of the frames from the second
    on; of one frame they are those to its result.  ``busy`` is the share in which lanes add.
    """
    alone = _count(trained, layout, frames[:1])
    several = len(frames) > 1
    found = _count(trained, layout, frames) if several else alone
    per_frame = float(found.interval.mean() if several else found.latency[0])
    amounts = _amounts(found) - _amounts(alone) if several else _amounts(alone)
    stages = [_stage(stage, amounts, max(1, len(frames) - 1), per_frame)
              for stage in layout.stages]
    bound = max(stages, key=lambda stage: stage["cycles"])
    return {"images": len(frames),
            "latency": {"mean": float(found.latency.mean()), "least": int(found.latency.min()),
                        "most": int(found.latency.max())},
            "cycles": per_frame, "several": several, "bound": bound["name"],
            "bound_cycles": bound["cycles"], "stages": stages,
            "alone": _alone(alone, layout)}


def _count(trained, layout, frames):
    trace = integer.run(trained, frames)
    return count_cycles(layout, frames, {
        name: levels.numpy() for name, levels in trace.levels.items()}, work=True)


def _amounts(found):
    """Digits of each engine, and vectors of each stage, in all."""
    rows = {key: part for name, work in found.work.items() for key, part in (
        *work.digits.items(), (name, work.vectors))}
    return Counter({key: int(part[:, 2].sum()) for key, part in rows.items()})


def _stage(stage, amounts, frames, per_frame):
    """Mean cycles of a frame in which a stage's lanes add, and in which its neurons are updated;
    ``cycles`` are the greatest of them."""
    engines = []
    for engine in stage.engines:
        cycles = amounts[engine.name] / frames / engine.ports
        engines.append({"name": engine.name, "lanes": engine.lanes, "cycles": cycles,
                        "busy": cycles / per_frame})
    updates = amounts[stage.name] / frames
    return {"name": stage.name, "engines": engines, "updates": updates,
            "cycles": max(updates, *(engine["cycles"] for engine in engines))}


def _alone(found, layout):
    """One frame in an empty network: when its first transfer is accepted and its class is there,
    and for each stage the first and last cycle of its work, and the share of each bin's cycles in
    which its lanes add, and in which it updates neurons.

    Cycle 0 is the first in which anything is done: a framer sends the markers of empty steps before
    it accepts the first event.
    """
    rows = {name: np.concatenate([*work.digits.values(), work.vectors])
            for name, work in found.work.items()}
    start = min(int(found.first[0]), *(int(part[:, 0].min()) for part in rows.values()))
    end = int(found.last[0]) - start
    width = -(-(end + 1) // BINS)
    bins = -(-(end + 1) // width)
    stages = []
    for stage in layout.stages:
        name, work = stage.name, found.work[stage.name]
        digits = [_spread(work.digits[engine.name], start, width, bins) / engine.ports
                  for engine in stage.engines]
        stages.append({
            "name": name, "first": int(rows[name][:, 0].min()) - start,
            "last": int(rows[name][:, 1].max()) - 1 - start,
            "lanes": _shares(np.max(digits, 0), width),
            "updates": _shares(_spread(work.vectors, start, width, bins), width)})
    return {"accepted": int(found.first[0]) - start, "class": end, "latency": int(found.latency[0]),
            "bin": width, "stages": stages}


def _spread(rows, first, width, bins):
    """What rows of ``(begin, end, amount)`` amount to in each bin, evenly spread over each row."""
    total = np.zeros(bins)
    for begin, end, amount in (rows[rows[:, 2] > 0] - (first, first, 0)).tolist():
        for k in range(begin // width, min(bins - 1, (end - 1) // width) + 1):
            inside = min(end, (k + 1) * width) - max(begin, k * width)
            total[k] += amount * inside / (end - begin)
    return total


def _shares(amounts, width):
    """As shares of a bin's cycles, in thousandths."""
    return np.minimum(1, np.round(amounts / width, 3)).tolist()
