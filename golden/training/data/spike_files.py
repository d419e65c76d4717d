"""Spiking Heidelberg Digits and Speech Commands (Cramer et al. 2022): spikes of 700 cochlear
channels in HDF5, ``spikes/times`` in seconds and ``spikes/units``, one array a recording, and
``labels``."""

import numpy as np

from ...spec.errors import InvalidValue
from .recordings import Kept, Recording

__all__ = ["CHANNELS", "found_prefix", "read_spikes"]

CHANNELS = 700
PREFIXES = "shd", "ssc"
MICROSECONDS = 1e6


def found_prefix(folder):
    """Which of the two sets ``folder`` holds, by its training file, or ``None``."""
    return next((p for p in PREFIXES if (folder / f"{p}_train.h5").is_file()), None)


def read_spikes(path):
    """The :class:`Recording` of each: one row of 700 channels.

    Raises :class:`ValueError` for a missing, damaged or foreign file, and where h5py is missing.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise InvalidValue(f"{path}: reading HDF5 needs h5py, of the extra events") from error
    try:
        with h5py.File(path) as file:
            labels = np.asarray(file["labels"])
            times, units = (list(np.asarray(file[f"spikes/{what}"]))
                            for what in ("times", "units"))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InvalidValue(f"{path}: damaged, or no file of spikes ({error})") from error
    if labels.ndim != 1 or not len(labels) == len(times) == len(units):
        raise InvalidValue(f"{path}: must have as many arrays of times and of units as labels, "
                           f"{labels.shape}, not {len(times)} and {len(units)}")
    for n, (label, when, unit) in enumerate(zip(labels, times, units, strict=True)):
        when, unit = np.asarray(when, np.float64), np.asarray(unit)
        _check(f"{path}: recording {n}", when, unit)
        order = np.argsort(when, kind="stable")
        t, zeros = np.rint(when[order] * MICROSECONDS).astype(np.int64), np.zeros(len(when), int)
        yield Recording(f"{path.name} {n}", int(label),
                        Kept(t, unit[order].astype(int), zeros, zeros), (1, CHANNELS), 1)


def _check(what, when, unit):
    if when.ndim != 1 or when.shape != unit.shape:
        raise InvalidValue(f"{what} must have one time for each unit, not {when.shape} for "
                           f"{unit.shape}")
    if not len(when):
        return
    if not np.isfinite(when).all() or when.min() < 0:
        raise InvalidValue(f"{what} must have times of at least 0 s, not {when.min()}")
    if not np.issubdtype(unit.dtype, np.integer) or not 0 <= unit.min() <= unit.max() < CHANNELS:
        raise InvalidValue(f"{what} must have units of 0..{CHANNELS - 1}, not {unit.min()}.."
                           f"{unit.max()}")
