"""A population's synapses as one matrix of integer weights, convolutions unrolled.

numpy only.
"""

import numpy as np

from ...golden.spec import as_map

__all__ = ["synapse_matrix"]


def synapse_matrix(spec, synapse, weights):
    """Weights ``(targets, sources)`` of a synapse of the network ``spec``, int64.

    A convolution has a row for each neuron of the target's map; pooled levels are summed, so each
    of a window has its weight.
    """
    source, target = (spec.source(end) for end in (synapse.source, synapse.target))
    weights = np.asarray(weights, np.int64)
    if synapse.kind == "dense":
        return weights.reshape(target.size, source.size)
    channels, rows, columns = as_map(source.shape)
    out, out_rows, out_columns = as_map(target.shape)
    found = np.zeros((out, out_rows, out_columns, channels, rows, columns), np.int64)
    per_group, inside = out // synapse.groups, channels // synapse.groups
    for o, c, i, j in np.argwhere(weights):
        channel = o // per_group * inside + c
        for y, x in np.ndindex(out_rows, out_columns):
            row = y * synapse.stride[0] + i - synapse.padding[0]
            column = x * synapse.stride[1] + j - synapse.padding[1]
            if 0 <= row < rows // synapse.pool[0] and 0 <= column < columns // synapse.pool[1]:
                high, wide = synapse.pool
                found[o, y, x, channel, row * high:(row + 1) * high,
                      column * wide:(column + 1) * wide] += weights[o, c, i, j]
    return found.reshape(target.size, source.size)
