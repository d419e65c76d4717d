"""The neuron's three axes, leak x quantiser x reset, as frozen, validated descriptions.

The arithmetic that they name is in :mod:`qblif.golden.neuron`, its hardware twin in
:mod:`qblif.hw.neuron`.  Standard library only.
"""

import math
from dataclasses import dataclass

from .checks import as_tuple, check_int, check_type

__all__ = ["LEVEL_LIMIT", "WIDTH_LIMIT", "Decay", "Neuron", "Quantiser", "Reset"]

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
class Quantiser:
    """Uniform burst quantiser (eq. 9): ``level = clip(v // theta, 0, n_max)``.

    ``theta`` is gamma in units of the membrane's last bit.  A power of two lets the hardware
    take the level as a slice of the membrane; any other value needs the comparator ladder.
    """

    n_max: int
    theta: int

    def __post_init__(self):
        check_int("N_max", self.n_max, 1, LEVEL_LIMIT)
        check_int("Threshold", self.theta, 1, 1 << 24)

    @property
    def shift(self):
        """``log2(theta)``, or ``None`` where theta is no power of two."""
        return self.theta.bit_length() - 1 if self.theta & self.theta - 1 == 0 else None


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
    ========== ==========================================================================

    ``gate`` is the factor ``1 - alpha``.
    """

    kind: str = "gate"
    gate: Decay = Decay((0,))

    KINDS = ("none", "gate", "gate-input", "subtract")

    def __post_init__(self):
        if self.kind not in self.KINDS:
            raise ValueError(f"Reset must be one of {', '.join(self.KINDS)}, not {self.kind!r}")
        check_type("Reset gate", self.gate, Decay)


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """One neuron: leak x quantiser x reset, on a signed membrane of ``v_width`` bits.

    ``quantiser=None`` makes a read-out neuron, which accumulates and never fires.
    """

    leak: Decay = Decay()
    quantiser: Quantiser | None
    reset: Reset = Reset()
    v_width: int

    def __post_init__(self):
        check_type("Leak", self.leak, Decay)
        check_type("Reset", self.reset, Reset)
        check_int("Membrane width", self.v_width, 2, WIDTH_LIMIT)
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
    def n_max(self):
        """Largest level, 0 for a read-out neuron."""
        return self.quantiser.n_max if self.quantiser else 0

    @property
    def leak_headroom(self):
        """``log2(theta / 2**k)`` for the longest leak shift k, ``None`` where there is no leak.

        A shift leak does nothing for ``0 <= v < 2**k``; below about 4 bits of headroom that dead
        zone is a visible part of a level.
        """
        shifts = self.leak.subtract + self.leak.add
        if not shifts or self.quantiser is None:
            return None
        return math.log2(self.quantiser.theta) - max(shifts)
