"""The part of a report that follows one neuron through one frame, timestep by timestep."""

import numpy as np
import torch

from ..golden import integer, neuron
from ..golden.spec.errors import InvalidValue

__all__ = ["describe_neuron", "find_neuron"]


def find_neuron(spec, name):
    """Population and index of ``"POP/INDEX"``; :class:`InvalidValue` names what there is."""
    population, _, index = name.rpartition("/")
    found = next((p for p in spec.populations if p.name == population), None)
    if found is None or not index.isascii() or not index.isdecimal() or int(index) >= found.size:
        there = ", ".join(f"{p.name}/0..{p.size - 1}" for p in spec.populations)
        raise InvalidValue(f"Neuron must be one of {there}, not {name!r}")
    return found, int(index)


def describe_neuron(trained, frame, name=None):
    """A neuron's current, membrane and level in each timestep of a frame.

    ``frame`` are input levels, ``(inputs,)`` or ``(timesteps, inputs)``.  Without a ``name``,
    ``"POP/INDEX"``, it is the neuron of the first population that fires in the most timesteps; of
    those, the first whose levels are the largest in sum.  ``charged`` is the membrane that is
    compared with the thresholds, ``left`` what remains after the reset.
    """
    spec = trained.spec
    trace = integer.run(trained, np.asarray(frame)[None])
    if name is None:
        population = spec.populations[0]
        levels = trace.levels[population.name][:, 0].to(torch.int64)
        most = spec.timesteps * (population.emit_max or 0) + 1
        index = int(((levels > 0).sum(0) * most + levels.sum(0)).argmax())
    else:
        population, index = find_neuron(spec, name)
    levels, left = (found[population.name][:, 0, index].to(torch.int32)
                    for found in (trace.levels, trace.membranes))
    current = _currents(trained, population, frame, trace)[:, index]
    kind, charged = population.neuron, []
    for t in range(spec.timesteps):
        before = left[t - 1] if t else torch.zeros_like(left[0])
        fired = levels[t - 1] > 0 if t else torch.tensor(False)
        v = neuron.gate(kind, neuron.charge(kind, before, current[t], fired), fired)
        charged.append(int(v - neuron.taken(kind, before) if kind.reset.kind == "held" else v))
    quantiser = kind.quantiser
    return {"population": population.name, "index": index, "class": int(trace.classes[0]),
            "thresholds": [] if quantiser is None else [
                {"level": level, "membrane": level * quantiser.theta}
                for level in quantiser.levels if level],
            "current": current.tolist(), "charged": charged, "levels": levels.tolist(),
            "left": left.tolist()}


def _currents(trained, population, frame, trace):
    """What reaches the membranes in each timestep, ``(timesteps, neurons)``."""
    spec = trained.spec
    sent = torch.as_tensor(np.asarray(frame)).expand(spec.timesteps, spec.input.size)
    total = torch.zeros((spec.timesteps, population.size), dtype=torch.int32)
    if population.bias_width:
        bias = torch.as_tensor(trained.biases[population.name]).to(torch.int32)
        total += bias.repeat_interleave(population.size // population.channels)
    for synapse in spec.synapses_to(population.name):
        source = spec.source(synapse.source)
        levels = sent if source is spec.input else trace.levels[source.name][:, 0]
        if spec.recurrent(synapse):
            levels = torch.cat([torch.zeros_like(levels[:1]), levels[:-1]])
        total += integer.synapse_sum(synapse, torch.as_tensor(trained.weights[synapse.name]),
                                     levels, source.emit_max, source.shape, population.shape)
    return neuron.filter_currents(population.neuron, total)
