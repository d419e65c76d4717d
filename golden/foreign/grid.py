"""Real numbers on a binary grid: which values are exact, and how a strict threshold decides."""

import numpy as np

from ..spec import Decay

__all__ = ["DECAY_BITS", "GRID_BITS", "exact_decay", "fraction_bits", "lag", "snap"]

DECAY_BITS = 10  # Finest decay: multiples of 2**-10.
GRID_BITS = 16  # Finest weights: multiples of 2**-16.
# Time constants are float32 in the files: what follows from a few is known to as many roundings.
ROUNDING = 8 * 2.0**-24


def snap(value):
    """``value``, or the multiple of ``2**-DECAY_BITS`` of which it is a float32 rounding."""
    if not np.isfinite(value):
        return value
    near = round(value * (1 << DECAY_BITS)) / (1 << DECAY_BITS)
    return near if abs(value - near) <= abs(near) * ROUNDING else value


def exact_decay(factor):
    """The :class:`~qblif.golden.spec.Decay` that is exactly ``factor``, or ``None``."""
    units = (1 - factor) * (1 << DECAY_BITS)
    left, shift = int(units), DECAY_BITS
    if units != left:
        return None
    subtract, add = [], []
    while left:  # Canonical signed digits, lowest first.
        if left & 1:
            digit = 2 - (left & 3)
            (subtract if digit > 0 else add).append(shift)
            left -= digit
        left, shift = left >> 1, shift - 1
    return Decay(tuple(sorted(subtract)), tuple(sorted(add)))


def lag(decay, timesteps):
    """``(constant, extra)``: what a strict threshold takes from the bias, and the extra bits of
    the membrane with which it decides rightly in every timestep."""
    constant = 1
    while True:
        delays, delay = [], 0
        for _ in range(timesteps):
            delay = constant - decay.apply(-delay)
            delays.append(delay)
        if min(delays) >= 1:
            return constant, (max(delays) - 1).bit_length()
        constant += 1


def fraction_bits(*arrays):
    """Fewest bits behind the point in which all values are exact, or ``None`` above GRID_BITS."""
    values = np.concatenate([np.ravel(a) for a in arrays])
    return next((bits for bits in range(GRID_BITS + 1)
                 if (values * 2.0**bits == np.rint(values * 2.0**bits)).all()), None)
