"""The neuron's three axes, leak x quantiser x reset, as frozen, validated descriptions.

The timestep that they describe is :mod:`qblif.golden.neuron`, its hardware twin
:mod:`qblif.hw.core.neuron`; the systems that are points in this space have names in
:mod:`qblif.golden.training.presets`.  Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .checks import check_int, check_type
from .errors import InvalidValue
from .leak import WIDTH_LIMIT, Decay, Quadratic, Synaptic

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LEVEL_LIMIT", "WIDTH_LIMIT", "Decay", "Neuron", "Quadratic", "Quantiser", "Reset",
           "Synaptic"]

LEVEL_LIMIT = 63  # Of six bits; the paper goes to 20.  Digits need shifts of at most 6.

Numbers = TypeVar("Numbers", int, float, "Tensor")


@dataclass(frozen=True, kw_only=True)
class Quantiser:
    """Burst quantiser: the largest of its levels with ``level * theta <= v + offset``, or 0.

    ``spacing`` says which levels there are: ``"uniform"``, 0..n_max (eq. 9,
    ``clip(v // theta, 0, n_max)``); or ``"powers"``, 0 and the powers of two up to n_max
    (ShiftLIF, arXiv:2605.01866), each a single digit.  ``theta`` is gamma in units of the
    membrane's last bit.  A power of two lets the hardware take the level from a slice of the
    membrane; any other value needs the comparator ladder.

    ``rounding`` of the membrane to levels is ``"down"`` (eq. 9), without an offset, or
    ``"nearest"``, with one of ``theta // 2``: a half rounds up.
    """

    n_max: int
    theta: int
    spacing: str = "uniform"
    rounding: str = "down"

    SPACINGS = ("uniform", "powers")
    ROUNDINGS = ("down", "nearest")

    def __post_init__(self) -> None:
        check_int("N_max", self.n_max, 1, LEVEL_LIMIT)
        check_int("Threshold", self.theta, 1, 1 << 24)
        if self.spacing not in self.SPACINGS:
            raise InvalidValue(f"Spacing of levels must be one of {', '.join(self.SPACINGS)}, "
                               f"not {self.spacing!r}")
        if self.rounding not in self.ROUNDINGS:
            raise InvalidValue(f"Rounding to levels must be one of {', '.join(self.ROUNDINGS)}, "
                               f"not {self.rounding!r}")
        if self.n_max not in self.levels:
            raise InvalidValue(f"N_max must be a power of two where levels are, not {self.n_max}")

    @property
    def levels(self) -> tuple[int, ...]:
        """Every level that there is, in order."""
        return spaced_levels(self.n_max, self.spacing)

    @property
    def offset(self) -> int:
        """What is added to a membrane before its level is taken."""
        return self.offset_of(self.theta)

    def offset_of(self, theta: Numbers) -> Numbers:
        """The same with other thresholds, integers."""
        return theta // 2 if self.rounding == "nearest" else 0 * theta

    @property
    def shift(self) -> int | None:
        """``log2(theta)``, or ``None`` where theta is no power of two."""
        return self.theta.bit_length() - 1 if self.theta & self.theta - 1 == 0 else None


def spaced_levels(n_max: int, spacing: str) -> tuple[int, ...]:
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
    late       ``level * theta`` leaves the membrane in the next step, behind its leak
               (snnTorch's ``Leaky`` as it is by default)
    held       as subtract, but a membrane that was left above the threshold holds the next burst
               back: it is the level of ``v`` less that membrane's own ``level * theta``
               (snnTorch's ``Leaky`` with ``reset_delay=False``)
    zero       the membrane is ``value`` after any burst, 0 by default
    ========== ==========================================================================

    ``gate`` is the factor ``1 - alpha``, ``value`` in units of the membrane's last bit.
    """

    kind: str = "gate"
    gate: Decay = Decay((0,))
    value: int = 0

    # What a burst leaves at once of the membrane, never more than it was: integers or floats,
    # tensors of any shape.  The gates and ``late`` act on the next step instead.
    KINDS: ClassVar[dict[str, Callable[[Any, Any, Any], Any]]] = {
        "none": lambda v, level, theta: v,
        "gate": lambda v, level, theta: v,
        "gate-input": lambda v, level, theta: v,
        "subtract": lambda v, level, theta: v - level * theta,
        "late": lambda v, level, theta: v,
        "held": lambda v, level, theta: v - level * theta,
        "zero": lambda v, level, theta: v * (level <= 0),
    }

    # What these take in a step depends on the level of the membrane that the last one left.
    OF_WHAT_WAS_LEFT: ClassVar[tuple[str, ...]] = ("late", "held")

    def __post_init__(self) -> None:
        if self.kind not in [*self.KINDS]:
            raise InvalidValue(f"Reset must be one of {', '.join(self.KINDS)}, not {self.kind!r}")
        check_type("Reset gate", self.gate, Decay)
        check_int("Reset value", self.value, -(1 << WIDTH_LIMIT - 1), (1 << WIDTH_LIMIT - 1) - 1)
        if self.value and self.kind != "zero":
            raise InvalidValue(f"A reset value of {self.value} needs the reset zero, not "
                               f"{self.kind}")

    def after(self, v: Numbers, level: Numbers, theta: Numbers | int) -> Numbers:
        """Membrane after a burst of ``level``, in the units of ``theta``."""
        left = self.KINDS[self.kind](v, level, theta)
        return left + (0 * v + self.value) * (level > 0) if self.value else left


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """One neuron: leak x quantiser x reset, on a signed membrane of ``v_width`` bits.

    ``quantiser=None`` makes a read-out neuron, which accumulates and never fires.  ``output`` is
    what leaves: the ``"level"``, or, ``"binary"``, 1 for any burst, whose level the reset alone
    then knows.  ``floor``, 0 or less, is where the membrane saturates below, ``None`` where only
    its width bounds it.  ``synaptic`` is the current between sum and membrane, if there is one.
    """

    leak: Decay | Quadratic = Decay()
    quantiser: Quantiser | None
    reset: Reset = Reset()
    output: str = "level"
    v_width: int
    floor: int | None = None
    synaptic: Synaptic | None = None

    OUTPUTS = ("level", "binary")

    def __post_init__(self) -> None:
        check_type("Leak", self.leak, (Decay, Quadratic))
        check_type("Reset", self.reset, Reset)
        check_int("Membrane width", self.v_width, 2, WIDTH_LIMIT)
        if self.synaptic is not None:
            check_type("Synaptic current", self.synaptic, Synaptic)
        if self.floor is not None:
            check_int("Membrane floor", self.floor, -(1 << self.v_width - 1), 0)
        if not self.v_min <= self.reset.value <= self.v_max:
            raise InvalidValue(f"Reset value must be in {self.v_min}..{self.v_max}, as the "
                               f"membrane, not {self.reset.value}")
        if self.output not in self.OUTPUTS:
            raise InvalidValue(f"Output must be one of {', '.join(self.OUTPUTS)}, "
                               f"not {self.output!r}")
        if isinstance(self.leak, Quadratic) and (
                self.quantiser is None or self.quantiser.theta != 1 << self.leak.bits):
            raise InvalidValue(f"A quadratic leak of {self.leak.bits} bits needs a threshold of "
                               f"{1 << self.leak.bits}, not "
                               f"{self.quantiser and self.quantiser.theta}")
        if self.quantiser is not None:
            check_type("Quantiser", self.quantiser, Quantiser)
            if self.quantiser.theta > self.v_max:
                raise InvalidValue(f"Threshold {self.quantiser.theta} does not fit a signed "
                                   f"{self.v_width}-bit membrane")
            if self.floor is not None and self.floor > -self.quantiser.offset:
                raise InvalidValue(f"Membrane floor must be at most {-self.quantiser.offset} where "
                                   f"levels are the nearest, as a burst may leave as little, not "
                                   f"{self.floor}")

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and numbers; without floor, reset value, synaptic current and rounding
        where they change nothing, as older network files lack them."""
        fields = asdict(self)
        fields["leak"]["kind"] = self.leak.kind
        for name in ("floor", "synaptic"):
            if fields[name] is None:
                del fields[name]
        if not self.reset.value:
            del fields["reset"]["value"]
        if self.quantiser is not None and self.quantiser.rounding == "down":
            del fields["quantiser"]["rounding"]
        return fields

    @property
    def v_min(self) -> int:
        return -(1 << self.v_width - 1) if self.floor is None else self.floor

    @property
    def v_max(self) -> int:
        return (1 << self.v_width - 1) - 1

    @property
    def state_width(self) -> int:
        """Bits that a neuron remembers between timesteps: membrane, current, and whether it
        fired."""
        return self.v_width + 1 + (self.synaptic.width if self.synaptic else 0)

    @property
    def levels(self) -> tuple[int, ...]:
        """Every level that can leave, in order; 0 alone for a read-out neuron."""
        if self.quantiser is None:
            return (0,)
        return (0, 1) if self.output == "binary" else self.quantiser.levels

    @property
    def emit_max(self) -> int:
        """Largest level that can leave, 0 for a read-out neuron.  The quantiser's ``n_max`` is that
        of the membrane: with a binary output more than this."""
        return self.levels[-1]

    @property
    def leak_headroom(self) -> float | None:
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
