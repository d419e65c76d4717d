"""One neuron of the integer model, timestep by timestep: every intermediate result.

The equations are those of :mod:`qblif.golden.neuron`.
"""

import numpy as np
import torch

from . import neuron as equations
from .fan_in import fan_in
from .spec.errors import InvalidValue

__all__ = ["QUANTITIES", "events_to", "find_neuron", "neuron_trace", "quantities"]

# What there is of a timestep, in the order of computation, in words.
QUANTITIES = {
    "before": "membrane before",
    "leak": "leak",
    "sum": "sum",  # Of the weights of the events.
    "bias": "bias",
    "current": "current",  # What reaches the membrane: sum and bias, or the synaptic current.
    "taken": "taken by the burst before",  # Of resets late and held.
    "charge": "charge",
    "gate": "gate",  # The membrane after the reset gate.
    "reached": "thresholds reached",  # The quantiser's level.
    "level": "level",  # What leaves.
    "membrane": "membrane",  # What is left.
}


def quantities(spec):
    """Those of :data:`QUANTITIES` that a neuron of this kind has."""
    fires = spec.quantiser is not None
    absent = {
        "taken": not fires or spec.reset.kind not in spec.reset.OF_WHAT_WAS_LEFT,
        "gate": spec.reset.kind != "gate", "reached": not fires, "level": not fires}
    return tuple(what for what in QUANTITIES if not absent.get(what))


def find_neuron(network, text):
    """``(population, number)`` of a neuron as the user names it; :class:`ValueError` says what is
    allowed."""
    name, slash, place = text.partition("/")
    names = [population.name for population in network.populations]
    if not slash:
        raise InvalidValue("Neuron must be POPULATION/INDEX or POPULATION/CHANNEL,ROW,COLUMN, "
                           f"not {text!r}")
    if name not in names:
        raise InvalidValue(f"Population must be one of {', '.join(names)}, not {name!r}")
    population = network.source(name)
    parts = place.split(",")
    numbers = [int(part) for part in parts if part.isascii() and part.isdecimal()]
    extents = {1: (population.size,), len(population.shape): population.shape}.get(len(parts))
    if len(numbers) != len(parts) or extents is None or any(
            number >= extent for number, extent in zip(numbers, extents, strict=True)):
        shape = "" if len(population.shape) < 2 else " or " + ",".join(
            f"0..{extent - 1}" for extent in population.shape)
        raise InvalidValue(f"Neuron of {name} must be in 0..{population.size - 1}{shape}, "
                           f"not {place}")
    return name, int(np.ravel_multi_index(numbers, extents))


def events_to(network, synapse, neuron, levels, timestep):
    """The events that ``synapse`` brings to one neuron in a timestep: ``(sources, places,
    levels)``, arrays ``(events,)``; ``places`` are those in its flattened weight tensor.

    ``levels`` are the source's, ``(timesteps, neurons)``.
    """
    time = timestep - network.recurrent(synapse)
    sources, places = fan_in(network, synapse, neuron)
    found = np.asarray(levels)[time][sources] if time >= 0 else np.zeros(len(sources), int)
    some = found != 0
    return sources[some], places[some], found[some]


def neuron_trace(trained, levels, name, neuron):
    """The :func:`quantities` of one neuron in each timestep, a dictionary of integers each.

    ``levels`` maps the input and every population that reaches ``name`` to its levels in one
    frame, ``(timesteps, neurons)``; ``trained`` is a
    :class:`~qblif.golden.spec.artifact.Trained`.
    """
    network = trained.spec
    population = network.source(name)
    channel = neuron // (population.size // population.channels)
    spec = trained.neuron(population, channel)
    bias = int(trained.biases[name][channel]) if population.bias_width else 0
    v = held = fired = torch.zeros((), dtype=torch.int32)
    steps = []
    for t in range(network.timesteps):
        total = 0
        for synapse in network.synapses_to(name):
            _, places, found = events_to(network, synapse, neuron, levels[synapse.source], t)
            weights = np.asarray(trained.weights[synapse.name]).reshape(-1)
            total += int(found.astype(np.int64) @ weights[places].astype(np.int64))
        held = equations.filtered(spec, held, torch.tensor(total + bias, dtype=torch.int32))
        x = equations.charge(spec, v, held, fired > 0)
        gated = equations.gate(spec, x, fired > 0)
        taken = equations.taken(spec, v)
        reached = equations.fire(spec, gated - taken if spec.reset.kind == "held" else gated)
        level, left = equations.step(spec, v, held, fired > 0)
        found = {"before": v, "leak": spec.leak.apply(v), "sum": total, "bias": bias,
                 "current": held, "taken": taken, "charge": x, "gate": gated, "reached": reached,
                 "level": level, "membrane": left}
        steps.append({what: int(found[what]) for what in quantities(spec)})
        v, fired = left, level
    return steps
