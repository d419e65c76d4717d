"""What a network is: frozen, validated descriptions.  Standard library only.

Every other part of the project reads these classes; the arithmetic they name is in
:mod:`qblif.golden.neuron`, and its hardware twin in :mod:`qblif.hw.neuron`.
"""

import hashlib
import json
import math
import reprlib
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Decay", "Dense", "Input", "Network", "Neuron", "Population", "Quantiser", "Reset"]

LEVEL_LIMIT = 20  # The paper's largest N_max; its digits need shifts of at most 4.
WIDTH_LIMIT = 30  # Leak + bias + sum then still fit the 32-bit integers of the golden model.


def _check_int(what, value, low, high=None):
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be an integer, not {value!r}")
    if high is None and value < low:
        raise ValueError(f"{what} must be at least {low}, not {value}")
    if high is not None and not low <= value <= high:
        raise ValueError(f"{what} must be in {low}..{high}, not {value}")


def _check_name(what, value):
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, not {value!r}")
    if not value.isidentifier() or not value.isascii():
        raise ValueError(f"{what} must be an identifier (a-z, 0-9, _), not {value!r}")


def _check_type(what, value, kind):
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be a {kind.__name__}, not {value!r}")


def _tuple(what, value):
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{what} must be a tuple or a list, not {value!r}")
    return tuple(value)


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
            shifts = _tuple("Decay shifts", getattr(self, field))
            object.__setattr__(self, field, shifts)
            for shift in shifts:
                _check_int("Decay shift", shift, 0, 15)
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
        _check_int("N_max", self.n_max, 1, LEVEL_LIMIT)
        _check_int("Threshold", self.theta, 1, 1 << 24)

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
        _check_type("Reset gate", self.gate, Decay)


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
        _check_type("Leak", self.leak, Decay)
        _check_type("Reset", self.reset, Reset)
        _check_int("Membrane width", self.v_width, 2, WIDTH_LIMIT)
        if self.quantiser is not None:
            _check_type("Quantiser", self.quantiser, Quantiser)
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


@dataclass(frozen=True, kw_only=True)
class Input:
    """The network's input: ``shape`` pixels or channels with levels 0..n_max.

    ``static``: one frame of levels is the input of every timestep (an image); otherwise each
    timestep brings its own.
    """

    shape: tuple[int, ...]
    n_max: int
    static: bool = True

    name = "input"

    def __post_init__(self):
        object.__setattr__(self, "shape", _tuple("Input shape", self.shape))
        _check_shape("Input", self.shape)
        _check_int("Input N_max", self.n_max, 1, LEVEL_LIMIT)
        _check_type("Input static", self.static, bool)

    @property
    def size(self):
        return math.prod(self.shape)


def _check_shape(what, shape):
    if not shape:
        raise ValueError(f"{what} shape must have at least one axis")
    for extent in shape:
        _check_int(f"{what} extent", extent, 1, 1 << 20)


@dataclass(frozen=True, kw_only=True)
class Population:
    """A set of equal neurons.

    ``sum_width`` is the signed width in which one timestep's weights are accumulated; it must
    hold every sum that the weights can make (checked where the weights are).  ``bias_width`` is
    the signed width of each neuron's bias, 0 for none.
    """

    name: str
    shape: tuple[int, ...]
    neuron: Neuron
    sum_width: int
    bias_width: int = 0

    def __post_init__(self):
        object.__setattr__(self, "shape", _tuple("Population shape", self.shape))
        _check_name("Population name", self.name)
        if self.name == Input.name:
            raise ValueError(f"Population name must not be {Input.name!r}")
        _check_shape(f"Population {self.name}", self.shape)
        _check_type("Neuron", self.neuron, Neuron)
        _check_int("Sum width", self.sum_width, 2, WIDTH_LIMIT)
        _check_int("Bias width", self.bias_width, 0, WIDTH_LIMIT)

    @property
    def size(self):
        return math.prod(self.shape)

    @property
    def n_max(self):
        return self.neuron.n_max


@dataclass(frozen=True, kw_only=True)
class Dense:
    """All-to-all synapses from ``source`` to ``target``, signed weights of ``w_width`` bits."""

    source: str
    target: str
    w_width: int = 8

    kind = "dense"

    def __post_init__(self):
        _check_type("Synapse source", self.source, str)
        _check_type("Synapse target", self.target, str)
        _check_int("Weight width", self.w_width, 2, 16)

    @property
    def name(self):
        return f"{self.source}->{self.target}"

    def weight_shape(self, source_shape, target_shape):
        """Shape of the weight tensor: ``(targets, sources)``."""
        return math.prod(target_shape), math.prod(source_shape)


