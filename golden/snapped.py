"""The network on the hardware's grid, still trainable: quantisation-aware training.

Forward, every value is an integer held in a float that is exact for it, and levels and membranes
equal :func:`qblif.golden.integer.run` to the bit; backward, each rounding passes the gradient of
what it rounds.  :func:`snap` folds the batch norms and absorbs the scales of a float network.
"""

import logging

import torch
from torch import nn

from .axes import WIDTH_LIMIT
from .modules import Output, over_time
from .surrogate import SURROGATES

__all__ = ["SnappedNet", "SnappedStage", "fold_norm", "fraction_bits", "snap"]

log = logging.getLogger(__name__)

MIN_LEAK_HEADROOM = 4  # f - k below this: the shift leak's dead zone is a visible part of a level.


class _Exact(torch.autograd.Function):
    """``exact`` forward, the gradient of ``factor * x`` backward."""

    @staticmethod
    def forward(ctx, x, exact, factor):
        ctx.factor = factor
        return exact

    @staticmethod
    def backward(ctx, *grad_outputs):
        return grad_outputs[0] * ctx.factor, None, None


def straight_through(x, exact, factor=1.0):
    """``exact`` as if it were ``factor * x`` (straight-through estimator)."""
    return _Exact.apply(x, exact, factor)


def round_to(x, width=WIDTH_LIMIT):
    """``x`` rounded to the nearest integer (a half to the even one) of ``width`` signed bits.

    The one rounding between the float network and the integers: training and export both call it.
    """
    limit = 1 << width - 1
    clipped = x.clamp(-limit, limit - 1)
    return straight_through(clipped, clipped.detach().round())


def decay_floats(decay, x):
    """:meth:`qblif.golden.spec.Decay.apply` on integers held in floats, shifts by floor."""
    kept = x.detach()
    exact = kept
    for k in decay.subtract:
        exact = exact - torch.floor(kept * 2.0**-k)
    for k in decay.add:
        exact = exact + torch.floor(kept * 2.0**-k)
    return straight_through(x, exact, decay.factor)


class SnappedStage(nn.Module):
    """A population of integer neurons and its dense synapse.

    ``weight`` and ``bias`` are trained in units of one level (the layer divided by its own gamma,
    times the gamma upstream); on the grid they are multiplied by ``2**f`` and rounded, and theta
    is ``2**f``.  ``gamma`` only shapes the surrogate.  ``v_width`` saturates the membrane.
    """

    def __init__(self, weight, bias, *, f, neuron, w_width, v_width=None):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.f = nn.Buffer(torch.tensor(f))
        self.gamma = nn.Buffer(neuron.gamma.detach().clone())
        self.n_max, self.leak, self.reset = neuron.n_max, neuron.leak, neuron.reset
        self.surrogate, self.w_width, self.v_width = neuron.surrogate, w_width, v_width

    @property
    def theta(self):
        return 1 << int(self.f)

    def integers(self):
        """Weights ``(targets, sources)`` and biases, integers held in floats."""
        return round_to(self.weight * self.theta, self.w_width), round_to(self.bias * self.theta)

    def forward(self, levels):
        weight, bias = self.integers()
        return nn.functional.linear(levels, weight) + bias

    def step(self, v, current, fired):
        """One timestep: :func:`qblif.golden.neuron.step` in floats; returns ``(level, v)``."""
        if self.reset.kind == "gate-input":
            current = torch.where(fired, decay_floats(self.reset.gate, current), current)
        x = self._saturate(decay_floats(self.leak, v) + current)
        if self.reset.kind == "gate":
            x = torch.where(fired, self._saturate(decay_floats(self.reset.gate, x)), x)
        level = _SnappedLevel.apply(x, self.theta, self.gamma, self.n_max, self.surrogate)
        return level, x - level * self.theta if self.reset.kind == "subtract" else x

    def _saturate(self, x):
        if self.v_width is None:  # Export derives a width that cannot overflow.
            return x
        limit = 1 << self.v_width - 1
        return straight_through(x, x.detach().clamp(-limit, limit - 1))


class _SnappedLevel(torch.autograd.Function):
    """``clip(floor(v / theta), 0, n_max)``; backward the surrogate at ``U = v * gamma / theta``."""

    @staticmethod
    def forward(ctx, v, theta, gamma, n_max, surrogate):
        ctx.save_for_backward(v, gamma)
        ctx.theta, ctx.n_max, ctx.surrogate = theta, n_max, SURROGATES[surrogate]
        return torch.floor(v / theta).clamp(0, n_max)

    @staticmethod
    def backward(ctx, *grad_outputs):
        v, gamma = ctx.saved_tensors
        scale = gamma / ctx.theta
        return (grad_outputs[0] * ctx.surrogate(v * scale, gamma, ctx.n_max) * scale,
                None, None, None, None)


