"""The float network that trains: torch modules of the QB-LIF neuron and of feed-forward nets.

The integer twin of the neuron is :mod:`qblif.golden.neuron`; its snapped twin, with every weight
and membrane on the hardware's grid, is :mod:`qblif.golden.snapped`.
"""

import math
from typing import NamedTuple, cast

import torch
from torch import nn

from .spec import Decay, Reset
from .surrogate import SURROGATES, burst_level

__all__ = ["BurstNet", "Output", "QBLIF", "Stage", "dense_net", "over_time"]

NO_LEAK, FULL_GATE = Decay(), Reset()


class Output(NamedTuple):
    """What a network computed, gradients included.

    ``logits`` is ``(frames, classes)``; ``levels`` and ``membranes`` hold one ``(timesteps, frames,
    neurons)`` tensor per population (the read-out has membranes only).
    """

    logits: torch.Tensor
    levels: list
    membranes: list


class QBLIF(nn.Module):
    """Quantised-burst leaky integrate-and-fire neurons of any shape, one learnable gamma.

    ::

        U[t]     = (beta * U[t-1] + I[t]) * (1 - alpha * [level[t-1] > 0])     eq. 8
        level[t] = clip(floor(U[t] / gamma), 0, n_max)                         eq. 9
        S[t]     = gamma * level[t]                                            eq. 9

    ``leak`` (beta) and ``reset.gate`` (1 - alpha) are :class:`~qblif.golden.spec.Decay` constants,
    so that nothing changes at export.  ``reset.kind`` also offers the input-only reading of eq. 8,
    subtraction of ``S[t]`` and no reset.  gamma is ``exp(log_gamma)``: it cannot leave the positive
    numbers.  No gradient flows through the gate's condition.
    """

    def __init__(self, n_max, leak=NO_LEAK, reset=FULL_GATE, surrogate="relsg-et",
                 gamma=1.0):
        super().__init__()
        if surrogate not in SURROGATES:
            raise ValueError(f"Surrogate must be one of {', '.join(SURROGATES)}, "
                             f"not {surrogate!r}")
        if not gamma > 0:
            raise ValueError(f"Gamma must be positive, not {gamma!r}")
        self.n_max, self.leak, self.reset = n_max, leak, reset
        self.surrogate = surrogate
        self.log_gamma = nn.Parameter(torch.tensor(math.log(gamma)))

    @property
    def gamma(self):
        return self.log_gamma.exp()

    def step(self, U, current, fired):
        """One timestep; returns ``(level, U)``.  ``fired`` is ``level > 0`` of the step before."""
        closed = torch.where(fired, self.reset.gate.factor, 1.0)
        if self.reset.kind == "gate-input":
            current = current * closed
        U = self.leak.factor * U + current
        if self.reset.kind == "gate":
            U = U * closed
        level = burst_level(U, self.gamma, self.n_max, SURROGATES[self.surrogate])
        return level, U - self.gamma * level if self.reset.kind == "subtract" else U

    def forward(self, current):
        """Currents ``(timesteps, ...)`` to ``(levels, membranes)`` of the same shape."""
        return over_time(self.step, current)


def over_time(step, current):
    """Run ``step(v, current, fired) -> (level, v)`` from rest over ``current``'s first axis."""
    v = torch.zeros_like(current[0])
    level = torch.zeros_like(v)
    trace = []
    for now in current:
        level, v = step(v, now, level > 0)
        trace.append((level, v))
    return torch.stack([level for level, _ in trace]), torch.stack([v for _, v in trace])


class Stage(nn.Module):
    """A population with its synapse: ``synapse -> norm (or nothing) -> neuron``."""

    def __init__(self, synapse, norm, neuron):
        super().__init__()
        self.synapse, self.norm, self.neuron = synapse, norm, neuron

    def forward(self, S, timesteps):
        """Spikes ``(timesteps, frames, ...)`` in, ``(S, levels, membranes)`` out.

        One timestep in stands for all of them (a static input).  Timesteps and frames are one batch
        to the synapse and to the norm.
        """
        current = self.synapse(S.flatten(0, 1))
        if self.norm is not None:
            current = self.norm(current)
        current = current.unflatten(0, S.shape[:2])
        levels, U = self.neuron(current.expand(timesteps, *current.shape[1:]))
        return self.neuron.gamma * levels, levels, U


class BurstNet(nn.Module):
    """Feed-forward stages and a linear read-out, which accumulates over the timesteps.

    ``forward`` takes input levels as floats: ``(frames, inputs)`` if the input is static, else
    ``(frames, timesteps, inputs)``.  The input's own gamma is ``1 / input_n_max``.  A static
    input's current is computed once.  Logits are the read-out's mean current.
    """

    def __init__(self, stages, readout, timesteps, input_n_max, static=True):
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.readout = readout
        self.timesteps, self.input_n_max, self.static = timesteps, input_n_max, static

    @property
    def gammas(self):
        """Gamma of the input and of each stage, as floats."""
        stages = cast("list[Stage]", self.stages)
        return [1 / self.input_n_max] + [float(s.neuron.gamma.detach()) for s in stages]

    def forward(self, levels):
        S = (levels[None] if self.static else levels.transpose(0, 1)) / self.input_n_max
        seen, membranes = [], []
        for stage in self.stages:
            S, level, U = stage(S, self.timesteps)
            seen.append(level)
            membranes.append(U)
        current = self.readout(S.flatten(0, 1)).unflatten(0, S.shape[:2])
        V = current.expand(self.timesteps, *current.shape[1:]).cumsum(0)
        return Output(V[-1] / self.timesteps, seen, [*membranes, V])


def dense_net(config, inputs, classes):
    """The network that a :class:`~qblif.golden.config.TrainConfig` asks for, untrained."""
    stages, width = [], inputs
    for size in config.hidden:
        neuron = QBLIF(config.n_max, config.leak, config.reset, config.surrogate, config.gamma)
        norm = nn.BatchNorm1d(size)
        nn.init.constant_(norm.weight, config.gain)
        stages.append(Stage(nn.Linear(width, size, bias=False), norm, neuron))
        width = size
    return BurstNet(stages, nn.Linear(width, classes), config.timesteps, config.input_n_max)
