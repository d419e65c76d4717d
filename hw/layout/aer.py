"""Frames of levels as AER streams: the only place where a frame becomes events.

The contract of order: each timestep's events by ascending address, then its end-of-timestep (EOT)
marker.  A static input has one timestep a frame.
"""

from typing import NamedTuple

import numpy as np

from .addressing import address_order, addresses

__all__ = ["AerStream", "aer_stream"]


class AerStream(NamedTuple):
    """Transfers in order, one entry each, int64 arrays ``(transfers,)``.

    ``frame`` is the frame's number; ``neuron`` and ``address`` are those of the source, -1 and 0 in
    an EOT marker; ``level`` is 0 there; ``eot`` is 1 in a marker.
    """

    frame: np.ndarray
    neuron: np.ndarray
    address: np.ndarray
    level: np.ndarray
    eot: np.ndarray


def aer_stream(levels, shape):
    """The :class:`AerStream` of ``levels`` ``(frames, neurons)``, or ``(frames, timesteps,
    neurons)``, from a source of ``shape``."""
    levels = np.asarray(levels)
    steps = levels if levels.ndim == 3 else levels[:, None]
    frames, timesteps, _ = steps.shape
    order = address_order(shape)
    frame, step, place = np.nonzero(steps[..., order])
    neuron = order[place]

    # A stable sort by timestep puts one marker behind the events of each.
    markers = np.arange(frames * timesteps)
    when = np.concatenate([frame * timesteps + step, markers])
    sorted_ = np.argsort(when, kind="stable")
    none = np.zeros(len(markers), np.int64)

    def joined(events, marker):
        return np.concatenate([np.asarray(events, np.int64), marker])[sorted_]
    return AerStream(
        frame=when[sorted_] // timesteps, neuron=joined(neuron, none - 1),
        address=joined(addresses(shape)[neuron], none),
        level=joined(steps[frame, step, neuron], none),
        eot=joined(np.zeros(len(neuron)), none + 1))
