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

from ..spec import Input
from .straight_through import straight_through

__all__ = ["PowerGrid", "PowerWeights", "constrain", "estimate_luts", "grid_of", "prune",
           "real_weight"]

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


def estimate_luts(net: Any, membranes: list[torch.Tensor]) -> torch.Tensor:
    """LUTs of the adders of a :class:`~qblif.golden.training.modules.BurstNet` as logic: two of
    four inputs for each bit that a weight other than 0 adds (hw/logic/compressor_tree.py), in one
    timestep.

    ``membranes``, ``(timesteps, frames, channels, ...)`` of each stage, tell how many neurons share
    a channel's weights.  Backward a weight within a unit of 0 has the slope of a straight line: the
    straight-through estimator of its being there.
    """
    bits = {Input.name: net.input_n_max.bit_length()} | {
        s.name: 1 if s.neuron.output == "binary" else s.neuron.n_max.bit_length()
        for s in net.stages if s.neuron is not None}
    found = torch.zeros((), device=membranes[0].device)
    for stage, U in zip(net.stages, membranes, strict=True):
        for edge in stage.edges:
            if grid_of(edge.synapse):
                powers = edge.synapse.parametrizations.weight[0]
                added = powers.added(real_weight(edge.synapse))
                found = found + 2 * bits[edge.source] * U[0, 0, 0].numel() * added
    return found


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

    def added(self, weight: torch.Tensor) -> torch.Tensor:
        """How many of these weights are not 0, with a gradient to those near it."""
        integers, scale = self.grid.integers(weight, self.kept)
        units = weight.abs() / scale
        slope = (units < 1).logical_and_(integers != 0) if self.settled else units < 1
        return straight_through(units, (integers != 0).to(weight.dtype), slope).sum()


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
