"""What becomes of the events of recordings on their way to the network's input levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...spec.axes import LEVEL_LIMIT

__all__ = ["EventCounts"]


@dataclass(frozen=True)
class EventCounts:
    """Events of recordings, in the order of their data set.

    Parameters
    ----------
    recorded : ``(n,)``, events of each recording
    binned : ``(n,)``, of these, the ones within its timesteps
    pixels : ``(n, LEVEL_LIMIT + 1)``, how many pixels of a timestep and channel have 0, 1, ...
        events; the last entry is of all that have at least as many as a level can be
    """

    recorded: np.ndarray
    binned: np.ndarray
    pixels: np.ndarray

    @classmethod
    def of(cls, recordings: Iterable[tuple[np.ndarray, int | None]]) -> EventCounts:
        """Of ``(counts, recorded)`` of each recording, counts ``(timesteps, channels, rows,
        columns)`` that are not saturated; ``None`` where nothing but them is known."""
        rows = []
        for counts, recorded in recordings:
            binned = int(counts.sum(dtype=np.int64))
            pixels = np.bincount(np.minimum(counts, LEVEL_LIMIT).ravel(),
                                 minlength=LEVEL_LIMIT + 1)
            rows.append((binned if recorded is None else recorded, binned, pixels))
        recorded, binned, pixels = zip(*rows, strict=True)
        return cls(np.array(recorded), np.array(binned), np.stack(pixels))

    def __getitem__(self, index: Any) -> EventCounts:
        """Of the recordings at ``index``, a slice or an array."""
        return EventCounts(self.recorded[index], self.binned[index], self.pixels[index])

    def summary(self, n_max: int) -> dict[str, int]:
        """Events in all: ``recorded``; ``late``, after the last timestep; ``clipped``, within the
        timesteps, but beyond ``n_max`` of their pixel, timestep and channel."""
        kept = int((self.pixels * np.minimum(np.arange(LEVEL_LIMIT + 1), n_max)).sum())
        recorded, binned = int(self.recorded.sum()), int(self.binned.sum())
        return {"recorded": recorded, "late": recorded - binned, "clipped": binned - kept}
