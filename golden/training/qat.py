"""Quantisation-aware training: the network in the hardware's fixed point, still trainable.

Forward, every value is an integer held in a float that is exact for it, and levels and membranes
equal :func:`qblif.golden.integer.run` to the bit; backward, each rounding passes the gradient of
what it rounds.  :func:`qblif.golden.training.quantise.quantise` makes one from a float network.
"""

import functools
import math
from typing import Any

import torch
from torch import nn

from ..spec import Input
from ..spec.axes import Decay
from .frames import as_frames, over_time
from .input_levels import Thermometer
from .modules import Output
from .straight_through import leak_floats, round_to, straight_through
from .surrogate import find_surrogate, staircase

__all__ = ["QATNet", "QATReadout", "QATStage"]

MARGIN = 2  # How far this training may grow the sums that float32 was chosen for.


class _QATPopulation(nn.Module):
    """Edges into a population of ``shape`` and a bias a channel; subclasses have a ``scale``.

    ``limits`` are those of hardware that is there, a
    :class:`qblif.golden.training.retarget.WidthLimits`, or ``None``.
    """

    scale: Any

    def __init__(self, name, shape, edges, bias, limits):
        super().__init__()
        self.name, self.shape, self.limits = name, tuple(shape), limits
        self.edges: Any = nn.ModuleList(edges)  # torch types its members as plain modules.
        self.bias = nn.Parameter(bias)

    def integers(self):
        """Weights by synapse name, and biases ``(channels,)``: integers held in floats."""
        weights = {e.synapse.name: e.integers(self.scale) for e in self.edges}
        if self.limits is None:
            return weights, round_to(self.bias * self.scale)
        bias = self.limits.bias(self.bias * self.scale)
        return self.limits.shrink(weights, bias), bias

    def current(self, levels):
        """Current ``(timesteps, frames, ...)`` from levels by source name, and what recurrent
        synapses make of a level, see :func:`~qblif.golden.training.frames.over_time`."""
        weights, bias = self.integers()
        recurrent = [e for e in self.edges if e.synapse.source == self.name]
        parts = [edge(levels[edge.synapse.source], weights[edge.synapse.name])
                 for edge in self.edges if edge not in recurrent]
        if len(self.shape) == 3:
            bias = bias[:, None, None]
        else:
            parts = [part.flatten(2) for part in parts]

        def back(level):
            return functools.reduce(torch.add, [edge(level[None], weights[edge.synapse.name])[0]
                                                for edge in recurrent])

        return functools.reduce(torch.add, parts) + bias, back if recurrent else None


class QATStage(_QATPopulation):
    """A population of integer neurons.

    theta, its scale, is ``2**f``, or in ``thetas`` each channel's own.  ``gamma`` only shapes the
    surrogate.  ``v_width`` saturates the membrane.
    """

    decay = staticmethod(leak_floats)  # Of leak and gate; a study of its rounding sets another.

    def __init__(self, name, shape, edges, bias, *, f, neuron, v_width=None, limits=None,
                 thetas=None):
        super().__init__(name, shape, edges, bias, limits)
        self.f = nn.Buffer(torch.tensor(f))
        self.thetas = None if thetas is None else nn.Buffer(thetas)
        self.top = nn.Buffer(torch.tensor(neuron.n_max))  # Learned, or given.
        self.gamma = nn.Buffer(neuron.gamma.detach().clone())
        self.spacing, self.output, self.rounding = neuron.spacing, neuron.output, neuron.rounding
        self.leak, self.reset = neuron.leak.with_bits(f), neuron.reset
        self.slope, self.v_width = find_surrogate(neuron.surrogate, neuron.leak), v_width

    @property
    def theta(self) -> Any:
        """A number, or with ``thetas`` a tensor that broadcasts to the neurons."""
        if self.thetas is None:
            return 1 << int(self.f)
        return self.thetas[:, None, None] if len(self.shape) == 3 else self.thetas

    @property
    def most_theta(self):
        return 1 << int(self.f) if self.thetas is None else int(self.thetas.max())

    @property
    def scale(self):
        return 1 << int(self.f) if self.thetas is None else self.thetas

    @property
    def n_max(self):
        return int(self.top)

    @property
    def emit_max(self):
        """Largest level that leaves."""
        return 1 if self.output == "binary" else self.n_max

    def step(self, v, current, fired):
        """:func:`qblif.golden.neuron.step` in floats, to ``(level, v)``; at the first step of a
        frame ``v`` and ``fired`` are ``None``."""
        if v is None:
            x = tested = self._saturate(current + self.leak.apply(0))
        else:
            x = self._charge(v, current, fired)
            tested = x - self._taken(v) if self.reset.kind == "held" else x
        level = self._level(tested, self.n_max, self.spacing)
        left = self.reset.after(x, level.detach(), self.theta)
        return self._level(tested, 1) if self.output == "binary" else level, left

    def _taken(self, v):
        return self._level(v.detach(), self.n_max, self.spacing) * self.theta

    def _level(self, v, n_max, spacing="uniform"):
        offset = self.theta // 2 if self.rounding == "nearest" else None
        return _QATLevel.apply(v, offset, self.theta, self.gamma, n_max, self.slope, spacing)

    def _charge(self, v, current, fired):
        if self.reset.kind == "gate-input":
            current = torch.where(fired, self.decay(self.reset.gate, current), current)
        if self.reset.kind == "late":
            current = current - self._taken(v)
        x = self._saturate(self.decay(self.leak, v, self.theta) + current)
        if self.reset.kind == "gate":
            x = torch.where(fired, self._saturate(self.decay(self.reset.gate, x)), x)
        return x

    def _saturate(self, x):
        if self.v_width is None:  # Export derives a width that cannot overflow.
            return x
        limit = 1 << self.v_width - 1
        return straight_through(x, x.detach().clamp(-limit, limit - 1))


