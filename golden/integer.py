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

    ``levels[name]`` and ``membranes[name]`` are ``(timesteps, frames, neurons)``, ``scores``
    ``(frames, neurons of the last population)``.
    """

    levels: dict[str, torch.Tensor]
    membranes: dict[str, torch.Tensor]
    scores: torch.Tensor

    @property
    def classes(self):
        """Class of each frame, ``(frames,)``: its largest score, the lowest index on a tie."""
        return argmax(self.scores)


def weighted_sum(weights, levels, n_max):
    """Exact ``levels @ weights.T`` as int32: weights ``(targets, sources)``, levels ``(...,
    sources)`` in 0..n_max.  Raises :class:`ValueError` past 2**31."""
    bound = int(weights.to(torch.int64).abs().sum(1).max()) * n_max
    if bound >= 1 << 31:
        raise InvalidValue(f"Weighted sums reach {bound}, which is more than 32 bits hold")
    exact = exact_float(bound)
    # This order of factors leaves the windows of maps as unfold has them.
    return (weights.to(exact) @ levels.to(exact).mT).to(torch.int32).mT


def exact_float(bound):
    """The shortest format that holds every integer of magnitudes up to ``bound``."""
    return torch.float32 if bound < 1 << 24 else torch.float64


def synapse_sum(synapse, weights, levels, n_max, source_shape, target_shape):
    """What ``levels`` ``(frames, sources)`` add to the targets: ``(frames, targets)`` int32, exact.

    A convolution is a matrix product over its windows, because library convolutions may compute in
    transforms or formats that round.
    """
    if synapse.kind == "dense":
        return weighted_sum(weights, levels, n_max).contiguous()
    channels, rows, columns = as_map(source_shape)
    maps = levels.reshape(-1, channels, rows, columns)
    if synapse.pool != (1, 1):
        maps = sum_pool(maps, synapse.pool)
        n_max = n_max * synapse.pool[0] * synapse.pool[1]
    windows = functional.unfold(maps.to(exact_float(n_max)), synapse.kernel, stride=synapse.stride,
                                padding=synapse.padding).transpose(1, 2)
    groups = windows.unflatten(2, (synapse.groups, -1)).unbind(2)
    parts = [weighted_sum(w.flatten(1), g, n_max)
             for w, g in zip(weights.chunk(synapse.groups), groups, strict=True)]
    return torch.cat(parts, 2).transpose(1, 2).reshape(len(levels), -1)


def sum_pool(maps, pool):
    """Sums over windows that do not overlap; what is left at the end of an axis is dropped."""
    rows, columns = (size // p for size, p in zip(maps.shape[2:], pool, strict=True))
    whole = maps[:, :, :rows * pool[0], :columns * pool[1]]
    return whole.unflatten(3, (columns, pool[1])).unflatten(2, (rows, pool[0])).sum((3, 5))


def run(network, levels, device=None, batch=None, trace=True, keep=False):
    """Run frames of input levels through ``network`` (a
    :class:`qblif.golden.spec.artifact.Trained`).

    ``levels`` is ``(frames, inputs)`` for a static input, else ``(frames, timesteps, inputs)``.
    Without ``trace`` only the scores are kept: a convolutional network's trace is large.  With
    ``keep`` a frame begins with what the one before left, as in a live stream, instead of at rest.
    Raises :class:`ValueError` for another shape, a level outside 0..n_max, or a static input to
    ``keep``, and :class:`TypeError` for levels that are no integers.
    """
    spec = network.spec
    levels = torch.as_tensor(levels)
    if levels.is_floating_point() or levels.is_complex():
        raise InvalidType(f"Input levels must be integers, not {levels.dtype}")
    if levels.dtype in (torch.uint16, torch.uint32, torch.uint64):  # These have no least or most.
        levels = levels.to(torch.int64)
    expected = (spec.input.size,) if spec.input.static else (spec.timesteps, spec.input.size)
    if tuple(levels.shape[1:]) != expected:
        raise InvalidValue(f"Input frames must have shape {expected}, not "
                           f"{tuple(levels.shape[1:])}")
    if levels.numel() and not 0 <= int(levels.min()) <= int(levels.max()) <= spec.input.n_max:
        raise InvalidValue(f"Input levels must be in 0..{spec.input.n_max}, not "
                           f"{int(levels.min())}..{int(levels.max())}")
    if keep and spec.input.static:
        raise InvalidValue("Frames of a static input are not kept: it has no timesteps of its own")
    if keep and len(levels):
        return _run(network, levels.reshape(-1, 1, spec.input.size), device, trace)
    if not spec.input.static:
        levels = levels.transpose(0, 1)
    axis = levels.dim() - 2
    batch = batch or max(1, BATCH_NEURONS // max(p.size for p in spec.populations))
    traces = [_run(network, part, device, trace) for part in levels.split(batch, dim=axis)]
    names = [p.name for p in spec.populations] if trace else []
    return Trace(
        levels={n: torch.cat([t.levels[n] for t in traces], 1) for n in names},
        membranes={n: torch.cat([t.membranes[n] for t in traces], 1) for n in names},
        scores=torch.cat([t.scores for t in traces]),
    )


def _run(network, levels, device, trace):
    """A :class:`Trace` of levels ``(timesteps of one frame or several, frames, inputs)``; several
    frames' timesteps, one after another, are one frame's after another."""
    spec = network.spec
    inputs = levels.to(device)
    steps = inputs if inputs.dim() == 3 else inputs.expand(spec.timesteps, -1, -1)
    outputs = {spec.input.name: steps}
    static = {spec.input.name} if spec.input.static else set()
    last, membranes = spec.populations[-1].name, {}
    for group in spec.groups:
        found = _run_group(network, group, outputs, static, device)
        for name, (levels, v) in found.items():
            outputs[name] = torch.stack(levels)
            if trace or name == last:
                membranes[name] = torch.stack(v)

    def by_frame(found):
        return found.unflatten(0, (-1, spec.timesteps)).transpose(0, 1).flatten(1, 2)
    levels = {name: by_frame(outputs[name]) for name in membranes}
    membranes = {name: by_frame(v) for name, v in membranes.items()}
    scores = levels[last].sum(0, dtype=torch.int32) if spec.counts else membranes[last][-1]
    return Trace(
        levels={name: found.to(torch.uint8).cpu() for name, found in levels.items() if trace},
        membranes={name: v.cpu() for name, v in membranes.items() if trace},
        scores=scores.cpu(),
    )


def _run_group(network, group, outputs, static, device):
    """Levels and membranes of each timestep, by population, timestep by timestep."""
    spec = network.spec
    within = {synapse for synapse in spec.synapses if synapse.source in {p.name for p in group}}
    given = {p.name: _sums(network, p, outputs, static, device) for p in group}
    held = {name: torch.zeros_like(sums[0]) for name, sums in given.items()}
    thetas = {p.name: _by_neuron(network.thetas[p.name], p, device) for p in group if p.thetas}
    found = {p.name: ([], []) for p in group}
    for t in range(len(outputs[spec.input.name])):
        for population in group:
            name, kind = population.name, population.neuron
            current = given[name][t]
            for synapse in spec.synapses_to(name):
                recurrent = spec.recurrent(synapse)
                if synapse in within and t >= recurrent:
                    burst = found[synapse.source][0][t - recurrent]
                    current = current + _sum(network, synapse, burst, device)
            held[name] = neuron.filtered(kind, held[name], current)
            levels, v = found[name]
            rest = torch.zeros_like(current)
            level, left = neuron.step(kind, v[-1] if t else rest, held[name],
                                      (levels[-1] if t else rest) > 0, thetas.get(name))
            levels.append(level)
            v.append(left)
    return found


def currents(network, population, outputs, static, device):
    """Current that reaches the membranes in every timestep, ``(timesteps, frames, neurons)`` of
    int32, where no synapse to them is recurrent."""
    sums = _sums(network, population, outputs, static, device)
    return neuron.filter_currents(population.neuron, sums)


def _sums(network, population, outputs, static, device):
    """Bias and weighted sums of what ``outputs`` has of the sources, of each timestep."""
    spec = network.spec
    total = torch.zeros((1, 1, 1), dtype=torch.int32, device=device)
    for synapse in spec.synapses_to(population.name):
        if synapse.source in outputs:
            source = outputs[synapse.source]
            times = source[:1] if synapse.source in static else source
            sums = _sum(network, synapse, times.reshape(-1, times.shape[-1]), device)
            total = total + sums.reshape(*times.shape[:-1], population.size)
    if population.bias_width:
        total = total + _by_neuron(network.biases[population.name], population, device)
    steps, frames = outputs[spec.input.name].shape[:2]
    return total.expand(steps, frames, population.size)


def _by_neuron(values, population, device):
    """Of channels, each neuron's, ``(neurons,)`` of int32."""
    channels = torch.as_tensor(values).to(device, torch.int32)
    return channels.repeat_interleave(population.size // population.channels)


def _sum(network, synapse, levels, device):
    source, target = (network.spec.source(end) for end in (synapse.source, synapse.target))
    weights = torch.as_tensor(network.weights[synapse.name]).to(device)
    return synapse_sum(synapse, weights, levels, source.emit_max, source.shape, target.shape)


def argmax(scores):
    """Index of the largest score, the lowest on a tie."""
    return torch.where(scores == scores.max(-1, keepdim=True).values,
                       torch.arange(scores.shape[-1], device=scores.device),
                       scores.shape[-1]).min(-1).values
