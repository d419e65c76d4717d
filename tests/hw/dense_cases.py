"""Small synapses to targets of one position, what comes in at one, and what it must add."""

import numpy as np
import torch

from qblif.golden.integer import synapse_sum
from qblif.golden.spec import Conv2d, Dense, as_map
from qblif.hw.layout.addressing import address_bits, addresses
from qblif.hw.layout.dense import DenseMap
from qblif.sim.stream import garbage

__all__ = ["CASES", "dense_of", "draw_weights", "expected_sums", "first_weight", "transfers"]

CASES = [  # Source, channels of the target, lanes, and the convolution; a dense one if without.
    ((5,), 4, 2, None),
    ((2, 3, 4), 3, 2, None),
    ((3, 5, 5), 4, 4, {"kernel": 2, "pool": 2}),  # Pooling drops the last row and column.
    ((2, 3, 2), 5, 2, {"kernel": (4, 3), "padding": 1, "stride": 2}),
    ((4, 1, 3), 7, 3, {"kernel": (1, 2), "stride": 2}),  # The only window ends before the map.
    ((1, 4, 1), 2, 1, {"kernel": (2, 1), "pool": (2, 1)}),
]


def dense_of(source, channels, lanes, fields=None):
    if fields is None:
        conv = Dense(source="a", target="b").as_conv(source)
    else:
        conv = Conv2d(source="a", target="b", **fields)
    target = conv.output_shape(source, channels)
    assert target[1:] == (1, 1)
    return DenseMap(conv, as_map(source), target, lanes)


def first_weight(dense, channel, row, column):
    """Address of the weights that a source neuron adds to the first word; ``None`` for none.

    Found by trying all taps, not from the tables.
    """
    conv, (channels, *extents) = dense.synapse, dense.source
    taps = []
    for at, size, pool, kernel, padding in zip((row, column), extents, conv.pool, conv.kernel,
                                               conv.padding, strict=True):
        whole = at // pool < size // pool
        taps.append([tap for tap in range(kernel) if whole and tap - padding == at // pool])
    if not all(taps):
        return None
    (y,), (x,) = taps
    return (y * conv.kernel[1] + x) * dense.words * channels + channel


def transfers(shape, levels):
    """The AER stream of ``levels`` ``(sets, neurons)``: position by position, the timesteps of each
    in turn, each with its end marker.  What a marker does not need is garbage."""
    channels, rows, columns = as_map(shape)
    low, middle, _ = address_bits(shape)
    address = addresses(shape).reshape(channels, rows, columns)
    maps = np.asarray(levels).reshape(-1, channels, rows, columns)
    for row, column in np.ndindex(rows, columns):
        for step in maps:
            yield from ({"address": int(address[c, row, column]),
                         "level": int(step[c, row, column]), "end": 0}
                        for c in range(channels) if step[c, row, column])
            yield {"address": garbage(low) | column << low | row << low + middle,
                   "level": garbage(1), "end": 1}


def draw_weights(dense, seed=0):
    """Weights of three bits."""
    draw = np.random.default_rng(seed)
    return draw.integers(-4, 4, (dense.target[0], dense.source[0], *dense.synapse.kernel)
                         ).astype(np.int32)


def expected_sums(dense, weights, levels, n_max):
    """Sums of ``levels`` ``(..., neurons)``, ``(..., words * lanes)``, padding 0."""
    levels = torch.as_tensor(np.asarray(levels, np.int32))
    sums = synapse_sum(dense.synapse, torch.from_numpy(weights), levels.reshape(
        -1, levels.shape[-1]), n_max, dense.source, dense.target).numpy()
    padded = np.zeros((len(sums), dense.words * dense.lanes), np.int64)
    padded[:, :dense.target[0]] = sums
    return padded.reshape(*levels.shape[:-1], -1)
