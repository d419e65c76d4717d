"""The neuron's three axes, leak x quantiser x reset, as frozen, validated descriptions.

The arithmetic that they name is in :mod:`qblif.golden.neuron`, its hardware twin in
:mod:`qblif.hw.core.neuron`; the systems that are points in this space have names in
:mod:`qblif.golden.training.presets`.  Standard library only.
"""

import math
from dataclasses import dataclass, replace

from .checks import as_tuple, check_int, check_type

__all__ = ["LEVEL_LIMIT", "WIDTH_LIMIT", "Decay", "Neuron", "Quadratic", "Quantiser", "Reset"]

LEVEL_LIMIT = 20  # The paper's largest N_max; its digits need shifts of at most 4.
WIDTH_LIMIT = 30  # Leak + bias + sum then still fit the 32-bit integers of the golden model.


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
    at_rest = 0.0  # What :meth:`real` makes of 0, in levels.

    def __post_init__(self):
        for field in ("subtract", "add"):
            shifts = as_tuple("Decay shifts", getattr(self, field))
            object.__setattr__(self, field, shifts)
            for shift in shifts:
                check_int("Decay shift", shift, 0, 15)
        if not 0 <= self.factor <= 1:
            raise ValueError(f"Decay factor must be in 0..1, not {self.factor}")

    @property
    def factor(self):
        """The real number that the shifts stand for."""
        return 1.0 - sum(2.0**-k for k in self.subtract) + sum(2.0**-k for k in self.add)

    def apply(self, x):
        """Decayed ``x``: a Python integer, or an integer tensor of any shape."""
        y = x
        for k in self.subtract:
            y = y - (x >> k)
        for k in self.add:
            y = y + (x >> k)
        return y

    def real(self, U, gamma=1.0):
        """The same in real numbers, of a float tensor of any shape; gamma makes one level."""
        return self.factor * U

    def slope(self, U, gamma=1.0):
        """Derivative of :meth:`real`: a number, or of U's shape."""
        return self.factor

    def on_grid(self, bits):
        """The same leak for a theta of ``2**bits``."""
        return self

    def bound(self, magnitude):
        """Largest ``abs(apply(x))`` for ``abs(x) <= magnitude``, rounding included."""
        if len(self.subtract) + len(self.add) <= 1:
            return max(self.apply(magnitude), -self.apply(-magnitude))
        return math.ceil(magnitude * self.factor) + len(self.subtract) + len(self.add)

    @classmethod
    def nearest(cls, factor, terms=2):
        """The decay of at most ``terms`` shifts whose factor is nearest to ``factor``."""
        if not 0 <= factor <= 1:
            raise ValueError(f"Decay factor must be in 0..1, not {factor!r}")
        candidates = [cls()] + [cls((k,)) for k in range(9)]
        if terms >= 2:
            candidates += [cls((j, k)) for j in range(1, 9) for k in range(j + 1, 9)]
            candidates += [cls((j,), (k,)) for j in range(0, 8) for k in range(j + 1, 9)]
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

    def __post_init__(self):
        check_int("Quadratic gain", self.gain, 0, 1 << 8)
        check_int("Quadratic bits", self.bits, self.FRACTION, 16)
        for what, value in (("low", self.low), ("high", self.high)):
            check_int(f"Quadratic {what}", value, self.X_MIN, self.X_MAX)

    @classmethod
    def nearest(cls, a, u1, u2):
        """The leak on the grid that is nearest to real parameters."""
        return cls(gain=round(a * (1 << cls.GAIN_FRACTION)), low=round(u1 * (1 << cls.FRACTION)),
                   high=round(u2 * (1 << cls.FRACTION)))

    def index(self, v):
        """The membrane as the quadratic term sees it: -128..127."""
        return _clip(v >> self.bits - self.FRACTION, self.X_MIN, self.X_MAX)

    def term(self, x):
        """What is added to a membrane of index ``x``."""
        product = self.gain * (x - self.low) * (x - self.high)
        shift = self.bits - 2 * self.FRACTION - self.GAIN_FRACTION
        return product << shift if shift >= 0 else product >> -shift

    @property
    def table(self):
        """The term by the index's 8 bits: of 0..127, then of -128..-1."""
        return [self.term(x) for x in (*range(self.X_MAX + 1), *range(self.X_MIN, 0))]

    @property
    def term_width(self):
        """Signed bits that hold every term."""
        return 1 + max(max(term, ~term).bit_length() for term in self.table)

    def apply(self, v):
        """Membrane after the leak: a Python integer, or an integer tensor of any shape."""
        return v + self.term(self.index(v))

    def real(self, U, gamma=1.0):
        """The same in real numbers, of a float tensor of any shape; gamma makes one level."""
        a, u1, u2 = self.parameters
        u = self._clipped(U / gamma)
        return U + gamma * a * (u - u1) * (u - u2)

    def slope(self, U, gamma=1.0):
        """Derivative of :meth:`real`, of U's shape."""
        a, u1, u2 = self.parameters
        u = self._clipped(U / gamma)
        return 1 + a * (2 * u - u1 - u2) * (u * gamma == U)

    @property
    def at_rest(self):
        """What :meth:`real` makes of 0, in levels."""
        a, u1, u2 = self.parameters
        return a * u1 * u2

    @property
    def parameters(self):
        """``(a, u1, u2)``, in levels."""
        eighth = 1 << self.FRACTION
        return self.gain / (1 << self.GAIN_FRACTION), self.low / eighth, self.high / eighth

    def _clipped(self, u):
        eighth = 1 << self.FRACTION
        return _clip(u, self.X_MIN / eighth, self.X_MAX / eighth)

    def on_grid(self, bits):
        """The same leak for a theta of ``2**bits``."""
        return replace(self, bits=bits)

    def bound(self, magnitude):
        """Largest ``abs(apply(x))`` for ``abs(x) <= magnitude``, or a little more."""
        seen = range(self.index(-magnitude), self.index(magnitude) + 1)
        return magnitude + max(abs(self.term(x)) for x in seen)


