"""What a network is: a graph of populations and synapses, frozen and validated.

Every other part of the project reads these classes, and those of :mod:`qblif.golden.spec.axes` and
:mod:`qblif.golden.spec.synapses`, which come along.  Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import reprlib
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from functools import cached_property
from typing import Any

from .axes import Decay, Neuron, Quadratic, Quantiser, Reset, Synaptic
from .checks import as_tuple, check_int, check_type
from .errors import InvalidValue
from .population import Input, Population
from .recurrence import check_recurrent, loops
from .synapses import Conv2d, Dense, Synapse, as_map

__all__ = ["Conv2d", "Decay", "Dense", "Input", "Network", "Neuron", "Population", "Quadratic",
           "Quantiser", "Reset", "as_map"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A graph of populations and synapses, run for ``timesteps`` per frame.

    Populations stand in order of computation.  The last one gives the frame's scores, of which the
    largest is the class: as a read-out, which does not fire, its membranes behind the last
    timestep; otherwise the sums of its levels.  Every other one fires.  A synapse that leads back,
    from a population to itself or an earlier one, is recurrent: it brings the bursts of the
    timestep before, nothing in a frame's first.  Raises :class:`ValueError` where the graph does
    not hang together.
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
                check_recurrent(synapse, self.source(synapse.source), self.source(synapse.target))
            if sum(s.name == synapse.name for s in self.synapses) > 1:
                raise InvalidValue(f"Synapse {synapse.name} is there twice")
            self.weight_shape(synapse)  # It says what does not fit.
        read = {s.source for s in self.synapses if s.source != s.target} | {
            self.populations[-1].name}
        for population in self.populations:
            if not self.forward_to(population.name):
                raise InvalidValue(f"Population {population.name} has no synapses that lead "
                                   "forward")
            if population.neuron.quantiser is None and population is not self.populations[-1]:
                raise InvalidValue(f"Population {population.name} must have a quantiser: only the "
                                   "last may be a read-out")
        for population in self.populations:
            if population.name not in read:
                raise InvalidValue(f"Population {population.name} leads nowhere")

    def source(self, name: str) -> Input | Population:
        """The :class:`Input` or :class:`Population` called ``name``."""
        return next(p for p in (self.input, *self.populations) if p.name == name)

    @property
    def firing(self) -> tuple[Population, ...]:
        """The populations that fire: all, or all but the last."""
        return self.populations if self.counts else self.populations[:-1]

    @property
    def counts(self) -> bool:
        """Whether scores are sums of levels, as the last population fires."""
        return self.populations[-1].neuron.quantiser is not None

    @property
    def score_width(self) -> int:
        """Signed width of a score."""
        return self.populations[-1].score_width(self.timesteps)

    def emits(self, name: str) -> bool:
        """Whether a synapse takes the events of a population."""
        return any(synapse.source == name for synapse in self.synapses)

    @cached_property
    def depth(self) -> dict[str, int]:
        """Most synapses between the input and each population, by name."""
        depth = {self.input.name: 0}
        for population in self.populations:
            depth[population.name] = 1 + max(
                depth[synapse.source] for synapse in self.forward_to(population.name))
        return depth

    def recurrent(self, synapse: Dense | Conv2d) -> bool:
        """Whether the synapse leads back, and so brings the bursts of the timestep before."""
        names = [node.name for node in (self.input, *self.populations)]
        return names.index(synapse.source) >= names.index(synapse.target)

    @cached_property
    def groups(self) -> tuple[tuple[Population, ...], ...]:
        """The populations so that sources come first, those together between which there is a way
        there and back: a group's timesteps must be computed one after another."""
        edges = {p.name: [s.source for s in self.synapses_to(p.name)] for p in self.populations}
        return tuple(tuple(p for p in self.populations if p.name in names)
                     for names in loops(edges))

    def in_loop(self, synapse: Dense | Conv2d) -> bool:
        """Whether both ends are of one group: what the synapse brings depends on the target's
        timesteps before."""
        return self.recurrent(synapse) or any(
            {synapse.source, synapse.target} <= {p.name for p in group} for group in self.groups)

    def synapses_to(self, name: str) -> tuple[Dense | Conv2d, ...]:
        return tuple(s for s in self.synapses if s.target == name)

    def forward_to(self, name: str) -> tuple[Dense | Conv2d, ...]:
        """The synapses to a population that are not recurrent."""
        return tuple(s for s in self.synapses_to(name) if not self.recurrent(s))

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
            if not population.thetas:  # Older network files lack it.
                del fields["thetas"]
        if not self.input.thresholds:  # Likewise.
            del spec["input"]["thresholds"]
        return json.loads(json.dumps(spec))

    @classmethod
    def from_dict(cls, spec: dict[str, Any]) -> Network:
        """Rebuild and re-validate; :class:`ValueError` names a missing or unknown field."""
        fields = _fields(cls, spec)
        fields["input"] = Input(**_fields(Input, fields["input"], thresholds=()))
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
        fields["quantiser"] = Quantiser(**_fields(Quantiser, quantiser, rounding="down"))
    if fields["synaptic"] is not None:
        synaptic = _fields(Synaptic, fields["synaptic"])
        fields["synaptic"] = Synaptic(decay=Decay(**_fields(Decay, synaptic["decay"])),
                                      width=synaptic["width"])
    fields["reset"] = Reset(**reset)
    return Neuron(**fields)


def _population(fields):
    fields = _fields(Population, fields, thetas=False)
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
