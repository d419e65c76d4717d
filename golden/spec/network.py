"""What a network is: a graph of populations and synapses, frozen and validated.

Every other part of the project reads these classes, and those of :mod:`qblif.golden.spec.axes` and
:mod:`qblif.golden.spec.synapses`, which come along.  Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from functools import cached_property
from typing import Any

from .axes import LEVEL_LIMIT, WIDTH_LIMIT, Decay, Neuron, Quadratic, Quantiser, Reset, Synaptic
from .checks import as_tuple, check_int, check_name, check_shape, check_type
from .errors import InvalidValue
from .synapses import Conv2d, Dense, Synapse, as_map

__all__ = ["Conv2d", "Decay", "Dense", "Input", "Network", "Neuron", "Population", "Quadratic",
           "Quantiser", "Reset", "as_map"]


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_tuple("Input shape", self.shape))
        check_shape("Input", self.shape)
        check_int("Input N_max", self.n_max, 1, LEVEL_LIMIT)
        check_type("Input static", self.static, bool)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def levels(self) -> tuple[int, ...]:
        """Every level that there is, in order."""
        return tuple(range(self.n_max + 1))

    @property
    def emit_max(self) -> int:
        """Largest level, as of a :class:`Population`."""
        return self.n_max


@dataclass(frozen=True, kw_only=True)
class Population:
    """A set of equal neurons.

    A shape of three axes is a map, ``(channels, rows, columns)``; neurons count in this order.
    ``sum_width`` is the signed width in which one timestep's weights are accumulated; it must
    hold every sum that the weights can make (checked where the weights are).  ``bias_width`` is
    the signed width of each channel's bias, 0 for none; without a map each neuron is a channel.
    """

    name: str
    shape: tuple[int, ...]
    neuron: Neuron
    sum_width: int
    bias_width: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_tuple("Population shape", self.shape))
        check_name("Population name", self.name)
        if self.name == Input.name:
            raise InvalidValue(f"Population name must not be {Input.name!r}")
        check_shape(f"Population {self.name}", self.shape)
        check_type("Neuron", self.neuron, Neuron)
        check_int("Sum width", self.sum_width, 2, WIDTH_LIMIT)
        check_int("Bias width", self.bias_width, 0, WIDTH_LIMIT)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def channels(self) -> int:
        return as_map(self.shape)[0]

    @property
    def levels(self) -> tuple[int, ...]:
        """Every level that can leave, in order."""
        return self.neuron.levels

    @property
    def emit_max(self) -> int:
        """Largest level that can leave."""
        return self.neuron.emit_max


@dataclass(frozen=True, kw_only=True)
class Network:
    """A feed-forward graph of populations and synapses, run for ``timesteps`` per frame.

    Populations stand in order of computation; the last one is the read-out, every other one
    fires.  Raises :class:`ValueError` where the graph does not hang together.
    """

    timesteps: int
    input: Input
    populations: tuple[Population, ...]
    synapses: tuple[Dense | Conv2d, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "populations", as_tuple("Populations", self.populations))
        object.__setattr__(self, "synapses", as_tuple("Synapses", self.synapses))
        check_int("Timesteps", self.timesteps, 1, 1024)
        check_type("Input", self.input, Input)
        if not self.populations:
            raise InvalidValue("Network must have at least one population")
        order = {self.input.name: 0}
        for population in self.populations:
            check_type("Population", population, Population)
            if population.name in order:
                raise InvalidValue(f"Population name {population.name!r} is used twice")
            order[population.name] = len(order)
        for synapse in self.synapses:
            check_type("Synapse", synapse, Synapse)
            for end in (synapse.source, synapse.target):
                if end not in order:
                    raise InvalidValue(f"Synapse {synapse.name} names {end!r}, which does not "
                                       f"exist")
            if order[synapse.source] >= order[synapse.target]:
                raise InvalidValue(f"Synapse {synapse.name} does not lead forward")
            if sum(s.name == synapse.name for s in self.synapses) > 1:
                raise InvalidValue(f"Synapse {synapse.name} is there twice")
            self.weight_shape(synapse)  # It says what does not fit.
        read = {synapse.source for synapse in self.synapses} | {self.populations[-1].name}
        for population in self.populations:
            if not self.synapses_to(population.name):
                raise InvalidValue(f"Population {population.name} has no synapses")
            if (population.neuron.quantiser is None) != (population is self.populations[-1]):
                raise InvalidValue(f"Population {population.name} must "
                                   + ("not fire: it is the last" if population.neuron.quantiser
                                      else "have a quantiser: only the last is a read-out"))
        for population in self.populations:
            if population.name not in read:
                raise InvalidValue(f"Population {population.name} leads nowhere")

    def source(self, name: str) -> Input | Population:
        """The :class:`Input` or :class:`Population` called ``name``."""
        return next(p for p in (self.input, *self.populations) if p.name == name)

    @cached_property
    def depth(self) -> dict[str, int]:
        """Most synapses between the input and each population, by name."""
        depth = {self.input.name: 0}
        for population in self.populations:
            depth[population.name] = 1 + max(
                depth[synapse.source] for synapse in self.synapses_to(population.name))
        return depth

    def synapses_to(self, name: str) -> tuple[Dense | Conv2d, ...]:
        return tuple(s for s in self.synapses if s.target == name)

    def weight_shape(self, synapse: Dense | Conv2d) -> tuple[int, ...]:
        return synapse.weight_shape(self.source(synapse.source).shape,
                                    self.source(synapse.target).shape)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and integers; ``from_dict`` is the inverse."""
        spec = asdict(self)
        for synapse, fields in zip(self.synapses, spec["synapses"], strict=True):
            fields["kind"] = synapse.kind
        for population, fields in zip(self.populations, spec["populations"], strict=True):
            fields["neuron"] = population.neuron.to_dict()
        return json.loads(json.dumps(spec))

    @classmethod
    def from_dict(cls, spec: dict[str, Any]) -> Network:
        """Rebuild and re-validate; :class:`ValueError` names a missing or unknown field."""
        fields = _fields(cls, spec)
        fields["input"] = Input(**_fields(Input, fields["input"]))
        fields["populations"] = [
            _population(p) for p in as_tuple("Populations", fields["populations"])]
        fields["synapses"] = [_of_kind("Synapse", (Dense, Conv2d), s)
                              for s in as_tuple("Synapses", fields["synapses"])]
        return cls(**fields)

    @property
    def digest(self) -> str:
        """64-bit hexadecimal fingerprint of topology, neurons and widths (not of the weights)."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fields(cls, fields, **defaults) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise InvalidValue(f"{cls.__name__} must be described by an object, "
                           f"not {reprlib.repr(fields)}")
    fields = defaults | fields
    known = [field.name for field in fields_of(cls)]
    for name in fields:
        if name not in known:
            raise InvalidValue(f"{cls.__name__} has no field {name!r}")
    for name in known:
        if name not in fields:
            raise InvalidValue(f"{cls.__name__} lacks its field {name!r}")
    return fields


def _neuron(fields):
    fields = _fields(Neuron, fields, floor=None, synaptic=None)
    reset = _fields(Reset, fields["reset"], value=0)
    quantiser = fields["quantiser"]
    reset["gate"] = Decay(**_fields(Decay, reset["gate"]))
    fields["leak"] = _of_kind("Leak", (Decay, Quadratic), fields["leak"])
    if quantiser is not None:
        fields["quantiser"] = Quantiser(**_fields(Quantiser, quantiser))
    if fields["synaptic"] is not None:
        synaptic = _fields(Synaptic, fields["synaptic"])
        fields["synaptic"] = Synaptic(decay=Decay(**_fields(Decay, synaptic["decay"])),
                                      width=synaptic["width"])
    fields["reset"] = Reset(**reset)
    return Neuron(**fields)


def _population(fields):
    fields = _fields(Population, fields)
    fields["neuron"] = _neuron(fields["neuron"])
    return Population(**fields)


def _of_kind(what, classes, fields):
    """One of ``classes``, by the field ``kind``."""
    kinds = {cls.kind: cls for cls in classes}
    kind = fields.get("kind") if isinstance(fields, dict) else None
    if kind not in tuple(kinds):
        raise InvalidValue(f"{what} kind must be one of {', '.join(kinds)}, not {kind!r}")
    cls = kinds[kind]
    return cls(**_fields(cls, {k: v for k, v in fields.items() if k != "kind"}))
