"""Recordings of an event camera as frames of counts: one frame a timestep, one channel a polarity.

A pixel's count in a timestep is its burst level, up to the input's N_max
(:func:`qblif.golden.spec.pixels.to_levels`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...spec.errors import InvalidValue

__all__ = ["POLARITIES", "Binning", "binning_of", "saturate", "stack_pairs"]

POLARITIES = 2
MOST = 255  # Events of one pixel in one timestep that a frame can hold.


@dataclass(frozen=True)
class Binning:
    """How the events of a recording are shared out over ``timesteps``.

    ``by`` is "time", equal durations, or "count", equal numbers of events.  ``window`` is a
    timestep's duration in microseconds; with 0 it is the recording's, from its first event to its
    last, over ``timesteps``.  What comes after the last window is left out.
    """

    BY = "time", "count"

    timesteps: int
    by: str = "time"
    window: int = 0

    def __post_init__(self) -> None:
        if self.by == "count" and self.window:
            raise InvalidValue(f"A window of {self.window} us has no meaning where events are "
                               "binned by count")

    def frames(self, t: np.ndarray, x: np.ndarray, y: np.ndarray, p: np.ndarray,
               extents: tuple[int, int], channels: int = POLARITIES) -> np.ndarray:
        """:meth:`counts` as a data set keeps them: uint8, at most 255."""
        return saturate(self.counts(t, x, y, p, extents, channels))

    def counts(self, t: np.ndarray, x: np.ndarray, y: np.ndarray, p: np.ndarray,
               extents: tuple[int, int], channels: int = POLARITIES) -> np.ndarray:
        """Counts ``(timesteps, channels, rows, columns)`` of int64, of events in order of time:
        ``t`` in microseconds, ``x`` and ``y`` within ``extents`` (rows, columns), channel ``p``, of
        a camera the polarity, 0 or 1."""
        step = self._timestep(np.asarray(t, np.int64))
        kept = step < self.timesteps
        shape = (self.timesteps, channels, *extents)
        places = np.ravel_multi_index((step[kept], p[kept], y[kept], x[kept]), shape)
        return np.bincount(places, minlength=int(np.prod(shape))).reshape(shape)

    def _timestep(self, t):
        if not len(t):
            return t
        if self.by == "count":
            return np.arange(len(t)) * self.timesteps // len(t)
        t = t - t.min()
        return t // self.window if self.window else t * self.timesteps // (t.max() + 1)


def saturate(counts: np.ndarray) -> np.ndarray:
    """Counts as uint8, at most 255."""
    return np.minimum(counts, MOST).astype(np.uint8)


def binning_of(what: Any) -> Binning:
    """How events are binned for ``what``: a network, whose notes say how it was trained, or a
    :class:`~qblif.golden.training.config.TrainConfig`."""
    if hasattr(what, "notes"):
        config = what.notes.get("config", {})
        return Binning(what.spec.timesteps, config.get("binning", "time"), config.get("window", 0))
    return Binning(what.timesteps, what.binning, what.window)


def stack_pairs(pairs: Any, where: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Frames and labels of an iterable of ``(frames, label)``, as the data sets of tonic are:
    ``(n, timesteps, channels, rows, columns)`` of uint8 and ``(n,)`` of int64.  ``where`` is for
    the sentence of an error, such as " in DIR".

    Raises :class:`ValueError` where frames have other shapes or no pixels, or counts that are not
    integers of 0..255.
    """
    images, labels = [], []
    for n, (frames, label) in enumerate(pairs):
        frames = np.asarray(frames)
        if frames.ndim != 4 or not frames.size or images and frames.shape != images[0].shape:
            wanted = images[0].shape if images else "(timesteps, channels, rows, columns)"
            raise InvalidValue(f"Frames of recording {n}{where} must be {wanted}, not "
                               f"{frames.shape}")
        if frames.dtype.kind not in "buif":
            raise InvalidValue(f"Counts of recording {n}{where} must be integers of 0..{MOST}, "
                               f"not of {frames.dtype}")
        counts = frames.astype(np.int64)
        if (counts != frames).any() or counts.min() < 0 or counts.max() > MOST:
            raise InvalidValue(f"Counts of recording {n}{where} must be integers of 0..{MOST}, "
                               f"not {frames.min()}..{frames.max()}")
        images.append(counts.astype(np.uint8))
        labels.append(int(label))
    if not images:
        raise InvalidValue(f"There are no recordings{where}")
    return np.stack(images), np.array(labels, np.int64)