def _clip(x, low, high):
    """Of a tensor or a number."""
    return x.clamp(low, high) if hasattr(x, "clamp") else min(max(x, low), high)


@dataclass(frozen=True, kw_only=True)
class Quantiser:
    """Burst quantiser: the largest of its levels with ``level * theta <= v``, or 0.

    ``spacing`` says which levels there are: ``"uniform"``, 0..n_max (eq. 9,
    ``clip(v // theta, 0, n_max)``); or ``"powers"``, 0 and the powers of two up to n_max
    (ShiftLIF, arXiv:2605.01866), each a single digit.  ``theta`` is gamma in units of the
    membrane's last bit.  A power of two lets the hardware take the level from a slice of the
    membrane; any other value needs the comparator ladder.
    """

    n_max: int
    theta: int
    spacing: str = "uniform"

    SPACINGS = ("uniform", "powers")

    def __post_init__(self):
        check_int("N_max", self.n_max, 1, LEVEL_LIMIT)
        check_int("Threshold", self.theta, 1, 1 << 24)
        if self.spacing not in self.SPACINGS:
            raise ValueError(f"Spacing of levels must be one of {', '.join(self.SPACINGS)}, "
                             f"not {self.spacing!r}")
        if self.n_max not in self.levels:
            raise ValueError(f"N_max must be a power of two where levels are, not {self.n_max}")

    @property
    def levels(self):
        """Every level that there is, in order."""
        return spaced_levels(self.n_max, self.spacing)

    @property
    def shift(self):
        """``log2(theta)``, or ``None`` where theta is no power of two."""
        return self.theta.bit_length() - 1 if self.theta & self.theta - 1 == 0 else None


def spaced_levels(n_max, spacing):
    """The levels 0..n_max that a quantiser of this spacing has."""
    if spacing == "uniform":
        return tuple(range(n_max + 1))
    return (0, *(1 << k for k in range(n_max.bit_length())))


