"""The exact integer model of a whole network: the specification that the hardware is held to.

Whole test sets at once, on any device.  Weighted sums run as floating-point matrix products
wherever every partial sum is an integer that the format holds exactly, which is checked.
"""

from dataclasses import dataclass

import torch

from . import neuron

__all__ = ["Trace", "run", "weighted_sum"]


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
        raise ValueError(f"Weighted sums reach {bound}, which is more than 32 bits hold")
    exact = torch.float32 if bound < 1 << 24 else torch.float64
    return (levels.to(exact) @ weights.to(exact).T).to(torch.int32)


def run(network, levels, device=None, batch=2000):
    """Run frames of input levels through ``network`` (a :class:`qblif.golden.artifact.Trained`).

    ``levels`` is ``(frames, inputs)`` for a static input, else ``(frames, timesteps, inputs)``.
    Raises :class:`ValueError` for another shape, or a level outside 0..n_max, and
    :class:`TypeError` for levels that are no integers.
    """
    spec = network.spec
    levels = torch.as_tensor(levels)
    if levels.is_floating_point() or levels.is_complex():
        raise TypeError(f"Input levels must be integers, not {levels.dtype}")
    expected = (spec.input.size,) if spec.input.static else (spec.timesteps, spec.input.size)
    if tuple(levels.shape[1:]) != expected:
        raise ValueError(f"Input frames must have shape {expected}, not {tuple(levels.shape[1:])}")
    if levels.numel() and not 0 <= int(levels.min()) <= int(levels.max()) <= spec.input.n_max:
        raise ValueError(f"Input levels must be in 0..{spec.input.n_max}, not "
                         f"{int(levels.min())}..{int(levels.max())}")
    if not spec.input.static:
        levels = levels.transpose(0, 1)
    axis = levels.dim() - 2
    traces = [_run(network, part, device) for part in levels.split(batch, dim=axis)]
    names = [p.name for p in spec.populations]
    return Trace(
        levels={n: torch.cat([t.levels[n] for t in traces], 1) for n in names},
        membranes={n: torch.cat([t.membranes[n] for t in traces], 1) for n in names},
        classes=torch.cat([t.classes for t in traces]),
    )


def _run(network, levels, device):
    spec = network.spec
    inputs = levels.to(device)
    frames = inputs.shape[-2]
    outputs = {spec.input.name: inputs.expand(spec.timesteps, -1, -1)}
    static = {spec.input.name} if spec.input.static else set()
    membranes = {}
    for population in spec.populations:
        current = _currents(network, population, outputs, static, device)
        v = torch.zeros((frames, population.size), dtype=torch.int32, device=device)
        level = torch.zeros_like(v)
        trace = []
        for t in range(spec.timesteps):
            level, v = neuron.step(population.neuron, v, current[t], level > 0)
            trace.append((level, v))
        outputs[population.name] = torch.stack([level for level, _ in trace])
        membranes[population.name] = torch.stack([v for _, v in trace]).cpu()
    del outputs[spec.input.name]
    return Trace(
        levels={name: value.to(torch.uint8).cpu() for name, value in outputs.items()},
        membranes=membranes,
        classes=argmax(v).cpu(),
    )


def _currents(network, population, outputs, static, device):
    """Input current of every timestep, ``(timesteps, frames, neurons)`` int32."""
    spec = network.spec
    total = torch.zeros((1, 1, 1), dtype=torch.int32, device=device)
    for synapse in spec.synapses_to(population.name):
        source = outputs[synapse.source]
        weights = torch.as_tensor(network.weights[synapse.name]).to(device)
        times = source[:1] if synapse.source in static else source
        flat = times.reshape(-1, times.shape[-1])
        sums = weighted_sum(weights, flat, spec.source(synapse.source).n_max)
        total = total + sums.reshape(*times.shape[:-1], population.size)
    if population.bias_width:
        total = total + torch.as_tensor(network.biases[population.name]).to(device, torch.int32)
    return total.expand(spec.timesteps, -1, -1)


def argmax(v):
    """Class of each frame: the largest membrane, the lowest index on a tie."""
    return torch.where(v == v.max(-1, keepdim=True).values,
                       torch.arange(v.shape[-1], device=v.device), v.shape[-1]).min(-1).values
