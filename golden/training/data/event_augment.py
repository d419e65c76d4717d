"""Random changes of recordings before they are binned: of all events together, by one generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["EventAugment", "augment_of"]


@dataclass(frozen=True)
class EventAugment:
    """What may happen to a recording of ``(t, x, y, p)``; each amount is drawn anew each time.

    Parameters
    ----------
    shift : pixels by which all events move at most, along columns and along rows; those that leave
        the camera's picture are lost
    flip : whether half of the recordings are mirrored, or the labels of the classes in which they
        are
    drop : largest share of the events that are lost one by one
    gap : largest share of the duration in which no event is left

    The last two are those of EventDrop (Gu et al. 2021) without its areas.
    """

    shift: int = 0
    flip: bool | tuple[int, ...] = False
    drop: float = 0.0
    gap: float = 0.0

    def __call__(self, events, label, extents, rng):
        """``events`` changed, of a class and of a camera of ``extents`` (rows, columns), by numbers
        of ``rng``, a :class:`numpy.random.Generator`."""
        t, x, y, p = events
        if self.gap and len(t):
            t, x, y, p = _kept(~_gap(t, rng, self.gap), t, x, y, p)
        if self.drop:
            t, x, y, p = _kept(rng.random(len(t)) >= self.drop * rng.random(), t, x, y, p)
        flips = self.flip if isinstance(self.flip, bool) else label in self.flip
        if flips and rng.random() < 0.5:
            x = extents[1] - 1 - x
        if self.shift:
            # A cochlea has one row: its channels move, and nothing leaves them upwards.
            most = np.minimum(self.shift, np.array(extents) - 1)
            down, right = rng.integers(-most, most + 1)
            x, y = x + right, y + down
            inside = (x >= 0) & (x < extents[1]) & (y >= 0) & (y < extents[0])
            t, x, y, p = _kept(inside, t, x, y, p)
        return t, x, y, p


def augment_of(config: Any) -> EventAugment | None:
    """What a :class:`~qblif.golden.training.config.TrainConfig` asks for, ``None`` for nothing."""
    found = EventAugment(config.event_shift, config.event_flip, config.event_drop, config.event_gap)
    return None if found == EventAugment() else found


def _kept(which, *arrays):
    return [array[which] for array in arrays]


def _gap(t, rng, most):
    """Which events lie in a gap of up to ``most`` of the duration, which begins anywhere."""
    first, duration = t.min(), t.max() - t.min() + 1
    length = duration * most * rng.random()
    start = first + (duration - length) * rng.random()
    return (t >= start) & (t < start + length)
