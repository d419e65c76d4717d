"""Real numbers on a binary grid: which values are exact, and how a strict threshold decides."""

import math

import numpy as np

from ..spec import Decay
from ..spec.burst import naf

__all__ = ["GRID_BITS", "exact_decay", "fraction_bits", "lag", "near_decay", "snap"]

DECAY_BITS = 10  # Finest decay: multiples of 2**-10.
SHIFT_LIMIT = 15  # Longest shift of a Decay.
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
    return _decay(int(units), DECAY_BITS) if units == int(units) else None


def near_decay(factor, up):
    """The decay of as many shifts as it takes that is next to ``factor``, above or below it, within
    2**-15."""
    units = (1 - factor) * (1 << SHIFT_LIMIT)
    return _decay(math.floor(units) if up else math.ceil(units), SHIFT_LIMIT)


def _decay(units, bits):
    """``1 - units 2**-bits``, in as few shifts as there can be."""
    digits = [(digit.negative, bits - digit.shift) for digit in naf(units)]
    return Decay(*(tuple(sorted(shift for negative, shift in digits if negative == sign))
                   for sign in (False, True)))


def lag(decay, timesteps, synaptic=None):
    """``(constant, extra)``: what a strict threshold takes from the bias, and the extra bits of
    the membrane with which it decides rightly in every timestep.  ``synaptic`` is the decay of the
    synaptic current, through which the constant goes too."""
    constant = 1
    while True:
        delays = _delays(constant, decay, timesteps, synaptic)
        if min(delays) >= 1:
            return constant, (max(delays) - 1).bit_length()
        constant += 1


def _delays(constant, decay, timesteps, synaptic):
    """How far a membrane lags in every timestep, whenever a reset to zero starts it again."""
    currents, current = [], 0
    for _ in range(timesteps):
        current = constant - (synaptic.apply(-current) if synaptic is not None else 0)
        currents.append(current)
    starts = range(timesteps if synaptic is not None else 1)  # Otherwise they are all alike.
    delays = []
    for start in starts:
        delay = 0
        for current in currents[start:]:
            delay = current - decay.apply(-delay)
            delays.append(delay)
    return delays


def fraction_bits(*arrays):
    """Fewest bits behind the point in which all values are exact, or ``None`` above GRID_BITS."""
    values = np.concatenate([np.ravel(a) for a in arrays])
    return next((bits for bits in range(GRID_BITS + 1)
                 if (values * 2.0**bits == np.rint(values * 2.0**bits)).all()), None)