@dataclass(frozen=True, kw_only=True)
class Network:
    """A feed-forward graph of populations and synapses, run for ``timesteps`` per frame.

    Populations stand in order of computation; the last one is the read-out, every other one
    fires.  Raises :class:`ValueError` where the graph does not hang together.
    """

    timesteps: int
    input: Input
    populations: tuple[Population, ...]
    synapses: tuple[Dense, ...]

    def __post_init__(self):
        object.__setattr__(self, "populations", _tuple("Populations", self.populations))
        object.__setattr__(self, "synapses", _tuple("Synapses", self.synapses))
        _check_int("Timesteps", self.timesteps, 1, 1024)
        _check_type("Input", self.input, Input)
        if not self.populations:
            raise ValueError("Network must have at least one population")
        order = {self.input.name: 0}
        for population in self.populations:
            _check_type("Population", population, Population)
            if population.name in order:
                raise ValueError(f"Population name {population.name!r} is used twice")
            order[population.name] = len(order)
        for synapse in self.synapses:
            _check_type("Synapse", synapse, Dense)
            for end in (synapse.source, synapse.target):
                if end not in order:
                    raise ValueError(f"Synapse {synapse.name} names {end!r}, which does not exist")
            if order[synapse.source] >= order[synapse.target]:
                raise ValueError(f"Synapse {synapse.name} does not lead forward")
            if sum(s.name == synapse.name for s in self.synapses) > 1:
                raise ValueError(f"Synapse {synapse.name} is there twice")
        for population in self.populations:
            if not self.synapses_to(population.name):
                raise ValueError(f"Population {population.name} has no synapses")
            if (population.neuron.quantiser is None) != (population is self.populations[-1]):
                raise ValueError(f"Population {population.name} must "
                                 + ("not fire: it is the last" if population.neuron.quantiser
                                    else "have a quantiser: only the last is a read-out"))

    def source(self, name):
        """The :class:`Input` or :class:`Population` called ``name``."""
        return next(p for p in (self.input, *self.populations) if p.name == name)

    def synapses_to(self, name):
        return tuple(s for s in self.synapses if s.target == name)

    def weight_shape(self, synapse):
        return synapse.weight_shape(self.source(synapse.source).shape,
                                    self.source(synapse.target).shape)

    def to_dict(self):
        """Plain dictionaries, lists, strings and integers; ``from_dict`` is the inverse."""
        spec = asdict(self)
        for synapse, fields in zip(self.synapses, spec["synapses"], strict=True):
            fields["kind"] = synapse.kind
        return json.loads(json.dumps(spec))

    @classmethod
    def from_dict(cls, spec):
        """Rebuild and re-validate; :class:`ValueError` names a missing or unknown field."""
        fields = _fields(cls, spec)
        fields["input"] = Input(**_fields(Input, fields["input"]))
        fields["populations"] = [
            _population(p) for p in _tuple("Populations", fields["populations"])]
        fields["synapses"] = [_synapse(s) for s in _tuple("Synapses", fields["synapses"])]
        return cls(**fields)

    @property
    def digest(self):
        """64-bit hexadecimal fingerprint of topology, neurons and widths (not of the weights)."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fields(cls, fields) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise ValueError(f"{cls.__name__} must be described by an object, "
                         f"not {reprlib.repr(fields)}")
    known = cls.__dataclass_fields__
    for name in fields:
        if name not in known:
            raise ValueError(f"{cls.__name__} has no field {name!r}")
    for name in known:
        if name not in fields:
            raise ValueError(f"{cls.__name__} lacks its field {name!r}")
    return dict(fields)


def _neuron(fields):
    fields = _fields(Neuron, fields)
    reset = _fields(Reset, fields["reset"])
    quantiser = fields["quantiser"]
    reset["gate"] = Decay(**_fields(Decay, reset["gate"]))
    fields["leak"] = Decay(**_fields(Decay, fields["leak"]))
    if quantiser is not None:
        fields["quantiser"] = Quantiser(**_fields(Quantiser, quantiser))
    fields["reset"] = Reset(**reset)
    return Neuron(**fields)


def _population(fields):
    fields = _fields(Population, fields)
    fields["neuron"] = _neuron(fields["neuron"])
    return Population(**fields)


def _synapse(fields):
    kind = fields.get("kind") if isinstance(fields, dict) else None
    if kind != Dense.kind:
        raise ValueError(f"Synapse kind must be {Dense.kind!r}, not {kind!r}")
    return Dense(**_fields(Dense, {k: v for k, v in fields.items() if k != "kind"}))
