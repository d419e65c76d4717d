"""Recordings of events: read and binned one by one, into arrays of frames or when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...spec.errors import InvalidValue
from .event_augment import EventAugment
from .event_counts import EventCounts
from .events import POLARITIES, Binning, saturate

__all__ = ["Kept", "Recording", "Recordings", "check_camera", "check_within", "in_order",
           "read_bytes", "read_recordings"]

PIXELS = 1 << 22  # Of a camera, at most.
SPAN = 24 * 3600 * 10 ** 6  # Microseconds of a recording, at most.


@dataclass(frozen=True)
class Recording:
    """A labelled recording: ``read`` gives its events ``(t, x, y, p)`` in order of time.

    ``extents`` are the camera's (rows, columns), ``channels`` its polarities.
    """

    name: str
    label: int
    read: Callable[[], Any]
    extents: tuple[int, int]
    channels: int = POLARITIES


class Kept:
    """Events in memory, each array in the smallest integers that hold it, times from the first
    event on, as a :class:`Recording` reads them."""

    def __init__(self, t, x, y, p):
        start = t.min() if len(t) else 0
        self.arrays = [array.astype(np.min_scalar_type(array.max(initial=0)))
                       for array in (t - start, x, y, p)]

    def __call__(self):
        return [array.astype(np.int64) for array in self.arrays]


class Recordings:
    """Frames ``(n, timesteps, channels, rows, columns)`` of uint8, read and binned on indexing by a
    number, slice or array, or one by one after random changes."""

    dtype = np.dtype(np.uint8)

    def __init__(self, recordings: list[Recording], binning: Binning):
        self.recordings, self.binning = recordings, binning

    @property
    def shape(self) -> tuple[int, ...]:
        one = self.recordings[0]
        return len(self), self.binning.timesteps, one.channels, *one.extents

    def part(self, index: np.ndarray, train: bool = True) -> Recordings:
        """The recordings at ``index``; ``train`` changes nothing, as indexing never augments."""
        return Recordings([self.recordings[i] for i in index], self.binning)

    def augmented(self, index: int, augment: EventAugment, rng: np.random.Generator) -> np.ndarray:
        """Frames of one recording after what ``augment`` does to it by ``rng``."""
        one = self.recordings[index]
        return self._frames(one, augment(one.read(), one.label, one.extents, rng))

    def _frames(self, one, events):
        t, x, y, p = events
        return self.binning.frames(t, x, y, p, one.extents, one.channels)

    def __repr__(self) -> str:
        """The recordings' names, which stand for their contents."""
        return repr([recording.name for recording in self.recordings])

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, (int, np.integer)):
            one = self.recordings[index]
            return self._frames(one, one.read())
        return np.stack([self[int(i)] for i in np.arange(len(self))[index]])


def read_recordings(recordings: Iterable[Recording], binning: Binning, where: str,
                    keep: bool = False, progress: Callable[[], None] | None = None,
                    ) -> tuple[Any, np.ndarray, EventCounts]:
    """Frames, labels ``(n,)`` and counts of recordings, each of which is read once.

    The frames are an array ``(n, timesteps, channels, rows, columns)`` of uint8, or with ``keep``
    the :class:`Recordings`, to be augmented.  ``progress`` is called after each.  Raises
    :class:`ValueError` where there are none, or cameras of several sizes; ``where`` is for its
    sentence.
    """
    some, frames, labels = [], [], []

    def counted():
        shape = None
        for one in recordings:
            shape = shape or one.extents
            if one.extents != shape:
                raise InvalidValue(f"{one.name}: has {_size(one.extents)} pixels, but the first "
                                   f"recording{where} has {_size(shape)}")
            t, x, y, p = one.read()
            counts = binning.counts(t, x, y, p, one.extents, one.channels)
            labels.append(one.label)
            if keep:
                some.append(one)
            else:
                frames.append(saturate(counts))
            yield counts, len(t)
            if progress:
                progress()
        if shape is None:
            raise InvalidValue(f"There are no recordings{where}")

    counts = EventCounts.of(counted())
    images = Recordings(some, binning) if keep else np.stack(frames)
    return images, np.array(labels, np.int64), counts


def read_bytes(path):
    """What is in the file at ``path``; :class:`ValueError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidValue(f"{path}: unreadable ({error.strerror})") from error


def in_order(t, x, y, p):
    """Events by ascending time; those of one time stay in order."""
    if (np.diff(t) >= 0).all():
        return t, x, y, p
    order = np.argsort(t, kind="stable")
    return t[order], x[order], y[order], p[order]


def check_camera(path, extents):
    """``extents``, (rows, columns); :class:`ValueError` where no camera is that large."""
    if not 0 < extents[0] * extents[1] <= PIXELS:
        raise InvalidValue(f"{path}: must be of a camera of 1..{PIXELS:,} pixels, not of "
                           f"{_size(extents)}")
    return extents


def check_within(path, extents, t, x, y, p):
    """``(t, x, y, p)``; :class:`ValueError` for a pixel outside of ``extents``, (rows, columns),
    and for times that are further apart than a recording can be."""
    for what, values, limit in (("x", x, extents[1]), ("y", y, extents[0])):
        if values.size and values.max() >= limit:
            raise InvalidValue(f"{path}: {what} must be in 0..{limit - 1}, not {values.max()}")
    if len(t) and int(t.max()) - int(t.min()) > SPAN:
        raise InvalidValue(f"{path}: must last a day at most, not {int(t.max()) - int(t.min()):,} "
                           "us")
    return t, x, y, p


def _size(extents):
    return f"{extents[0]:,} x {extents[1]:,}"
