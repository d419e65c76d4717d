"""A chain of layers under one reading, in real numbers: float64, which the frameworks' float32 is
a rounding of.

It tells readings apart; what is exported is held to the integer model instead.
"""

import torch
from torch.nn import functional

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


def run(chain, readings, levels):
    """Levels of each neuron layer, ``(timesteps, frames, neurons)`` of float64.

    ``levels`` are the input's, ``(timesteps, frames, inputs)``; ``readings`` one for each node.
    """
    source, found = torch.as_tensor(levels).to(torch.float64), []
    shape = chain.input_shape
    for layer, reading in zip(chain.layers, readings, strict=False):
        current = _currents(layer, source, shape)
        v = level = held = torch.zeros_like(current[0])
        trace = []
        for now in current:
            if layer.back is not None:
                now = now + level @ torch.as_tensor(layer.back).T
            if reading.synaptic is not None:
                now = held = reading.synaptic * held + now
            level, v = step(reading, v, level, now)
            trace.append(level)
        source, shape = torch.stack(trace), layer.shape
        found.append(source)
    return found


def _currents(layer, source, shape):
    """Weighted sums and bias, ``(timesteps, frames, neurons)``."""
    weight, bias = torch.as_tensor(layer.weight), torch.as_tensor(layer.bias)
    synapse, flat = layer.synapse, source.flatten(0, 1)
    if synapse.kind == "dense":
        sums = flat @ weight.T + bias
    else:
        maps = flat.unflatten(1, (shape if len(shape) == 3 else (shape[0], 1, 1)))
        if synapse.pool != (1, 1):
            maps = functional.avg_pool2d(maps, synapse.pool, divisor_override=None if layer.mean
                                         else 1)
        sums = functional.conv2d(maps, weight, bias, synapse.stride, synapse.padding,
                                 groups=synapse.groups).flatten(1)
    return sums.unflatten(0, source.shape[:2])
