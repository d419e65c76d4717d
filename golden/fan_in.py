"""Which neurons reach one neuron, and through which weight: the transpose of
:func:`qblif.golden.activity.fan_out`."""

import numpy as np

from .spec import as_map

__all__ = ["fan_in"]


def fan_in(spec, synapse, neuron):
    """``(sources, weights)`` of one target neuron: the neurons of the source that reach it, in
    ascending order, and each one's place in the flattened weight tensor, two arrays ``(sources,)``.
    """
    source, target = (spec.source(name) for name in (synapse.source, synapse.target))
    places = np.arange(np.prod(spec.weight_shape(synapse)))
    if synapse.kind == "dense":
        return np.arange(source.size), places.reshape(-1, source.size)[neuron]
    channels, *extents = as_map(source.shape)
    channel, *position = np.unravel_index(neuron, as_map(target.shape))
    kernel = places.reshape(spec.weight_shape(synapse))[channel]
    group = channel // (as_map(target.shape)[0] // synapse.groups)
    first = group * len(kernel)
    (rows, row_taps), (columns, column_taps) = (
        _along_axis(at, size, *geometry) for at, size, *geometry in zip(
            position, extents, synapse.kernel, synapse.stride, synapse.padding, synapse.pool,
            strict=True))
    every = np.arange(channels * extents[0] * extents[1]).reshape(channels, *extents)
    sources = every[first:first + len(kernel)][:, rows][:, :, columns]
    return sources.reshape(-1), kernel[:, row_taps][:, :, column_taps].reshape(-1)


def _along_axis(at, size, kernel, stride, padding, pool):
    """Places that a window reads along one axis, and the tap of each."""
    low = at * stride - padding
    pooled = np.arange(max(low, 0), min(low + kernel, size // pool))
    places = (pooled[:, None] * pool + np.arange(pool)).reshape(-1)
    return places, np.repeat(pooled - low, pool)
