"""What stands for the derivative of the burst level where its staircase has none.

Each surrogate maps ``(U, gamma, n_max)`` to ``d level / dU``, elementwise: ``U`` the membrane of
any shape, ``gamma > 0`` a scalar tensor, ``n_max`` the top level.  The staircase itself is eq. 9;
its integer twin is :func:`qblif.golden.neuron.fire`.

The classical surrogates are written for one threshold.  Here a ladder of thresholds ``gamma,
2 gamma, ..., n_max gamma`` gets the sum of one copy at each, every copy with an area of 1 and a
width proportional to gamma, so that the mean slope over the ladder is the staircase's own,
``1 / gamma``.
"""

import functools
import itertools
import math

import torch

from ..spec.axes import spaced_levels
from ..spec.errors import InvalidValue

__all__ = ["SURROGATES", "arctan", "box_et", "burst_level", "find_surrogate", "mid_level",
           "quadratic_window", "rectangular", "relsg_et", "sigmoid", "staircase"]


def relsg_et(U, gamma, n_max):
    """ReLSG-ET, eq. 12 as printed: a plateau over the whole ladder with exponential tails.

    ``exp(U - gamma)`` below gamma, 1 up to ``n_max gamma``, ``exp(n_max gamma - U)`` above.  Units
    matter: plateau and tails are in U, not in ``U / gamma``.
    """
    below = (U - gamma).clamp_(max=0)
    return below.add_((n_max * gamma - U).clamp_(max=0)).exp_()


def box_et(U, gamma, n_max):
    """Box-ET: 1 from half a gamma below the first threshold to half a gamma above the last,
    exponential tails outside.

    The paper does not define its baseline.  Of three readings this one has Table 5's order of
    neurons and surrogates (docs/results.md), and :func:`box_et_first` contradicts it.
    """
    below = (U - gamma / 2).clamp(max=0)
    return torch.exp(below + ((n_max + 0.5) * gamma - U).clamp(max=0))


def box_et_first(U, gamma, n_max):
    """Box-ET about the first threshold alone: 1 within half a gamma of it, ``exp(gamma / 2 -
    abs(U - gamma))`` beyond; no plateau over the ladder.  Of one level it is :func:`box_et`."""
    return torch.exp((gamma / 2 - (U - gamma).abs()).clamp(max=0))


def box_et_each(U, gamma, n_max):
    """Box-ET about each threshold: 1 within a quarter of gamma of the nearest threshold,
    ``exp(gamma / 4 - distance)`` beyond."""
    nearest = (U / gamma).round().clamp(1, n_max) * gamma
    return torch.exp((gamma / 4 - (U - nearest).abs()).clamp(max=0))


def rectangular(U, gamma, n_max):
    """Rectangular window (Wu et al. 2018): ``1 / gamma`` within half a gamma of each threshold.

    The copies abut, so the ladder's sum is one box from ``gamma / 2`` to ``(n_max + 1/2) gamma``.
    """
    u = U / gamma
    return ((u >= 0.5) & (u <= n_max + 0.5)).to(U.dtype) / gamma


def arctan(U, gamma, n_max):
    """Arctan (Fang et al. 2021), slope parameter 2: ``1 / (1 + (pi x)**2)`` per threshold.

    ``x`` is the distance from the threshold in units of gamma; the sum is divided by gamma.
    """
    return _ladder(lambda x: 1 / (1 + (math.pi * x) ** 2), U, gamma, n_max)


def sigmoid(U, gamma, n_max):
    """Derivative of a logistic step (Zenke and Vogels 2021), steepness 4: ``4 s (1 - s)`` per
    threshold, ``s = 1 / (1 + exp(-4 x))``, ``x`` the distance in units of gamma; over gamma."""
    def bump(x):
        s = torch.sigmoid(4 * x)
        return 4 * s * (1 - s)

    return _ladder(bump, U, gamma, n_max)


def quadratic_window(U, gamma, n_max, vertex=0.25):
    """QIF's window (arXiv:2510.05168 derives one from its parameters; this reading is ours): about
    each threshold, as wide on both sides as the vertex of the leak's parabola is away from gamma.

    ``vertex = (u1 + u2) / 2`` in levels: above it the membrane gathers speed.  The window's half
    width is ``h = 1 - vertex``, its height ``1 / (2 h gamma)``.
    """
    half = max(1 - vertex, 0.25)
    return _ladder(lambda x: (x.abs() <= half).to(U.dtype) / (2 * half), U, gamma, n_max)


