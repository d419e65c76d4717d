"""The neuron's first axis, the leak, and that of its synaptic current: descriptions and integer
arithmetic.  Standard library only.

Its float twin, with slopes, is :mod:`qblif.golden.training.leak`, its hardware twin
:mod:`qblif.hw.core.leak`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from .checks import as_tuple, check_int, check_type
from .errors import InvalidValue

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["WIDTH_LIMIT", "Decay", "Quadratic", "Synaptic"]

WIDTH_LIMIT = 30  # Leak + bias + sum then still fit the 32-bit integers of the golden model.

Integers = TypeVar("Integers", int, "Tensor")


@dataclass(frozen=True)
class Decay:
    """A constant factor in 0..1 made of shifts; the one primitive of leak and reset gate.

    ``apply(x) = x - sum(x >> k for k in subtract) + sum(x >> k for k in add)``, with arithmetic
    shifts (rounding towards minus infinity).  ``Decay()`` is the factor 1, ``Decay((0,))`` the
    factor 0, ``Decay((k,))`` the factor ``1 - 2**-k``.
    """

    subtract: tuple[int, ...] = ()
    add: tuple[int, ...] = ()

    kind = "decay"
    MOST = 15  # Of a shift.

    def __post_init__(self) -> None:
        for field in ("subtract", "add"):
            shifts = as_tuple("Decay shifts", getattr(self, field))
            object.__setattr__(self, field, shifts)
            for shift in shifts:
                check_int("Decay shift", shift, 0, self.MOST)
        if not 0 <= self.factor <= 1:
            raise InvalidValue(f"Decay factor must be in 0..1, not {self.factor}")

    @property
    def factor(self) -> float:
        """The real number that the shifts stand for."""
        return 1.0 - sum(2.0**-k for k in self.subtract) + sum(2.0**-k for k in self.add)

    def apply(self, x: Integers) -> Integers:
        """Decayed ``x``: a Python integer, or an integer tensor of any shape."""
        y = x
        for k in self.subtract:
            y = y - (x >> k)
        for k in self.add:
            y = y + (x >> k)
        return y

    def with_bits(self, bits: int) -> Decay:
        """The same leak for a theta of ``2**bits``."""
        return self

    def bound(self, magnitude: int) -> int:
        """Largest ``abs(apply(x))`` for ``abs(x) <= magnitude``, rounding included."""
        if len(self.subtract) + len(self.add) <= 1:
            return max(self.apply(magnitude), -self.apply(-magnitude))
        return math.ceil(magnitude * self.factor) + len(self.subtract) + len(self.add)

    @classmethod
    def nearest(cls, factor: float, terms: int = 2) -> Decay:
        """The decay of at most ``terms`` shifts, 1 or 2, whose factor is nearest to ``factor``."""
        if not 0 <= factor <= 1:
            raise InvalidValue(f"Decay factor must be in 0..1, not {factor!r}")
        check_int("Decay terms", terms, 1, 2)
        shifts = range(cls.MOST + 1)
        candidates = [cls(), *(cls((k,)) for k in shifts)]
        if terms == 2:
            pairs = [*itertools.combinations(shifts, 2)]
            candidates += [cls((j, k)) for j, k in pairs if j]
            candidates += [cls((j,), (k,)) for j, k in pairs]
        return min(candidates, key=lambda d: abs(d.factor - factor))


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    """The leak of a quadratic neuron (QIF, arXiv:2510.05168): ``u + a (u - u1) (u - u2)``.

    ``u`` is the membrane in levels, taken for the quadratic term in eighths and clipped to
    -16..15.875; ``u1 = low / 8``, ``u2 = high / 8``, ``a = gain / 64``.  ``bits`` is log2 of the
    neuron's theta, so that in integers ::

        x        = clip(v >> bits - 3, -128, 127)
        apply(v) = v + (gain (x - low) (x - high) 2**bits >> 12)

    with arithmetic shifts.  The term has 256 values: the hardware looks them up and never
    multiplies.
    """

    gain: int = 16
    low: int = 0
    high: int = 4
    bits: int = 8

    kind = "quadratic"
    FRACTION = 3  # Bits of the eighths.
    GAIN_FRACTION = 6
    X_MIN, X_MAX = -128, 127

    def __post_init__(self) -> None:
        check_int("Quadratic gain", self.gain, 0, 1 << 8)
        check_int("Quadratic bits", self.bits, self.FRACTION, 16)
        for what, value in (("low", self.low), ("high", self.high)):
            check_int(f"Quadratic {what}", value, self.X_MIN, self.X_MAX)

    @classmethod
    def nearest(cls, a: float, u1: float, u2: float) -> Quadratic:
        """The leak in fixed point that is nearest to real parameters."""
        return cls(gain=round(a * (1 << cls.GAIN_FRACTION)), low=round(u1 * (1 << cls.FRACTION)),
                   high=round(u2 * (1 << cls.FRACTION)))

    def index(self, v: Integers) -> Integers:
        """The membrane as the quadratic term sees it: -128..127."""
        return _clip(v >> self.bits - self.FRACTION, self.X_MIN, self.X_MAX)

    def term(self, x: Integers) -> Integers:
        """What is added to a membrane of index ``x``."""
        product = self.gain * (x - self.low) * (x - self.high)
        shift = self.bits - 2 * self.FRACTION - self.GAIN_FRACTION
        return product << shift if shift >= 0 else product >> -shift

    @property
    def table(self) -> list[int]:
        """The term by the index's 8 bits: of 0..127, then of -128..-1."""
        return [self.term(x) for x in (*range(self.X_MAX + 1), *range(self.X_MIN, 0))]

    @property
    def term_width(self) -> int:
        """Signed bits that hold every term."""
        return 1 + max(max(term, ~term).bit_length() for term in self.table)

    def apply(self, v: Integers) -> Integers:
        """Membrane after the leak: a Python integer, or an integer tensor of any shape."""
        return v + self.term(self.index(v))

    @property
    def parameters(self) -> tuple[float, float, float]:
        """``(a, u1, u2)``, in levels."""
        eighth = 1 << self.FRACTION
        return self.gain / (1 << self.GAIN_FRACTION), self.low / eighth, self.high / eighth

    def with_bits(self, bits: int) -> Quadratic:
        """The same leak for a theta of ``2**bits``."""
        return replace(self, bits=bits)

    def bound(self, magnitude: int) -> int:
        """Largest ``abs(apply(x))`` for ``abs(x) <= magnitude``, or a little more."""
        seen = range(self.index(-magnitude), self.index(magnitude) + 1)
        return magnitude + max(abs(self.term(x)) for x in seen)


def _clip(x, low, high) -> Any:
    """Of a tensor or a number."""
    return x.clamp(low, high) if hasattr(x, "clamp") else min(max(x, low), high)


@dataclass(frozen=True, kw_only=True)
class Synaptic:
    """A synaptic current, what reaches the membrane in place of a timestep's weighted sum::

        current[t] = saturate(decay(current[t-1]) + sum[t] + bias)

    0 at the start of a frame, ``width`` bits.  The current-based neurons of other frameworks
    (CubaLIF of NIR, ``snn.Synaptic``, Norse's ``LIFCell``) have one.
    """

    decay: Decay
    width: int

    def __post_init__(self) -> None:
        check_type("Synaptic decay", self.decay, Decay)
        check_int("Synaptic width", self.width, 2, WIDTH_LIMIT)
