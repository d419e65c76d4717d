"""The float network that trains: torch modules of the QB-LIF neuron and of graphs of populations.

The integer twin of the neuron is :mod:`qblif.golden.neuron`; its quantised twin, with every weight
and membrane in the hardware's fixed point, is :mod:`qblif.golden.training.qat`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from ..spec import Decay, Input, Neuron, Quadratic, Quantiser, Reset, as_map
from ..spec.errors import InvalidValue
from .config_fields import check_range
from .frames import as_frames, over_time
from .leak import leak_at_rest, leak_real
from .learned_n_max import LearnedNMax
from .surrogate import burst_level, find_surrogate

__all__ = ["BurstNet", "Edge", "Output", "QBLIF", "Stage"]

NO_LEAK, FULL_GATE = Decay(), Reset()


class Output(NamedTuple):
    """What a network computed, gradients included.

    ``logits`` is ``(frames, classes)``; ``levels`` and ``membranes`` hold one ``(timesteps, frames,
    ...)`` tensor per population, maps as maps (the read-out has membranes only).
    """

    logits: torch.Tensor
    levels: list[torch.Tensor]
    membranes: list[torch.Tensor]


class QBLIF(nn.Module):
    """Quantised-burst integrate-and-fire neurons of any shape, one learnable gamma.

    ::

        U[t]     = (beta * U[t-1] + I[t]) * (1 - alpha * [level[t-1] > 0])     eq. 8
        level[t] = clip(floor(U[t] / gamma), 0, n_max)                         eq. 9
        S[t]     = gamma * level[t]                                            eq. 9

    ``leak`` (beta) and ``reset.gate`` (1 - alpha) are :class:`~qblif.golden.spec.Decay` constants,
    so that nothing changes at export; the leak may be a :class:`~qblif.golden.spec.Quadratic`.
    ``reset.kind`` also offers the input-only reading of eq. 8, subtraction of ``S[t]`` at once or
    in the next step, zero and no reset; ``spacing``, ``rounding`` and ``output`` are those of
    :class:`~qblif.golden.spec.Quantiser` and ``Neuron``.  gamma is ``exp(log_gamma)``: it cannot
    leave the positive numbers, nor ``gamma_range``, (least, most), where given.  With
    ``learn_n_max``, ``n_max`` is at first the largest that training may choose.  No gradient flows
    through what a reset takes: the surrogates' slopes are not the staircase's, and through a
    subtraction they would grow with every timestep, gamma with them.
    """

    def __init__(self, n_max: int, leak: Decay | Quadratic = NO_LEAK, reset: Reset = FULL_GATE,
                 surrogate: str = "relsg-et", gamma: float = 1.0, spacing: str = "uniform",
                 output: str = "level", rounding: str = "down",
                 gamma_range: tuple[float, ...] = (), learn_n_max: bool = False) -> None:
        super().__init__()
        self.slope = find_surrogate(surrogate, leak)
        if not gamma > 0:
            raise InvalidValue(f"Gamma must be positive, not {gamma!r}")
        check_range(gamma_range)
        quantiser = Quantiser(n_max=n_max, theta=1, spacing=spacing, rounding=rounding)
        Neuron(quantiser=quantiser, output=output, v_width=2)  # They check them.
        if reset.value:
            raise InvalidValue(f"Reset value must be 0 in training, not {reset.value}")
        self.largest, self.spacing, self.output, self.rounding = n_max, spacing, output, rounding
        self.ceiling = LearnedNMax(n_max, spacing) if learn_n_max else None
        self.log_range = tuple(map(math.log, gamma_range))
        self.leak, self.reset, self.surrogate = leak, reset, surrogate
        self.log_gamma = nn.Parameter(torch.tensor(math.log(gamma)))

    @property
    def n_max(self) -> int:
        return self.largest if self.ceiling is None else self.ceiling.n_max

    @property
    def gamma(self) -> torch.Tensor:
        log = self.log_gamma.clamp(*self.log_range) if self.log_range else self.log_gamma
        return log.exp()

    def step(self, U: torch.Tensor | None, current: torch.Tensor,
             fired: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """One timestep; returns ``(level, U)``.

        ``fired`` is ``level > 0`` of the step before; at the first step of a frame, ``U`` and
        ``fired`` are ``None``.
        """
        gamma, taken = self.gamma, torch.zeros(())
        if U is None or fired is None:
            rest = leak_at_rest(self.leak)
            U = current + gamma * rest if rest else current
        else:
            closed = torch.where(fired, self.reset.gate.factor, 1.0)
            if self.reset.kind == "gate-input":
                current = current * closed
            if self.reset.kind in Reset.OF_WHAT_WAS_LEFT:
                taken = (self._level(U, gamma) * gamma).detach()
            if self.reset.kind == "late":
                current = current - taken
            U = leak_real(self.leak, U, gamma) + current
            if self.reset.kind == "gate":
                U = U * closed
        tested = U - taken if self.reset.kind == "held" else U
        level = self._level(tested, gamma)
        left = self.reset.after(U, level.detach(), gamma.detach())
        if self.output == "binary":
            level = burst_level(tested, gamma, 1, self.slope, rounding=self.rounding)
        return level, left

    def _level(self, U, gamma):
        level = burst_level(U, gamma, self.n_max, self.slope, self.spacing, self.rounding)
        nearest = self.rounding == "nearest"
        return self.ceiling(level, U / gamma + nearest / 2) if self.ceiling else level

    def forward(self, current: torch.Tensor, back=None) -> tuple[torch.Tensor, torch.Tensor]:
        """Currents ``(timesteps, ...)`` to ``(levels, membranes)`` of the same shape; ``back`` as
        in :func:`~qblif.golden.training.frames.over_time`."""
        return over_time(self.step, current, back)


class Edge(nn.Module):
    """What one source adds to a population's current: ``average pool -> synapse -> norm``.

    ``source`` is the name of the input, of an earlier population, or of the edge's own, whose
    recurrent synapses are then a Linear without a norm.  ``synapse`` is an
    :class:`~torch.nn.Linear` (which flattens a map in the order channels, rows, columns), a
    :class:`~torch.nn.Conv2d`, or :class:`~torch.nn.Identity`, a residual edge.  ``norm`` is a batch
    norm or nothing; ``pool`` the extents of windows that do not overlap.
    """

    def __init__(self, source: str, synapse: nn.Module, norm: nn.Module | None = None,
                 pool: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.source, self.synapse, self.norm, self.pool = source, synapse, norm, tuple(pool)

    def forward(self, S: torch.Tensor) -> torch.Tensor:
        """Spikes ``(timesteps, frames, ...)`` in, the current they make out; timesteps and frames
        are one batch to the synapse and to the norm."""
        x = S.flatten(0, 1)
        if self.pool != (1, 1):  # A pool over the whole map is that of a smaller image, too.
            x = functional.avg_pool2d(x, tuple(map(min, self.pool, x.shape[2:])))
        if isinstance(self.synapse, nn.Linear):
            x = x.flatten(1)
        elif isinstance(self.synapse, nn.Conv2d):
            x = x.reshape(len(x), *as_map(x.shape[1:]))
        current = self.synapse(x) if self.norm is None else self.norm(self.synapse(x))
        if current.shape[2:] == (1, 1):  # A map of one pixel is flat.
            current = current.flatten(1)
        current = current.to(torch.promote_types(current.dtype, torch.float32))  # Not bfloat16.
        return current.unflatten(0, S.shape[:2])


class Stage(nn.Module):
    """A population, fed by the sum of its edges; without a neuron it is the read-out."""

    def __init__(self, name: str, edges: Iterable[Edge], neuron: QBLIF | None = None) -> None:
        super().__init__()
        self.name, self.neuron = name, neuron
        self.edges: Any = nn.ModuleList(edges)  # torch types its members as plain modules.

    def forward(self, spikes: dict[str, torch.Tensor],
                timesteps: int) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Spikes by source name in, ``(levels, membranes)`` out; a read-out has no levels.

        One timestep of a source stands for all of them (a static input).
        """
        current = functools.reduce(torch.add, [e(spikes[e.source]) for e in self.edges
                                               if e.source != self.name])
        current = current.expand(timesteps, *current.shape[1:])
        if self.neuron is None:
            return None, current.cumsum(0)
        recurrent = [edge for edge in self.edges if edge.source == self.name]
        gamma = self.neuron.gamma

        def back(level):
            return functools.reduce(torch.add, [edge((gamma * level)[None])[0]
                                                for edge in recurrent])

        return self.neuron(current, back if recurrent else None)