def mid_level(U, gamma, n_max):
    """ShiftLIF's sketch (arXiv:2605.01866): ``a exp(-a |d|)``, a = 2, of the spike ``gamma level``;
    ``d`` is the distance, in units of gamma, from the middle of what rounds to the same level.  It
    has no bounds: below the ladder and above it goes on as on it.
    """
    u = U / gamma
    return 2 * torch.exp(-2 * (u - u.floor() - 0.5).abs()) / gamma


def _ladder(bump, U, gamma, n_max):
    u = U / gamma
    return sum(bump(u - n) for n in range(1, n_max + 1)) / gamma


SURROGATES = {
    "relsg-et": relsg_et,
    "box-et": box_et,
    "box-et-first": box_et_first,
    "box-et-each": box_et_each,
    "rectangular": rectangular,
    "arctan": arctan,
    "sigmoid": sigmoid,
    "quadratic-window": quadratic_window,
    "mid-level": mid_level,
}


def find_surrogate(name, leak):
    """The surrogate called ``name``, for neurons of this leak; :class:`ValueError` for another."""
    if name not in SURROGATES:
        raise InvalidValue(f"Surrogate must be one of {', '.join(SURROGATES)}, not {name!r}")
    if name != "quadratic-window":
        return SURROGATES[name]
    if leak.kind != "quadratic":
        raise InvalidValue("Surrogate quadratic-window needs a quadratic leak")
    _, u1, u2 = leak.parameters
    return functools.partial(quadratic_window, vertex=(u1 + u2) / 2)


def staircase(units, n_max, spacing="uniform"):
    """Levels of membranes in units of a level, floats of any shape, overwritten; rounded down, so
    that half a level more makes them the nearest."""
    units = units.floor_().clamp_(0, n_max)
    if spacing == "uniform":
        return units
    ladder = spaced_levels(n_max, spacing)
    rungs = [(units >= high) * float(high - low) for low, high in itertools.pairwise(ladder)]
    return functools.reduce(torch.add, rungs)


class _BurstLevel(torch.autograd.Function):
    @staticmethod
    def forward(ctx, U, gamma, n_max, surrogate, spacing, rounding):
        ctx.save_for_backward(U, gamma)
        ctx.n_max, ctx.surrogate, ctx.nearest = n_max, surrogate, rounding == "nearest"
        units = U / gamma
        return staircase(units + 0.5 if ctx.nearest else units, n_max, spacing)

    @staticmethod
    def backward(ctx, *grad_outputs):
        U, gamma = ctx.saved_tensors
        rounded = U + gamma / 2 if ctx.nearest else U
        grad = ctx.surrogate(rounded, gamma, ctx.n_max).mul_(grad_outputs[0])
        grad_gamma = None
        if ctx.needs_input_grad[1]:
            on_ladder = (rounded >= gamma).logical_and_(U <= ctx.n_max * gamma)
            grad_gamma = -(grad_outputs[0] * U).mul_(on_ladder).sum() / gamma**2
        return grad, grad_gamma, None, None, None, None


def burst_level(U, gamma, n_max, surrogate, spacing="uniform", rounding="down"):
    """Burst level of eq. 9, ``clip(floor(U / gamma), 0, n_max)``, as floats of U's shape; or the
    largest power of two up to that; both of ``U + gamma / 2`` with the rounding ``"nearest"``.

    Backward it follows ``surrogate`` (one of the functions here) to U, or to that sum.  To gamma it
    follows the ladder's own slope, ``d level / d gamma = -U / gamma**2`` from the first threshold
    to ``n_max gamma`` and 0 elsewhere, so that the gradient of ``S = gamma * level`` is that of a
    learned quantiser step (Esser et al. 2020): ``level - U / gamma`` on the ladder, 0 below,
    ``n_max`` above.  The paper leaves this open.  Through eq. 12 instead, gamma shrank in our
    trials, and levels piled up at N_max.
    """
    return _BurstLevel.apply(U, gamma, n_max, surrogate, spacing, rounding)
