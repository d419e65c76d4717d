"""Weights for networks as logic: few of each neuron, each 0 or a signed power of two.

A neuron keeps its largest weights.  All get the gradient of what stands for them, so that one that
was left out can come back, until late in the float phase: the straight-through estimator of Zhou
et al. 2021 (arXiv:2102.04010), there for fixed shares of small groups.  How many are kept falls as
Zhu and Gupta 2017 (arXiv:1710.01878) let it: by the cube of the time that is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from .straight_through import straight_through

__all__ = ["PowerGrid", "PowerWeights", "constrain", "grid_of", "prune", "real_weight"]

# Shares of the float phase: behind the first no neuron has more weights than asked for, behind the
# second those left out learn no more, as all that are near the limit would take turns.
PRUNED, SETTLED = 0.5, 0.75


@dataclass(frozen=True)
class PowerGrid:
    """Which weights there are: 0 and the powers of two that ``w_width`` signed bits hold with
    either sign, at most ``fan_in`` of a channel other than 0 (0 for all); channels have a scale
    each, or one that is ``shared``."""

    fan_in: int
    w_width: int
    shared: bool

    def integers(self, weight: torch.Tensor, kept: int | None = None
                 ) -> tuple[torch.Tensor, torch.Tensor]:
        """``(integers, scale)`` of real weights ``(channels, ...)``, detached: they stand for
        ``scale * integers``, scale ``(channels, 1, ...)``.  ``kept`` replaces ``fan_in``."""
        flat = weight.detach().flatten(1)
        kept = min((self.fan_in if kept is None else kept) or flat.shape[1], flat.shape[1])
        magnitude = flat.abs()
        chosen, places = magnitude.topk(kept, 1, sorted=False)
        top = self.w_width - 2
        scale = chosen.mean(None if self.shared else 1, keepdim=True) / 2 ** (top / 2)
        scale = scale.clamp(min=torch.finfo(flat.dtype).tiny).expand(len(flat), 1)
        units = chosen / scale
        powers = units.log2().round().clamp(0, top).exp2() * (units >= 0.5)
        found = torch.zeros_like(flat).scatter_(1, places, powers) * flat.sign()
        return found.reshape(weight.shape), scale.reshape(-1, *[1] * (weight.dim() - 1))


class PowerWeights(nn.Module):
    """A parametrisation of a layer's weights: those of ``grid`` forward.  ``kept`` is how many a
    channel has now, ``None`` for the grid's fan-in; where ``settled``, the others learn no more.
    """

    kept: int | None

    def __init__(self, grid: PowerGrid) -> None:
        super().__init__()
        self.grid, self.kept, self.settled = grid, None, False

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        integers, scale = self.grid.integers(weight, self.kept)
        factor = (integers != 0).to(weight.dtype) if self.settled else 1.0
        return straight_through(weight, integers * scale, factor)


def constrain(layer: nn.Module, grid: PowerGrid) -> nn.Module:
    """``layer``, whose weights are those of ``grid`` from now on."""
    return parametrize.register_parametrization(layer, "weight", PowerWeights(grid))


def grid_of(layer: Any) -> PowerGrid | None:
    """The grid to which a layer was constrained."""
    return layer.parametrizations.weight[0].grid if parametrize.is_parametrized(layer) else None


def real_weight(layer: Any) -> torch.Tensor:
    """The weights that such a layer trains."""
    return layer.parametrizations.weight.original


def prune(net: nn.Module, position: float) -> None:
    """Let every constrained layer of ``net`` keep what it may at ``position``, 0 to 1, of the float
    phase: all weights at first, its fan-in from ``PRUNED`` on."""
    left = max(0.0, 1 - position / PRUNED) ** 3
    for module in net.modules():
        if isinstance(module, parametrize.ParametrizationList) and isinstance(
                module[0], PowerWeights):
            powers: Any = module[0]
            weights, fan_in = module.original[0].numel(), powers.grid.fan_in
            powers.settled = position >= SETTLED
            powers.kept = fan_in and round(fan_in + max(0, weights - fan_in) * left)
