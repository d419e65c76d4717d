"""One neuron of the integer model, timestep by timestep: every intermediate result.

The equations are those of :mod:`qblif.golden.neuron`.
"""

import numpy as np
import torch

from . import neuron as equations
from .fan_in import fan_in

__all__ = ["events_to", "neuron_trace", "quantities"]


def quantities(spec):
    """What :func:`neuron_trace` gives of a neuron of this kind, in the order of computation.

    ``before`` the membrane that the last timestep left; ``leak`` after the leak; ``sum`` the
    weights of the events; ``bias``; ``current`` what reaches the membrane; ``taken`` what the
    burst before takes in this timestep (resets late and held); ``charge`` x; ``gate`` x after the
    reset gate; ``reached`` the quantiser's level, the highest threshold that is reached; ``level``
    what leaves; ``membrane`` what is left.
    """
    fires = spec.quantiser is not None
    return ("before", "leak", "sum", "bias", "current",
            *(("taken",) if fires and spec.reset.kind in spec.reset.OF_WHAT_WAS_LEFT else ()),
            "charge", *(("gate",) if spec.reset.kind == "gate" else ()),
            *(("reached", "level") if fires else ()), "membrane")


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
    spec = population.neuron
    channel = neuron // (population.size // population.channels)
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
