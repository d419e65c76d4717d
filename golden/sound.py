"""The exact integer model of the sound front end, for many clips at once.

Its hardware twin is :mod:`qblif.hw.sound.front_end`.
"""

import numpy as np

from .spec.errors import InvalidType, InvalidValue
from .spec.sound import FrontEnd

__all__ = ["delta", "energies", "front_end", "logarithm", "resonate"]


def front_end(spec: FrontEnd, samples: np.ndarray) -> np.ndarray:
    """Levels ``(clips, timesteps, channels)`` of uint8 from ``samples``, ``(clips, n)`` of int16,
    where n is a multiple of a frame's samples.

    Each clip starts from silence.  Raises :class:`TypeError` for samples of another type and
    :class:`ValueError` for another shape.
    """
    samples = np.asarray(samples)
    if samples.dtype != np.int16:
        raise InvalidType(f"Samples must be int16, not {samples.dtype}")
    if samples.ndim != 2 or not samples.shape[1] or samples.shape[1] % spec.samples:
        raise InvalidValue(f"Samples must be (clips, a multiple of {spec.samples}), not "
                           f"{samples.shape}")
    return delta(spec, logarithm(energies(spec, samples)))


def energies(spec: FrontEnd, samples: np.ndarray) -> np.ndarray:
    """Energy of each band in each frame, ``(clips, frames, bands)`` of int64."""
    clips, length = samples.shape
    s = np.zeros((clips, length + 1), np.int64)
    s[:, 1:] = samples
    x = np.zeros((clips, length + 2), np.int64)
    x[:, 2:] = s[:, 1:] - s[:, :-1] + (s[:, :-1] >> 5)
    drive = (x[:, 2:] - x[:, :-2]).T[:, :, None]
    a1, a2 = np.array(spec.coefficients, np.int64).T
    before, last = np.zeros((2, clips, spec.bands), np.int64)
    found = np.zeros((length // spec.samples, clips, spec.bands), np.int64)
    for n in range(length):
        before, last = last, resonate(
            drive[n], last, before, a1, a2, spec.fraction, spec.width)
        found[n // spec.samples] += np.abs(last)
    return found.swapaxes(0, 1)


def resonate(drive, last, before, a1, a2, fraction, width):
    """``y`` of a resonator with coefficients a1 and a2, from its last two."""
    y = drive + (a1 * last - a2 * before >> fraction)
    return np.clip(y, -1 << width - 1, (1 << width - 1) - 1)


def logarithm(energy: np.ndarray) -> np.ndarray:
    """``4 floor(log2 E)`` and the two bits behind the leading one; of an energy of 0 as of 1."""
    energy = np.maximum(np.asarray(energy, np.int64), 1)
    whole = np.frexp(energy.astype(np.float64))[1].astype(np.int64) - 1
    rest = (energy << FrontEnd.LOG_BITS >> whole) - (1 << FrontEnd.LOG_BITS)
    return (whole << FrontEnd.LOG_BITS) + rest


def delta(spec: FrontEnd, logs: np.ndarray) -> np.ndarray:
    """Levels, and how far they rose and fell, of logarithms ``(clips, frames, bands)``."""
    clips, frames, bands = logs.shape
    peak = np.full((clips, 1), spec.floor)
    levels = np.zeros((clips, frames + 1, bands), np.int64)
    for n in range(frames):
        now = logs[:, n]
        peak = np.maximum(np.maximum(peak - 1, spec.floor), now.max(1, keepdims=True))
        levels[:, n + 1] = np.clip((now - peak >> spec.LOG_BITS) + spec.n_max, 0, spec.n_max)
    change = np.diff(levels, axis=1)
    return np.concatenate([levels[:, 1:], np.maximum(change, 0), np.maximum(-change, 0)],
                          axis=2).astype(np.uint8)