class _QATLevel(torch.autograd.Function):
    """The level of ``v + offset``; backward the surrogate there, in units of ``gamma / theta``."""

    @staticmethod
    def forward(ctx, v, offset, theta, gamma, n_max, surrogate, spacing):
        v = v if offset is None else v + offset
        ctx.save_for_backward(v, gamma)
        ctx.theta, ctx.n_max, ctx.surrogate = theta, n_max, surrogate
        return staircase(v / theta, n_max, spacing)

    @staticmethod
    def backward(ctx, *grad_outputs):
        v, gamma = ctx.saved_tensors
        scale = gamma / ctx.theta
        slope = ctx.surrogate(v * scale, gamma, ctx.n_max)
        return slope.mul_(grad_outputs[0]).mul_(scale), None, None, None, None, None, None


class QATReadout(_QATPopulation):
    """The read-out in fixed point.  Only the arg-max counts, so ``scale`` may be any number."""

    n_max, emit_max, leak, thetas = 0, 0, Decay(), None

    def __init__(self, name, shape, edges, bias, *, scale, limits=None):
        super().__init__(name, shape, edges, bias, limits)
        self.factor = nn.Buffer(torch.tensor(scale, dtype=torch.float64))

    @property
    def scale(self):
        return float(self.factor)


class QATNet(nn.Module):
    """Stages and read-out in fixed point; ``forward`` is that of :class:`BurstNet`, in integers.

    ``membranes`` are the hardware's; logits are scaled back to the float network's units.
    """

    def __init__(self, stages, input_shape, timesteps, input_n_max, static, encoder=None):
        super().__init__()
        self.stages: Any = nn.ModuleList(stages)
        self.input_shape, self.timesteps = tuple(input_shape), timesteps
        self.input_n_max, self.static = input_n_max, static
        self.encoder = encoder and Thermometer(encoder.thresholds)
        if not self._fits_float32():
            self.double()

    @property
    def dtype(self):
        return self.stages[-1].bias.dtype

    @torch.no_grad()
    def _fits_float32(self):
        """Whether every sum of a frame stays below 2**24, with a margin for training."""
        n_max = {Input.name: self.input_n_max} | {s.name: s.emit_max for s in self.stages}
        for stage in self.stages:
            weights, bias = stage.integers()
            current = float(bias.abs().max()) + sum(
                float(weights[e.synapse.name].abs().flatten(1).sum(1).max())
                * n_max[e.synapse.source] * math.prod(e.synapse.pool) for e in stage.edges)
            magnitude = 0
            for _ in range(self.timesteps):
                magnitude = stage.leak.bound(magnitude) + math.ceil(current)
            if magnitude * MARGIN >= 1 << 24:
                return False
        return True

    def forward(self, levels):
        known = {Input.name: as_frames(levels.to(self.dtype), self)}
        seen, membranes = [], []
        for stage in self.stages[:-1]:
            current, back = stage.current(known)
            current = current.expand(self.timesteps, *current.shape[1:])
            level, v = over_time(stage.step, current, back)
            known[stage.name] = level
            seen.append(level)
            membranes.append(v)
        readout = self.stages[-1]
        current, _ = readout.current(known)
        v = current.expand(self.timesteps, *current.shape[1:]).cumsum(0)
        return Output(v[-1] / (readout.scale * self.timesteps), seen, [*membranes, v])
