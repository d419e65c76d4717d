"""Rounding that trains: exact integers forward, the gradient of what was rounded backward."""

from typing import Any

import torch

from ..spec.axes import WIDTH_LIMIT
from .leak import leak_slope

__all__ = ["leak_floats", "round_to", "straight_through"]


class _Exact(torch.autograd.Function):
    """``exact`` forward, the gradient of ``factor * x`` backward."""

    @staticmethod
    def forward(ctx, x, exact, factor):
        ctx.factor = factor
        return exact

    @staticmethod
    def backward(ctx, *grad_outputs):
        return grad_outputs[0] * ctx.factor, None, None


def straight_through(x, exact, factor: Any = 1.0):
    """``exact`` as if it were ``factor * x`` (straight-through estimator); ``factor`` is a number
    or broadcasts to x."""
    return _Exact.apply(x, exact, factor)


def round_to(x, width=WIDTH_LIMIT):
    """``x`` rounded to the nearest integer (a half to the even one) of ``width`` signed bits.

    The one rounding between the float network and the integers: training and export both call it.
    """
    limit = 1 << width - 1
    clipped = x.clamp(-limit, limit - 1)
    return straight_through(clipped, clipped.detach().round())


def leak_floats(leak, x, theta=1):
    """``leak.apply`` of :mod:`qblif.golden.spec.leak`, of integers held in floats."""
    kept = x.detach()
    exact = leak.apply(kept.to(torch.int32)).to(kept.dtype)
    return straight_through(x, exact, leak_slope(leak, kept, theta))
