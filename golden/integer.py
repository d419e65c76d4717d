"""The exact integer model of a whole network: the specification that the hardware is held to.

Whole test sets at once, on any device.  Weighted sums run as floating-point matrix products
wherever every partial sum is an integer that the format holds exactly, which is checked.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional

from . import neuron
from .spec import as_map
from .spec.errors import InvalidType, InvalidValue

__all__ = ["Trace", "argmax", "currents", "run", "synapse_sum", "weighted_sum"]


BATCH_NEURONS = 1 << 20  # Frames at once, times the neurons of the largest population.


@dataclass(frozen=True)
class Trace:
    """Everything a network did, per population name.

    ``levels[name]`` and ``membranes[name]`` are ``(timesteps, frames, neurons)``; ``classes`` is
    ``(frames,)``.
    """

    levels: dict[str, torch.Tensor]
    membranes: dict[str, torch.Tensor]
    classes: torch.Tensor


def weighted_sum(weights, levels, n_max):
    """Exact ``levels @ weights.T`` as int32: weights ``(targets, sources)``, levels ``(frames,
    sources)`` in 0..n_max.  Raises :class:`ValueError` past 2**31."""
    bound = int(weights.to(torch.int64).abs().sum(1).max()) * n_max
    if bound >= 1 << 31:
        raise InvalidValue(f"Weighted sums reach {bound}, which is more than 32 bits hold")
    exact = torch.float32 if bound < 1 << 24 else torch.float64
    return (levels.to(exact) @ weights.to(exact).T).to(torch.int32)


def synapse_sum(synapse, weights, levels, n_max, source_shape, target_shape):
    """What ``levels`` ``(frames, sources)`` add to the targets: ``(frames, targets)`` int32, exact.

    A convolution is a matrix product over its windows, because library convolutions may compute in
    transforms or formats that round.
    """
    if synapse.kind == "dense":
        return weighted_sum(weights, levels, n_max)
    channels, rows, columns = as_map(source_shape)
    maps = levels.reshape(-1, channels, rows, columns)
    if synapse.pool != (1, 1):
        maps = sum_pool(maps, synapse.pool)
        n_max = n_max * synapse.pool[0] * synapse.pool[1]
    windows = functional.unfold(maps.to(torch.float32), synapse.kernel, padding=synapse.padding,
                                stride=synapse.stride).transpose(1, 2)
    groups = windows.unflatten(2, (synapse.groups, -1)).unbind(2)
    parts = [weighted_sum(w.flatten(1), g.flatten(0, 1), n_max).unflatten(0, windows.shape[:2])
             for w, g in zip(weights.chunk(synapse.groups), groups, strict=True)]
    return torch.cat(parts, 2).transpose(1, 2).reshape(len(levels), -1)


def sum_pool(maps, pool):
    """Sums over windows that do not overlap; what is left at the end of an axis is dropped."""
    rows, columns = (size // p for size, p in zip(maps.shape[2:], pool, strict=True))
    whole = maps[:, :, :rows * pool[0], :columns * pool[1]]
    return whole.unflatten(3, (columns, pool[1])).unflatten(2, (rows, pool[0])).sum((3, 5))


def run(network, levels, device=None, batch=None, trace=True):
    """Run frames of input levels through ``network`` (a
    :class:`qblif.golden.spec.artifact.Trained`).

    ``levels`` is ``(frames, inputs)`` for a static input, else ``(frames, timesteps, inputs)``.
    Without ``trace`` only the classes are kept: a convolutional network's trace is large.
    Raises :class:`ValueError` for another shape, or a level outside 0..n_max, and
    :class:`TypeError` for levels that are no integers.
    """
    spec = network.spec
    levels = torch.as_tensor(levels)
    if levels.is_floating_point() or levels.is_complex():
        raise InvalidType(f"Input levels must be integers, not {levels.dtype}")
    expected = (spec.input.size,) if spec.input.static else (spec.timesteps, spec.input.size)
    if tuple(levels.shape[1:]) != expected:
        raise InvalidValue(f"Input frames must have shape {expected}, not "
                           f"{tuple(levels.shape[1:])}")
    if levels.numel() and not 0 <= int(levels.min()) <= int(levels.max()) <= spec.input.n_max:
        raise InvalidValue(f"Input levels must be in 0..{spec.input.n_max}, not "
                           f"{int(levels.min())}..{int(levels.max())}")
    if not spec.input.static:
        levels = levels.transpose(0, 1)
    axis = levels.dim() - 2
    batch = batch or max(1, BATCH_NEURONS // max(p.size for p in spec.populations))
    traces = [_run(network, part, device, trace) for part in levels.split(batch, dim=axis)]
    names = [p.name for p in spec.populations] if trace else []
    return Trace(
        levels={n: torch.cat([t.levels[n] for t in traces], 1) for n in names},
        membranes={n: torch.cat([t.membranes[n] for t in traces], 1) for n in names},
        classes=torch.cat([t.classes for t in traces]),
    )


def _run(network, levels, device, keep):
    spec = network.spec
    inputs = levels.to(device)
    frames = inputs.shape[-2]
    outputs = {spec.input.name: inputs.expand(spec.timesteps, -1, -1)}
    static = {spec.input.name} if spec.input.static else set()
    membranes = {}
    for population in spec.populations:
        current = currents(network, population, outputs, static, device)
        v = torch.zeros((frames, population.size), dtype=torch.int32, device=device)
        level = torch.zeros_like(v)
        trace = []
        for t in range(spec.timesteps):
            level, v = neuron.step(population.neuron, v, current[t], level > 0)
            trace.append((level, v))
        outputs[population.name] = torch.stack([level for level, _ in trace])
        if keep:
            membranes[population.name] = torch.stack([v for _, v in trace]).cpu()
    return Trace(
        levels={name: outputs[name].to(torch.uint8).cpu() for name in membranes},
        membranes=membranes,
        classes=argmax(v).cpu(),
    )


def currents(network, population, outputs, static, device):
    """Current that reaches the membranes in every timestep, ``(timesteps, frames, neurons)`` of
    int32."""
    spec = network.spec
    total = torch.zeros((1, 1, 1), dtype=torch.int32, device=device)
    for synapse in spec.synapses_to(population.name):
        source = outputs[synapse.source]
        weights = torch.as_tensor(network.weights[synapse.name]).to(device)
        times = source[:1] if synapse.source in static else source
        flat = times.reshape(-1, times.shape[-1])
        before = spec.source(synapse.source)
        sums = synapse_sum(synapse, weights, flat, before.emit_max, before.shape, population.shape)
        total = total + sums.reshape(*times.shape[:-1], population.size)
    if population.bias_width:
        bias = torch.as_tensor(network.biases[population.name]).to(device, torch.int32)
        total = total + bias.repeat_interleave(population.size // population.channels)
    return neuron.filter_currents(population.neuron, total.expand(spec.timesteps, -1, -1))


def argmax(v):
    """Class of each frame: the largest membrane, the lowest index on a tie."""
    return torch.where(v == v.max(-1, keepdim=True).values,
                       torch.arange(v.shape[-1], device=v.device), v.shape[-1]).min(-1).values
