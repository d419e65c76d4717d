"""Other weights for hardware that is there: what must equal a given network, and what is clipped.

A bitstream has a network's graph, neurons, thresholds and widths in it, and no weights.
"""

import math
from dataclasses import dataclass

import torch

from ..spec.errors import InvalidValue
from .straight_through import round_to, straight_through

__all__ = ["WidthLimits", "check_config", "check_edges", "check_same"]


@dataclass(frozen=True)
class WidthLimits:
    """What the hardware leaves to the integers of one population.

    ``f`` is log2 of its threshold, ``None`` for the read-out; ``low`` and ``high`` bound the sums;
    ``most`` is the largest sum of levels behind one weight, by synapse; ``cap`` the largest
    current that a membrane without a leak or saturation can take in every timestep, ``None`` for
    one that saturates.
    """

    f: int | None
    v_width: int
    bias_width: int
    low: int
    high: int
    cap: int | None
    most: dict

    @classmethod
    def of(cls, like, population):
        """The limits of one population of ``like``, a :class:`~qblif.golden.spec.Network`."""
        neuron, half = population.neuron, 1 << population.sum_width - 1
        fires = neuron.quantiser is not None
        return cls(
            f=neuron.quantiser.shift if fires else None, v_width=neuron.v_width,
            bias_width=population.bias_width, low=-half, high=half - 1,
            cap=None if fires else ((1 << neuron.v_width - 1) - 1) // like.timesteps,
            most={s.name: like.source(s.source).emit_max * math.prod(s.pool)
                   for s in like.synapses_to(population.name)})

    def bias(self, bias):
        """``bias`` rounded and clipped."""
        return round_to(bias, self.bias_width) if self.bias_width else 0 * bias

    def shrink(self, weights, bias):
        """Weights by synapse, the channels whose sums could grow too large made smaller."""
        low, high = float(self.low), float(self.high)
        if self.cap is not None:
            there = bias.detach().double()
            low, high = (-self.cap - there).clamp(min=low), (self.cap - there).clamp(max=high)
        sums = torch.cat([w.detach().double().flatten(1) * self.most[name]
                          for name, w in weights.items()], 1)
        factor = torch.minimum(high / sums.clamp(min=0).sum(1).clamp(min=1),
                               low / sums.clamp(max=0).sum(1).clamp(max=-1)).clamp(0, 1)
        return {name: self._scaled(w, factor) for name, w in weights.items()}

    @staticmethod
    def _scaled(weight, factor):
        factor = factor.reshape(-1, *[1] * (weight.dim() - 1))
        return straight_through(weight, (weight.detach() * factor).trunc().to(weight.dtype))


def check_config(config, like):
    """Raise :class:`ValueError` where a :class:`~qblif.golden.training.config.TrainConfig` asks for
    other widths than those of ``like``, a :class:`~qblif.golden.spec.Network`, or changes what
    ``like`` has for good."""
    if config.w_spacing != "uniform":
        raise InvalidValue("Weights for hardware that is there must be uniform, not "
                           f"{config.w_spacing}")
    if config.learn_n_max:
        raise InvalidValue("Learned N_max must be off for hardware that is there: its levels are "
                           "fixed")
    if config.learn_thresholds:
        raise InvalidValue("Learned input thresholds must be off for hardware that is there: its "
                           f"pixels' are {like.input.thresholds}")
    hidden = [p.neuron.v_width for p in like.populations[:-1]]
    for what, asked, there in (("Weight", config.w_width, [s.w_width for s in like.synapses]),
                               ("Membrane", config.v_width, [None, *hidden])):
        if asked not in there:
            raise InvalidValue(f"{what} width must be the hardware's, {there[-1]}, not {asked}")


def check_edges(net, like):
    """Raise :class:`ValueError` unless a :class:`~qblif.golden.training.modules.BurstNet` has the
    populations and edges of ``like``, whose thresholds are powers of two."""
    ours = [(stage.name, [edge.source for edge in stage.edges]) for stage in net.stages]
    theirs = [(p.name, [s.source for s in like.synapses_to(p.name)]) for p in like.populations]
    _check_equal("populations and their sources", ours, theirs)
    for population in like.populations:
        quantiser = population.neuron.quantiser
        if population.thetas:
            raise InvalidValue(f"Population {population.name} has a threshold for each channel, "
                               "which training for hardware that is there does not keep")
        if quantiser and quantiser.shift is None:
            raise InvalidValue(f"Threshold {quantiser.theta} of {population.name} is not a power "
                               "of two, which training needs")


def check_same(spec, like):
    """Raise :class:`ValueError` unless two networks differ in nothing but widths."""
    for what in ("timesteps", "input", "synapses"):
        _check_equal(what, getattr(spec, what), getattr(like, what))
    for ours, theirs in zip(spec.populations, like.populations, strict=True):
        _check_equal(f"shape of {ours.name}", ours.shape, theirs.shape)
        for part in ("leak", "quantiser", "reset", "output", "floor", "synaptic"):
            _check_equal(f"{part} of {ours.name}", getattr(ours.neuron, part),
                         getattr(theirs.neuron, part))


def _check_equal(what, ours, theirs):
    if ours != theirs:
        raise InvalidValue(f"The network to train is not for the same hardware: its {what} must be "
                           f"{theirs}, not {ours}")
