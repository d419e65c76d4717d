"""Many frames on the generated Verilog: parts of them, on as many cores as there are."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..golden import integer
from ..hw.verilog import generate
from . import bench
from .result import Result, Stalls

__all__ = ["Part", "simulate_parts"]

VALUES = 4_000_000  # Levels of a part, so that its cycles do not depend on the cores of a machine.


class Part(NamedTuple):
    """Consecutive frames: their input levels, the integer model's trace, and what was found."""

    levels: np.ndarray
    expected: integer.Trace
    result: Result


def simulate_parts(trained, layout, levels, *, simulator, out_dir, stalls=None, generated=None,
                   progress=None):
    """Simulate ``levels`` as :func:`qblif.sim.bench.simulate` does, and yield a :class:`Part` for
    each of the parts that they are cut into, in order.

    Each part starts in an empty network, so between the frames of two there is no interval.
    ``progress`` is called, from any thread, with the number of frames that are done.  The last part
    is the first in which anything differs.  Raises what :func:`~qblif.sim.bench.simulate` raises.
    """
    spec, jobs = trained.spec, os.cpu_count() or 1
    parts = _cut(levels, spec.timesteps * sum(p.size for p in spec.populations))
    generated, building = generated or generate(layout), threading.Lock()
    done, stalls = [0] * len(parts), stalls or Stalls()

    def run(k):
        expected = integer.run(trained, parts[k])
        folder = Path(out_dir) if len(parts) == 1 else Path(out_dir) / f"part{k}"
        prepared = bench.prepare(trained, layout, parts[k], simulator=simulator, out_dir=folder,
                                 expected=expected, stalls=stalls, generated=generated,
                                 baked=generated.baked)
        with building:  # The first builds it, the others find it.
            built = prepared.build()
        result = prepared.check(prepared.run(built, lambda now: report(k, now)))
        if result.ok:
            prepared.discard()
        report(k, len(result.results))
        return Part(parts[k], expected, result)

    def report(k, now):
        done[k] = now
        if progress:
            progress(sum(done))

    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(run, k) for k in range(len(parts))]
        try:
            for part in running:
                yield (found := part.result())
                if not found.result.ok:
                    return
        finally:
            for part in running:
                part.cancel()


def _cut(levels, values):
    """Parts of nearly equal length, given the values that a frame makes."""
    return np.array_split(levels, min(len(levels), -(-len(levels) * values // VALUES)))
