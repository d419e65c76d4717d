"""Max pooling of single spikes: an or, as a population whose neurons keep nothing.

Of spikes 0 and 1 the largest in a window is 1 where their sum is at least 1.  So the windows are a
convolution of ones, channel by channel, to neurons of threshold 1 whose decay is 0.  Zeros around
the map change nothing, as a window of torch always has a place within the map.
"""

from types import SimpleNamespace

import numpy as np

from ..spec import as_map
from ..spec.errors import InvalidValue
from .graph import Node
from .readings import Reading

__all__ = ["ANY", "pool_node", "windows"]

ANY = Reading(decay=0.0, gain=1.0, threshold=1.0, strict=False, levels=1, reset="none")


def pool_node(name) -> Node:
    """The neurons of the max pool ``name``; they must be given single spikes."""
    return Node(name=name, kind="MaxPool2d", r=1.0, v_threshold=1.0, v_reset=0.0)


def windows(name, pool, way) -> SimpleNamespace:
    """The torch module ``pool`` behind ``way`` as NIR's Conv2d.

    Raises :class:`ValueError` for anything but windows of single spikes.
    """
    if way.synapse is not None:
        raise InvalidValue(f"Module {name} is a max pool of the currents of {way.label}, which has "
                           "no exact form; only one of spikes has, behind the neurons")
    if not way.bare or len(way.shape) != 3:
        raise InvalidValue(f"Module {name} is a max pool that must be directly behind a map of "
                           "neurons or the input, (channels, rows, columns)")
    kernel, stride, padding, dilation = (
        _pair(value) for value in (pool.kernel_size, pool.stride, pool.padding, pool.dilation))
    channels, *extents = as_map(way.shape)
    left = [(size + 2 * pad - k) % step for size, pad, k, step in zip(
        extents, padding, kernel, stride, strict=True)]
    if dilation != (1, 1) or pool.return_indices or pool.ceil_mode and any(left):
        raise InvalidValue(f"Module {name} is a max pool with dilation, with indices, or of "
                           "windows that reach beyond the map (ceil_mode)")
    return SimpleNamespace(weight=np.ones((channels, 1, *kernel)), bias=None, stride=stride,
                           padding=padding, dilation=dilation, groups=channels, input_shape=None)


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)
