"""Pixels, and counts of events, as burst levels.  numpy only."""

import numpy as np

from .errors import InvalidType

__all__ = ["to_levels"]


def to_levels(images, n_max, thresholds=()):
    """Pixels 0..255 to burst levels ``round(pixel * n_max / 255)``: ``(n, pixels)`` of uint8.

    Integer arithmetic, so that every machine agrees; a half is rounded up.  With ``thresholds`` to
    a thermometer code: ``(n, thresholds * pixels)``, for each threshold in turn 1 where a pixel
    reaches it.  Counts of events, ``(n, timesteps, channels, rows, columns)``, are levels already,
    up to ``n_max``: ``(n, timesteps, pixels)``.
    """
    if images.dtype != np.uint8:
        raise InvalidType(f"Images must be uint8, not {images.dtype}")
    if images.ndim == 5:
        return np.minimum(images, np.uint8(n_max)).reshape(*images.shape[:2], -1)
    if thresholds:
        pixels = images.reshape(len(images), 1, -1)
        reached = pixels >= np.array(thresholds, np.uint8)[:, None]
        return reached.astype(np.uint8).reshape(len(images), -1)
    table = ((2 * n_max * np.arange(256) + 255) // 510).astype(np.uint8)
    return table[images].reshape(len(images), -1)
