"""A graph of layers under one reading, in real numbers: float64, which the frameworks' float32 is
a rounding of.

It tells readings apart; what is exported is held to the integer model instead.
"""

import math

import torch
from torch.nn import functional

from ..spec import Input, as_map

__all__ = ["fire", "run", "step"]


def step(reading, v, before, current):
    """One timestep, ``(level, v)``, as :class:`qblif.golden.foreign.readings.Reading` has it, of a
    current that is filtered already.

    ``before`` is the level of the timestep before; all are float64 of one shape.
    """
    x = reading.decay * v + reading.gain * current
    if reading.reset == "late":
        x = x - reading.threshold * before
    if reading.reset == "gate":
        x = torch.where(before > 0, 0.0, x)
    held = reading.threshold * fire(reading, v) if reading.reset == "held" else 0.0
    level = fire(reading, x - held)
    if reading.reset in ("subtract", "held"):
        x = x - reading.threshold * level
    elif reading.reset == "zero":
        x = torch.where(level > 0, reading.value, x)
    return level, x if reading.floor is None else x.clamp(min=reading.floor)


def fire(reading, x):
    """The level of a membrane ``x``."""
    units = x / reading.threshold
    units = units.ceil() - 1 if reading.strict else units.floor()
    return units.clamp(0, reading.levels)


def run(graph, readings, levels):
    """Levels of each neuron layer, ``(timesteps, frames, neurons)`` of float64.

    ``levels`` are the input's, ``(timesteps, frames, inputs)``; ``readings`` one for each node.
    """
    inputs = torch.as_tensor(levels).to(torch.float64)
    layers = [layer for layer in graph.layers if layer.node is not None]
    now = {layer.name: inputs.new_zeros(inputs.shape[1], math.prod(layer.shape))
           for layer in layers}
    membranes, held = dict(now), dict(now)
    found = [[] for _ in layers]
    for events in inputs:
        before, now = now, {Input.name: events}
        for layer, reading, trace in zip(layers, readings, found, strict=True):
            name = layer.name
            current = _current(graph, layer, before, now)
            if reading.synaptic is not None:
                current = held[name] = reading.synaptic * held[name] + current
            now[name], membranes[name] = step(reading, membranes[name], before[name], current)
            trace.append(now[name])
    return [torch.stack(trace) for trace in found]


def _current(graph, layer, before, now):
    """Bias and weighted sums of a timestep, ``(frames, neurons)``."""
    per_channel = math.prod(layer.shape) // len(layer.bias)
    current = torch.as_tensor(layer.bias).repeat_interleave(per_channel)
    for connection in layer.connections:
        synapse, weight = connection.synapse, torch.as_tensor(
            connection.weight / connection.divisor)
        source = (before if connection.recurrent else now)[synapse.source]
        if synapse.kind == "dense":
            current = current + source @ weight.T
            continue
        maps = source.unflatten(1, as_map(graph.shapes[synapse.source]))
        if synapse.pool != (1, 1):
            maps = functional.avg_pool2d(maps, synapse.pool, divisor_override=1)
        current = current + functional.conv2d(
            maps, weight, None, synapse.stride, synapse.padding, groups=synapse.groups).flatten(1)
    return current
