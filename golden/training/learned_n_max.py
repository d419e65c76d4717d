"""The largest burst level of a population as something that training chooses."""

import math

import torch
from torch import nn

from ..spec.axes import spaced_levels

__all__ = ["LearnedNMax"]


class LearnedNMax(nn.Module):
    """N_max of a population, trained from ``largest`` down to what is worth its operations.

    The parameter is a logarithm, so that steps are relative as gamma's are; what counts is the
    nearest level (by ratio) of those that the hardware takes, 1..``largest`` of ``spacing``, in
    training as later.  Backward the clip is straight-through: one level more for every neuron
    whose membrane is at least half a level above N_max, as a learned clipping of activations has
    it (Choi et al. 2018, PACT).  What speaks for a low N_max is the activity penalty alone, whose
    gradient comes the same way: the price of the digits that a burst costs.
    """

    def __init__(self, largest: int, spacing: str = "uniform") -> None:
        super().__init__()
        self.levels = spaced_levels(largest, spacing)[1:]
        self.log_n_max = nn.Parameter(torch.tensor(math.log(self.levels[-1])))

    @property
    def n_max(self) -> int:
        """The level that the parameter stands for."""
        log = float(self.log_n_max.detach())
        return min(self.levels, key=lambda level: abs(math.log(level) - log))

    def forward(self, level: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        """``level``, clipped at :attr:`n_max` already, with a gradient for the clip; ``units`` are
        the membranes, of the same shape, in units of a level."""
        n_max = self.n_max
        return _Clip.apply(level, self.log_n_max, units.detach() >= n_max + 0.5, n_max,
                           n_max == self.levels[0], n_max == self.levels[-1])


class _Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, level, log_n_max, clipped, n_max, lowest, highest):
        ctx.save_for_backward(clipped)
        ctx.n_max, ctx.lowest, ctx.highest = n_max, lowest, highest
        return level.view_as(level)

    @staticmethod
    def backward(ctx, *grad_outputs):
        clipped, = ctx.saved_tensors
        grad = (grad_outputs[0] * clipped).sum() * ctx.n_max  # d N_max / d log N_max
        if ctx.highest:  # A step against the gradient must not leave the range.
            grad = grad.clamp(min=0)
        if ctx.lowest:
            grad = grad.clamp(max=0)
        return grad_outputs[0], grad, None, None, None, None
