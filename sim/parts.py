"""Many frames on the generated Verilog: parts of them, on as many cores as there are."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..golden import integer
from ..golden.spec.files import locked
from ..hw.logic.layout import LogicLayout
from ..hw.verilog import generate
from . import bench, logic_bench
from .result import Result, Stalls

__all__ = ["Part", "cut", "simulate_part", "simulate_parts", "until_wrong"]

VALUES = 4_000_000  # Levels of a part, so that its cycles do not depend on the cores of a machine.


class Part(NamedTuple):
    """Consecutive frames: their input levels (pixels where the network encodes them), the integer
    model's trace, and what was found."""

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
    generated, folder = generated or generate(layout), Path(out_dir)
    parts = cut(trained.spec, levels)
    done = [0] * len(parts)

    def report(k, now):
        done[k] = now
        if progress:
            progress(sum(done))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from until_wrong([pool.submit(
            simulate_part, trained, layout, part, k, len(parts), simulator=simulator,
            out_dir=folder, stalls=stalls, generated=generated, progress=partial(report, k))
            for k, part in enumerate(parts)], lambda part: part.result.ok)


def simulate_part(trained, layout, levels, k, count, *, simulator, out_dir, generated, stalls=None,
                  progress=lambda now: None):
    """The :class:`Part` of ``levels``, the ``k``-th of ``count`` parts."""
    out_dir.mkdir(parents=True, exist_ok=True)
    prepare = logic_bench.prepare if isinstance(layout, LogicLayout) else partial(
        bench.prepare, baked=generated.baked)
    prepared = prepare(
        trained, layout, levels, simulator=simulator, stalls=stalls or Stalls(),
        out_dir=out_dir if count == 1 else out_dir / f"part{k}", generated=generated)
    with locked(out_dir / "build.lock"):  # The first builds it, the others find it.
        built = prepared.build()
    result = prepared.check(prepared.run(built, progress))
    if result.ok:
        prepared.discard()
    progress(len(result.results))
    return Part(levels, prepared.expected, result)


def until_wrong(running, is_right):
    """Results of Futures in order, to the first that is not right; the others are cancelled."""
    try:
        for future in running:
            yield (found := future.result())
            if not is_right(found):
                return
    finally:
        for future in running:
            future.cancel()


def cut(spec, levels):
    """Parts of nearly equal length, by the values that a frame makes."""
    values = spec.timesteps * sum(p.size for p in spec.populations)
    return np.array_split(levels, min(len(levels), -(-len(levels) * values // VALUES)))