class SnappedReadout(nn.Module):
    """The read-out on the grid.  Only the arg-max counts, so ``scale`` may be any number."""

    def __init__(self, weight, bias, *, scale, w_width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.scale = nn.Buffer(torch.tensor(scale, dtype=torch.float64))
        self.w_width = w_width

    def integers(self):
        scale = float(self.scale)
        return round_to(self.weight * scale, self.w_width), round_to(self.bias * scale)

    def forward(self, levels):
        weight, bias = self.integers()
        return nn.functional.linear(levels, weight) + bias


class SnappedNet(nn.Module):
    """Stages and read-out on the grid; ``forward`` is that of :class:`BurstNet`, in integers.

    ``membranes`` are the hardware's; logits are scaled back to the float network's units.
    """

    def __init__(self, stages, readout, timesteps, input_n_max, static):
        super().__init__()
        self.stages, self.readout = nn.ModuleList(stages), readout
        self.timesteps, self.input_n_max, self.static = timesteps, input_n_max, static
        if not self._fits_float32():
            self.double()

    def _fits_float32(self):
        """Whether every sum of the widest weights, over all timesteps, stays below 2**24."""
        n_max = self.input_n_max
        for stage in [*self.stages, self.readout]:
            reach = (stage.weight.shape[1] * n_max << stage.w_width - 1) * (self.timesteps + 1)
            if reach >= 1 << 24:
                return False
            n_max = getattr(stage, "n_max", 0)
        return True

    def forward(self, levels):
        levels = levels.to(self.readout.weight.dtype)
        x = levels[None] if self.static else levels.transpose(0, 1)
        seen, membranes = [], []
        for stage in self.stages:
            current = stage(x)
            x, v = over_time(stage.step, current.expand(self.timesteps, *current.shape[1:]))
            seen.append(x)
            membranes.append(v)
        current = self.readout(x)
        v = current.expand(self.timesteps, *current.shape[1:]).cumsum(0)
        logits = v[-1] / (float(self.readout.scale) * self.timesteps)
        return Output(logits, seen, [*membranes, v])


def fold_norm(linear, norm):
    """Weight and bias of a linear layer with the evaluation-mode batch norm behind it folded in.

    Either may lack a bias or an affine part; ``norm`` may be ``None``.
    """
    weight = linear.weight.detach().double()
    bias = torch.zeros(len(weight), dtype=torch.float64, device=weight.device)
    if linear.bias is not None:
        bias = linear.bias.detach().double()
    if norm is None:
        return weight, bias
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.affine:
        scale = scale * norm.weight.detach().double()
    bias = (bias - norm.running_mean.double()) * scale
    return weight * scale[:, None], bias + norm.bias.detach().double() if norm.affine else bias


def fraction_bits(weight, w_width, highest=16):
    """The f whose grid ``2**-f`` of ``w_width`` bits fits ``weight`` best, clipping included."""
    limit = 1 << w_width - 1

    def error(f):
        return float(((weight * 2.0**f).round().clamp(-limit, limit - 1) * 2.0**-f - weight)
                     .square().sum())

    return min(range(highest + 1), key=error)


def readout_scale(weight, w_width, candidates=64):
    """The real scale whose grid is nearest to ``weight`` after rounding and clipping."""
    limit = 1 << w_width - 1
    top = float(weight.abs().max()) or 1.0

    def error(scale):
        return float(((weight * scale).round().clamp(-limit, limit - 1) / scale - weight)
                     .square().sum())

    return min(((limit - 1) / top * (1 + i / candidates) for i in range(candidates)), key=error)


def snap(net, w_width, v_width=None):
    """A :class:`SnappedNet` from a :class:`~qblif.golden.modules.BurstNet`.

    Folds each batch norm, divides by the layer's gamma, multiplies by the gamma upstream (eq. 10)
    and picks each layer's grid.  Warns where the leak's dead zone would be coarse.
    """
    gammas = net.gammas
    stages = []
    for i, stage in enumerate(net.stages):
        weight, bias = fold_norm(stage.synapse, stage.norm)
        weight, bias = weight * gammas[i] / gammas[i + 1], bias / gammas[i + 1]
        f = fraction_bits(weight, w_width)
        _check_headroom(i, f, stage.neuron.leak)
        stages.append(SnappedStage(weight.float(), bias.float(), f=f, neuron=stage.neuron,
                                   w_width=w_width, v_width=v_width))
    weight, bias = fold_norm(net.readout, None)
    weight = weight * gammas[-1]
    readout = SnappedReadout(weight.float(), bias.float(), w_width=w_width,
                             scale=readout_scale(weight, w_width))
    return SnappedNet(stages, readout, net.timesteps, net.input_n_max, net.static)


def _check_headroom(i, f, leak):
    shifts = leak.subtract + leak.add
    if shifts and f - max(shifts) < MIN_LEAK_HEADROOM:
        log.warning("hidden population %d: a level has %d fraction bits and the leak shifts by %d; "
                    "membranes below 2**-%d of a level will not leak",
                    i + 1, f, max(shifts), f - max(shifts))
