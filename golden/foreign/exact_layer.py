"""One float layer to a population of integers; :mod:`qblif.golden.foreign.exact` says why it is
exact."""

import math
from dataclasses import dataclass, replace

import numpy as np

from ..spec import Conv2d, Decay, Dense, Neuron, Population, Quantiser, Reset
from ..spec.axes import LEVEL_LIMIT, WIDTH_LIMIT, Synaptic
from ..spec.errors import InvalidValue
from ..training.export import derive_synaptic_width, derive_v_width, signed_width
from .error import Rounded, membrane_error
from .grid import GRID_BITS, exact_decay, fraction_bits, lag, near_decay, snap

__all__ = ["ExactLayer", "ExactStage"]

MOST_BITS = 24  # Finest membrane; the largest threshold has as many bits.


@dataclass(frozen=True, eq=False)
class ExactStage:
    """One population with its integers: synapses with their weights, and the bias."""

    population: Population
    parts: tuple[tuple[Dense | Conv2d, np.ndarray], ...]
    bias: np.ndarray


class ExactLayer:
    """The conversion of one layer."""

    def __init__(self, layer, reading, timesteps, approximate):
        self.layer, self.reading, self.timesteps = layer, reading, timesteps
        self.name, self.label = layer.name, layer.label
        self.approximate, self.remarks = approximate, []
        # Currents as they are before gain and average; bias and threshold in the same measure.
        mean = math.lcm(*(c.divisor for c in layer.connections))
        self.weights = [c.weight * (mean // c.divisor) for c in layer.connections]
        self.bias = layer.bias * mean
        self.decay, self.constant, self.extra, self.theta = Decay(), 0, 0, 1.0
        self.value, self.floor, self.synaptic, self.n_max = 0.0, None, None, 1
        if reading is not None:
            def measured(potential):
                return potential * mean if reading.gain == 1 else snap(potential * mean
                                                                       / reading.gain)
            self.theta, self.value = measured(reading.threshold), measured(reading.value)
            self.floor = None if reading.floor is None else measured(reading.floor)
            self.take_neuron()

    def take_neuron(self):
        """Decay, reset and levels, or the reason why there are none."""
        reading, name = self.reading, self.layer.node.name
        if reading.strict and reading.floor is not None:
            raise InvalidValue(f"Node {name} has a floor of the membrane and a spike above the "
                               "threshold, which is exact only for one at the threshold")
        # Rounded to the side on which a membrane at the threshold itself decides rightly.
        up = not reading.strict
        self.decay = exact_decay(reading.decay) or near_decay(reading.decay, up)
        if reading.synaptic is not None:
            self.synaptic = exact_decay(reading.synaptic) or near_decay(reading.synaptic, up)
        if reading.strict:
            self.constant, self.extra = lag(self.decay, self.timesteps, self.synaptic)

    def largest_level(self, levels):
        """The largest that the neurons can have, at least 1, from ``levels``, the largest of the
        populations before: of a timestep or, in a loop, so far."""
        if self.reading is None:
            return 0
        rows = np.maximum(self.reach(self.weights, levels), 0).sum(1)
        kept = 1.0 if self.synaptic is None else sum(
            self.synaptic.factor**k for k in range(self.timesteps))
        current = max((rows + self.bias).max(), 0) * kept
        level = int((self.decay.factor * max(self.theta, self.value) + current) // self.theta)
        return max(1, min(level, self.reading.levels or level))

    def reach(self, weights, levels):
        """Weights times the largest ``levels`` that come by them, a row each neuron or channel."""
        return np.concatenate([
            weight.reshape(len(weight), -1) * (
                min(levels[c.synapse.source], LEVEL_LIMIT) * math.prod(c.synapse.pool))
            for weight, c in zip(weights, self.layer.connections, strict=True)], 1)

    @property
    def loose(self):
        """Whether the threshold only has to part the membranes that there are."""
        return self.reading.reset in ("zero", "none", "gate") and self.n_max == 1

    def stage(self, levels):
        """Everything in the finest units that fit, up to those in which all is exact; ``levels``
        are the largest of each population."""
        reading, self.levels = self.reading, levels
        if reading is not None:
            most = max(levels[c.synapse.source] for c in self.layer.connections)
            if self.layer.node.kind == "MaxPool2d" and most > 1:
                raise InvalidValue(f"Node {self.label} is a max pool of levels up to {most}; only "
                                   "one of single spikes has an exact form")
            self.n_max = min(levels[self.name], LEVEL_LIMIT)
            if levels[self.name] > LEVEL_LIMIT:
                self.remarks.append(f"{self.layer.node.name}: levels may reach "
                                    f"{levels[self.name]} and are clipped at {LEVEL_LIMIT}")
        potentials = [p for p in (self.theta, self.value, self.floor or 0.0)
                      if fraction_bits(p) is not None]
        self.rounds = len(potentials) < 3 and not self.loose
        grid = fraction_bits(*self.weights, self.bias, potentials)
        needed = self.extra + max(self.shifts) * (self.timesteps - 1)
        finest = MOST_BITS if grid is None or self.rounds else min(grid + needed, MOST_BITS)
        least = -MOST_BITS if grid is None or self.approximate else grid
        reason = None
        for bits in range(finest, least - 1, -1):
            try:
                stage = self.in_units(bits)
            except InvalidValue as error:
                reason = error
                continue
            self.remark(bits, grid, needed, stage)
            return stage
        units = "any units" if least < 0 else (
            f"units of {2.0**-least:g}, in which its weights, biases and threshold are integers")
        raise InvalidValue(f"Node {self.label} does not fit the integer model in {units}: {reason}"
                           ) from reason

    @property
    def shifts(self):
        return (0, *(shift for decay in (self.decay, self.synaptic or Decay())
                     for shift in (*decay.subtract, *decay.add)))

    def in_units(self, bits):
        """The population in units of ``2**-bits``; :class:`ValueError` where a field is too
        narrow."""
        scale = 2.0**bits
        largest = scale * max(np.abs(values).max() for values in (*self.weights, self.bias))
        if largest >= 1 << WIDTH_LIMIT:
            raise InvalidValue(f"Weights and biases must be below 2**{WIDTH_LIMIT}, not "
                               f"{largest:.0f}")
        weights = [np.rint(weight * scale).astype(np.int64) for weight in self.weights]
        bias = np.rint(self.bias * scale).astype(np.int64) - self.constant
        rows = self.reach(weights, self.levels)
        low, high = (int(v) for v in (np.minimum(rows, 0).sum(1).min(),
                                      np.maximum(rows, 0).sum(1).max()))
        sums = self.timesteps, low, high, bias
        synaptic = self.synaptic and Synaptic(decay=self.synaptic, width=WIDTH_LIMIT)
        if synaptic:
            synaptic = replace(synaptic, width=derive_synaptic_width(synaptic, *sums))
        widest = replace(self.neuron(bits, WIDTH_LIMIT), synaptic=synaptic)
        neuron = replace(widest, v_width=derive_v_width(widest, *sums)[0])
        width = signed_width(bias.min(), bias.max()) if bias.any() else 0
        parts = tuple((replace(c.synapse, w_width=signed_width(weight.min(), weight.max())),
                       weight.astype(np.int32))
                      for c, weight in zip(self.layer.connections, weights, strict=True))
        return ExactStage(Population(name=self.name, shape=self.layer.shape, neuron=neuron,
                                     sum_width=signed_width(low, high), bias_width=width),
                          parts, bias.astype(np.int32))

    def neuron(self, bits, v_width):
        if self.reading is None:
            return Neuron(quantiser=None, reset=Reset(kind="none"), v_width=v_width)
        theta = self.theta * 2.0**bits
        if theta != int(theta):
            coarse = 1 << self.extra
            theta = (theta // coarse * coarse if self.reading.strict else math.ceil(theta)
                     ) if self.loose else round(theta)
        return Neuron(leak=self.decay, quantiser=Quantiser(n_max=self.n_max, theta=int(theta)),
                      reset=Reset(kind=self.reading.reset, value=round(self.value * 2.0**bits)),
                      floor=None if self.floor is None else round(self.floor * 2.0**bits),
                      v_width=v_width)

    @property
    def leaks_otherwise(self):
        """Whether a decay is no sum of shifts."""
        return self.decay.factor != self.reading.decay or bool(
            self.synaptic and self.synaptic.factor != self.reading.synaptic)

    def remark(self, bits, grid, needed, stage):
        """What these units round."""
        name = self.label
        if grid is None or bits < grid:
            error = max(np.abs(made * 2.0**-bits - given).max() for (_, made), given in zip(
                stage.parts, self.weights, strict=True))
            if not self.approximate:
                raise InvalidValue(f"Node {name} has weights, biases or a threshold that are not "
                                   f"all multiples of 2**-{GRID_BITS}; weights rounded to "
                                   f"multiples of {2.0**-bits:g} are off by at most {error:.3g}, "
                                   "which --approximate allows")
            self.remarks.append(f"{name}: weights are rounded to multiples of {2.0**-bits:g}, by "
                                f"at most {error:.3g}")
        reading = self.reading
        if reading is not None and (
                self.rounds or bits < (grid or 0) + needed or self.leaks_otherwise):
            error = self.error(stage, bits) / stage.population.neuron.quantiser.theta
            also = "" if self.synaptic is None else (
                f", and the synaptic decay of {reading.synaptic:.6g}, as "
                f"{self.synaptic.factor:.6g}")
            also += f", with a threshold of {self.theta:.6g}" if self.rounds else ""
            self.remarks.append(f"{self.layer.node.name}: the leak of {reading.decay:.6g}, as "
                                f"{self.decay.factor:.6g}{also}, rounds by at most {error:.2g} of "
                                "the threshold")

    def error(self, stage, bits):
        """Largest error of a membrane after the last timestep, in units."""
        rows = np.abs(self.reach([weight for _, weight in stage.parts], self.levels))
        largest = (rows.sum(1) + np.abs(stage.bias)).max()
        if self.reading.reset == "late":  # It takes from a membrane that need not be above it.
            largest += self.n_max * stage.population.neuron.quantiser.theta
        leak = Rounded(self.decay, self.reading.decay)
        synaptic = self.synaptic and Rounded(self.synaptic, self.reading.synaptic)
        error = membrane_error(leak, synaptic, largest, self.constant, self.timesteps)
        # What a spike takes is half a unit off at most, and no leak makes that more.
        return error + self.rounds * self.timesteps * self.n_max / 2
