"""What the sound front end is: a bank of filters, and how its energies become burst levels.

Golden model and gateware, :mod:`qblif.golden.sound` and :mod:`qblif.hw.sound.front_end`, compute
exactly this.  Standard library only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .checks import check_int
from .errors import InvalidValue

__all__ = ["FrontEnd"]

MEL_FACTOR, MEL_CORNER = 2595.0, 700.0  # mel(f) = 2595 log10(1 + f / 700), O'Shaughnessy 1987.


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """Sound, signed samples of 16 bits, to bursts: one frame of levels a timestep.

    ::

        x[n] = s[n] - s[n-1] + floor(s[n-1] / 32)                          pre-emphasis
        y[n] = x[n] - x[n-2] + floor((a1 y[n-1] - a2 y[n-2]) / 2**fraction)   each band's resonator
        E    = sum of |y| over the samples of a frame                      energy
        L    = 4 floor(log2 E) + next two bits of E                        logarithm, 1.5 dB a step
        P    = max(P - 1, floor, L of every band)                          peak, falling slowly
        level = clip(floor((L - P) / 4) + n_max, 0, n_max)                 6 dB a level
        on, off = how far the level rose, fell since the frame before      delta

    The resonators' centres are spaced evenly in mel from ``low`` to ``high`` Hz, their bandwidths
    are the spacing.  ``y`` saturates at ``width`` bits.  Channels are the ``bands`` levels from low
    to high, then their ``on``, then their ``off``.  ``floor`` is the energy, in L's units, that
    counts as ``n_max`` where nothing louder was heard; ``samples`` are those of a frame.
    """

    rate: int = 8000
    bands: int = 20
    low: int = 150
    high: int = 3600
    samples: int = 200
    n_max: int = 8
    fraction: int = 10
    width: int = 24
    floor: int = 44

    LOG_BITS = 2  # Bits of L behind its point.
    DELTAS = 3  # Channels a band: level, on, off.

    def __post_init__(self) -> None:
        check_int("Rate", self.rate, 1000, 1 << 20)
        check_int("Bands", self.bands, 1, 64)
        check_int("Lowest frequency", self.low, 1, self.rate // 2)
        check_int("Highest frequency", self.high, self.low, self.rate // 2)
        check_int("Samples of a frame", self.samples, 1, 1 << 12)
        check_int("N_max", self.n_max, 1, 15)
        check_int("Fraction bits", self.fraction, 4, 14)
        check_int("Filter width", self.width, 4, 32)
        check_int("Floor", self.floor, 0, 4 * self.energy_width - 1)
        if self.bands > 1 and self.low == self.high:
            raise InvalidValue(f"Frequencies of {self.bands} bands must differ, not all be "
                               f"{self.low} Hz")
        one = 1 << self.fraction
        for centre, (a1, a2) in zip(self.centres, self.coefficients, strict=True):
            if a2 >= one or abs(a1) >= one + a2:  # A pole on the unit circle.
                raise InvalidValue(f"Fraction bits must be more than {self.fraction} for a stable "
                                   f"resonator at {centre:.0f} Hz")

    @property
    def channels(self) -> int:
        """Inputs of the network behind it."""
        return self.DELTAS * self.bands

    @property
    def energy_width(self) -> int:
        """Bits of a frame's energy: it never overflows."""
        return self.width + (self.samples - 1).bit_length()

    @property
    def centres(self) -> tuple[float, ...]:
        """Of the resonators, in Hz."""
        first, last = _mel(self.low), _mel(self.high)
        step = (last - first) / max(1, self.bands - 1)
        return tuple(_hertz(first + k * step) for k in range(self.bands))

    @property
    def coefficients(self) -> tuple[tuple[int, int], ...]:
        """``(a1, a2)`` of each band in units of ``2**-fraction``: ``2 r cos(w)`` and ``r**2``, with
        a pole radius ``r = exp(-pi bandwidth / rate)``."""
        half = (_mel(self.high) - _mel(self.low)) / max(1, self.bands - 1) / 2 or 50.0
        found = []
        for centre in self.centres:
            bandwidth = _hertz(_mel(centre) + half) - _hertz(_mel(centre) - half)
            radius = math.exp(-math.pi * bandwidth / self.rate)
            a1 = 2 * radius * math.cos(2 * math.pi * centre / self.rate)
            found.append((round(a1 * 2 ** self.fraction), round(radius ** 2 * 2 ** self.fraction)))
        return tuple(found)


def _mel(hertz):
    return MEL_FACTOR * math.log10(1 + hertz / MEL_CORNER)


def _hertz(mel):
    return MEL_CORNER * (10 ** (mel / MEL_FACTOR) - 1)
