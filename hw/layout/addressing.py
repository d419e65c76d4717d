"""How neurons are numbered in hardware: AER addresses, and the vectors of an update pass.

Specification and golden model number a map's neurons by channel, row and column.  Hardware updates
the channels of one position together, in vectors of ``fire_lanes``, and an address is the bit
fields (row, column, channel), the channel lowest.  For a flat population all three are the same.
"""

import numpy as np

from ...golden.spec import as_map

__all__ = ["address_bits", "address_space", "addresses", "lane_bits", "vector_count",
           "vector_order"]


def address_bits(shape):
    """Bits of the fields ``(channel, column, row)`` of an address."""
    channels, rows, columns = as_map(shape)
    return tuple((n - 1).bit_length() for n in (channels, columns, rows))


def address_space(shape):
    """One more than the largest address."""
    return int(addresses(shape)[-1]) + 1


def lane_bits(shape, fire_lanes):
    """How many low address bits are the fire lane of a neuron in its vector."""
    return min((fire_lanes - 1).bit_length(), address_bits(shape)[0])


def addresses(shape):
    """Address of each neuron, ``(neurons,)``."""
    channel, row, column = np.indices(as_map(shape)).reshape(3, -1)
    low, middle, _ = address_bits(shape)
    return channel | column << low | row << low + middle


def vector_count(shape, fire_lanes):
    """Vectors of an update pass."""
    channels, rows, columns = as_map(shape)
    return -(-channels // fire_lanes) * rows * columns


def vector_order(shape, fire_lanes):
    """Neuron in each lane of each vector, ``(vectors, fire_lanes)``; -1 for padding."""
    channels, rows, columns = as_map(shape)
    neurons = np.arange(channels * rows * columns).reshape(channels, rows, columns)
    padding = ((0, -channels % fire_lanes), (0, 0), (0, 0))
    padded = np.pad(neurons, padding, constant_values=-1)
    return padded.transpose(1, 2, 0).reshape(-1, fire_lanes)