@dataclass(frozen=True, kw_only=True)
class Reset:
    """What a burst does to the membrane.

    ========== ==========================================================================
    kind       meaning
    ========== ==========================================================================
    none       nothing
    gate       the next step's whole bracket is decayed by ``1 - alpha`` (eq. 8, the default)
    gate-input the next step's input alone is decayed by ``1 - alpha`` (eq. 8 as typeset copies
               without the bracket read)
    subtract   ``level * theta`` leaves the membrane at once
    zero       the membrane is 0 after any burst
    ========== ==========================================================================

    ``gate`` is the factor ``1 - alpha``.
    """

    kind: str = "gate"
    gate: Decay = Decay((0,))

    # What a burst leaves at once of the membrane, never more than it was: integers or floats,
    # tensors of any shape.  The gates act on the next step instead.
    KINDS = {
        "none": lambda v, level, theta: v,
        "gate": lambda v, level, theta: v,
        "gate-input": lambda v, level, theta: v,
        "subtract": lambda v, level, theta: v - level * theta,
        "zero": lambda v, level, theta: v * (level <= 0),
    }

    def __post_init__(self):
        if self.kind not in self.KINDS:
            raise ValueError(f"Reset must be one of {', '.join(self.KINDS)}, not {self.kind!r}")
        check_type("Reset gate", self.gate, Decay)

    def after(self, v, level, theta):
        """Membrane after a burst of ``level``, in the units of ``theta``."""
        return self.KINDS[self.kind](v, level, theta)


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """One neuron: leak x quantiser x reset, on a signed membrane of ``v_width`` bits.

    ``quantiser=None`` makes a read-out neuron, which accumulates and never fires.  ``output`` is
    what leaves: the ``"level"``, or, ``"binary"``, 1 for any burst, whose level the reset alone
    then knows.
    """

    leak: Decay | Quadratic = Decay()
    quantiser: Quantiser | None
    reset: Reset = Reset()
    output: str = "level"
    v_width: int

    OUTPUTS = ("level", "binary")

    def __post_init__(self):
        check_type("Leak", self.leak, (Decay, Quadratic))
        check_type("Reset", self.reset, Reset)
        check_int("Membrane width", self.v_width, 2, WIDTH_LIMIT)
        if self.output not in self.OUTPUTS:
            raise ValueError(f"Output must be one of {', '.join(self.OUTPUTS)}, "
                             f"not {self.output!r}")
        if isinstance(self.leak, Quadratic) and (
                self.quantiser is None or self.quantiser.theta != 1 << self.leak.bits):
            raise ValueError(f"A quadratic leak of {self.leak.bits} bits needs a threshold of "
                             f"{1 << self.leak.bits}, not "
                             f"{self.quantiser and self.quantiser.theta}")
        if self.quantiser is not None:
            check_type("Quantiser", self.quantiser, Quantiser)
            if self.quantiser.theta > self.v_max:
                raise ValueError(f"Threshold {self.quantiser.theta} does not fit a signed "
                                 f"{self.v_width}-bit membrane")

    @property
    def v_min(self):
        return -(1 << self.v_width - 1)

    @property
    def v_max(self):
        return (1 << self.v_width - 1) - 1

    @property
    def levels(self):
        """Every level that can leave, in order; 0 alone for a read-out neuron."""
        if self.quantiser is None:
            return (0,)
        return (0, 1) if self.output == "binary" else self.quantiser.levels

    @property
    def n_max(self):
        """Largest level that can leave, 0 for a read-out neuron."""
        return self.levels[-1]

    @property
    def leak_headroom(self):
        """``log2(theta / 2**k)`` for the longest leak shift k, ``None`` where there is no leak.

        A shift leak does nothing for ``0 <= v < 2**k``; below about 4 bits of headroom that dead
        zone is a visible part of a level.
        """
        if isinstance(self.leak, Quadratic) or self.quantiser is None:
            return None
        shifts = self.leak.subtract + self.leak.add
        if not shifts:
            return None
        return math.log2(self.quantiser.theta) - max(shifts)