class BurstNet(nn.Module):
    """A graph of stages, in order of computation; the last one is the read-out.

    ``input_shape`` is that of a frame: ``(channels, rows, columns)`` for a map, anything else is
    flat.  ``forward`` takes input levels as floats: ``(frames, inputs)`` if the input is static,
    else ``(frames, timesteps, inputs)``.  The input's own gamma is ``1 / input_n_max``.  A static
    input's current is computed once.  Logits are the read-out's mean current.  A network of
    convolutions that ends in a pool over the whole map takes maps of smaller images, too:
    ``(frames, channels, rows, columns)``.
    """

    input_shape: tuple[int, ...]
    timesteps: int
    input_n_max: int
    static: bool
    encoder: Any  # A Thermometer in front of the input, or None.

    def __init__(self, stages: Iterable[Stage], input_shape: Iterable[int], timesteps: int,
                 input_n_max: int, static: bool = True) -> None:
        super().__init__()
        self.stages: Any = nn.ModuleList(stages)
        self.input_shape, self.timesteps = tuple(input_shape), timesteps
        self.input_n_max, self.static, self.encoder = input_n_max, static, None

    @property
    def gammas(self) -> dict[str, float]:
        """Gamma of the input and of each firing stage, as floats, by name."""
        return {Input.name: 1 / self.input_n_max} | {
            s.name: float(s.neuron.gamma.detach()) for s in self.stages if s.neuron is not None}

    def forward(self, levels: torch.Tensor) -> Output:
        spikes = {Input.name: as_frames(levels, self) / self.input_n_max}
        seen, membranes = [], []
        for stage in self.stages:
            level, U = stage(spikes, self.timesteps)
            membranes.append(U)
            if stage.neuron is not None:
                spikes[stage.name] = stage.neuron.gamma * level
                seen.append(level)
        return Output(membranes[-1][-1] / self.timesteps, seen, membranes)
