"""How a burst level is encoded: as signed power-of-two digits.  Standard library only.

The hardware twin is :class:`qblif.hw.core.burst.BurstExpander`.
"""

from typing import NamedTuple

from .errors import InvalidValue

__all__ = ["MODES", "Digit", "digits", "naf"]

MODES = ("shift", "repeat")


class Digit(NamedTuple):
    """One accumulation: the weight shifted left by ``shift``, subtracted if ``negative``."""

    shift: int
    negative: bool

    @property
    def value(self):
        return -(1 << self.shift) if self.negative else 1 << self.shift


def naf(level):
    """Non-adjacent form of ``level >= 0``, lowest digit first: as few digits as there can be."""
    found, shift = [], 0
    while level:
        if level & 1:
            negative = level & 3 == 3
            found.append(Digit(shift, negative))
            level += 1 if negative else -1
        level >>= 1
        shift += 1
    return tuple(found)


def digits(level, mode="shift"):
    """The digits whose values sum to ``level``.

    ``shift`` takes canonical signed digits (CSD, also called non-adjacent form), at most 3
    additions for levels up to 20 and 4 up to 63; ``repeat`` is unary, the plain weight ``level``
    times, the accumulate count of eq. 10 as written.
    """
    if mode not in MODES:
        raise InvalidValue(f"Burst mode must be one of {', '.join(MODES)}, not {mode!r}")
    return naf(level) if mode == "shift" else (Digit(0, False),) * level
