"""What a network's events cost: counted from its levels, in events, digits and synaptic operations.

The hardware's counters measure the same numbers; its cycle model is in
:mod:`qblif.hw.layout.cycles`.
"""

import numpy as np

from . import integer
from .spec import as_map
from .spec.burst import MODES, digits
from .spec.errors import InvalidValue

__all__ = ["activity", "fan_out", "measure_activity"]


def activity(spec, levels):
    """Mean events, digits and operations that one frame brings to each synapse.

    ``levels`` maps a source's name to its levels: ``(frames, neurons)`` where they are sent once a
    frame (a static input), else ``(timesteps, frames, neurons)``.  Returns ``{synapse: {"events",
    "digits", "repeat_digits", "operations"}}``; ``digits`` counts shift mode, ``repeat_digits``
    repeat mode; ``operations`` are synaptic operations in shift mode, a digit for each target that
    it reaches.
    """
    whole = {source: _count(levels[source]) for source in {s.source for s in spec.synapses}}
    found = {}
    for synapse in spec.synapses:
        # The last timestep's bursts have no timestep after them.
        counts, digits_of = (_count(np.asarray(levels[synapse.source])[:-1])
                             if spec.recurrent(synapse) else whole[synapse.source])
        found[synapse.name] = counts | {"operations": float(digits_of @ fan_out(spec, synapse))}
    return found


def _count(levels):
    """Mean events and digits of a frame, and mean digits of each neuron in it."""
    levels = np.asarray(levels)
    levels = levels.reshape(-1, *levels.shape[-2:])
    frames = levels.shape[1]
    every = range(levels.max(initial=0) + 1)
    costs = {mode: np.array([len(digits(level, mode)) for level in every]) for mode in MODES}
    histogram = np.bincount(levels.reshape(-1), minlength=1)
    return ({"events": float(histogram[1:].sum() / frames),
             "digits": float(histogram @ costs["shift"] / frames),
             "repeat_digits": float(histogram @ costs["repeat"] / frames)},
            costs["shift"].astype(np.uint8)[levels].sum((0, 1)) / frames)


def measure_activity(trained, batches, device=None):
    """:func:`activity` of the integer network ``trained``, a mean over all frames of ``batches``.

    Each batch is an array of input levels, as :func:`qblif.golden.integer.run` takes them.  For a
    plan: ``dataclasses.replace(trained, activity=measure_activity(trained, batches))``.  Raises
    :class:`ValueError` where there are no frames.
    """
    spec, frames, found = trained.spec, 0, []
    for levels in batches:
        levels = np.asarray(levels)
        sent = {spec.input.name: levels if spec.input.static else levels.swapaxes(0, 1)}
        frames += len(levels)
        found.append((len(levels), activity(spec, sent | integer.run(trained, levels,
                                                                      device).levels)))
    if not frames:
        raise InvalidValue("Activity needs at least 1 frame, not 0")
    return {name: {what: sum(n * each[name][what] for n, each in found) / frames
                   for what in found[0][1][name]} for name in found[0][1]}


def fan_out(spec, synapse):
    """How many targets each neuron of the synapse's source reaches: ``(neurons,)``."""
    source, target = (spec.source(name) for name in (synapse.source, synapse.target))
    if synapse.kind == "dense":
        return np.full(source.size, target.size)
    channels, *extents = as_map(source.shape)
    out = as_map(target.shape)
    rows, columns = (_windows_along_axis(size, after, *geometry) for size, after, *geometry in zip(
        extents, out[1:], synapse.kernel, synapse.stride, synapse.padding, synapse.pool,
        strict=True))
    each = np.outer(rows, columns).reshape(-1) * (out[0] // synapse.groups)
    return np.tile(each, channels)


def _windows_along_axis(size, after, kernel, stride, padding, pool):
    """Number of the ``after`` windows that hold each of ``size`` places, along one axis."""
    counts = np.zeros(size, np.int64)
    pooled = size // pool
    for window in range(after):
        low = window * stride - padding
        first = max(low, 0)
        end = max(first, min(low + kernel, pooled))  # A window may lie in the padding.
        counts[first * pool:end * pool] += 1
    return counts
