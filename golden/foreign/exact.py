"""From float layers under one reading to the integers of our network, exactly or not at all.

Each population counts its membrane in units of ``2**-bits``, in which its weights, bias and
threshold are integers.  The four steps, and why each is exact:

* **Input gain.**  Membrane, bias and threshold may all be divided by the same number.  So the gain
  of the input, and the factor of an average pool, go into threshold and bias, never into weights.
* **Leak.**  A decay that is a sum of shifts of at most k bits is exact where the membrane is a
  multiple of ``2**k`` units.  A membrane of timestep t was decayed t - 1 times, so with
  ``k (T - 1)`` bits below the weights' own every shift of T timesteps is exact.
* **Synaptic current.**  It decays as the membrane does: what reaches timestep t was decayed t - 1
  times in all, by either factor, so that the longer of both shifts counts.
* **v > threshold.**  A constant 1 is taken from the bias, so that the membrane is ``v - d`` with
  ``d = 1 - leak(-d)``, the same for all inputs, and through a synaptic current too.  Where
  ``1 <= d <= 2**extra`` in every timestep (computed here) and v and threshold are multiples of
  ``2**extra``, ``v - d >= threshold`` is ``v > threshold``.  A reset by subtraction keeps d; one
  to zero starts it again.
* **Levels without bound.**  After a burst less than a threshold is left, so the largest level is
  at most ``(decay threshold + largest current) / threshold``.

A decay that is no sum of shifts is rounded to one, and where ``k (T - 1)`` bits do not fit, as many
as fit are taken; the largest error of a membrane is then one of the result's remarks.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from ..spec import Conv2d, Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from ..spec.artifact import Trained
from ..spec.axes import LEVEL_LIMIT, WIDTH_LIMIT, Synaptic
from ..spec.errors import InvalidValue
from ..training.export import derive_synaptic_width, derive_v_width, signed_width
from .error import Rounded, membrane_error
from .grid import GRID_BITS, exact_decay, fraction_bits, lag, nearest_decay, snap

__all__ = ["Converted", "convert"]

MOST_BITS = 24  # Finest membrane; the largest threshold has as many bits.


@dataclass(frozen=True, eq=False)
class Converted:
    """The network, and a sentence for each thing that is not proven to be exact."""

    trained: Trained
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Stage:
    """One population with its integers, and the bits that it counts in."""

    population: Population
    synapse: Dense | Conv2d
    weight: np.ndarray
    bias: np.ndarray


def convert(chain, readings, timesteps, input_n_max=1, approximate=False, notes=None,
            static=False) -> Converted:
    """The :class:`~qblif.golden.spec.artifact.Trained` that does what ``chain`` does under
    ``readings``, one for each neuron layer, in ``timesteps`` from input levels 0..``input_n_max``.

    ``static`` inputs are one frame of levels for all timesteps.
    A last layer that fires is followed by a read-out that counts its levels.  With
    ``approximate`` weights, thresholds and decays are rounded where they have no exact form.
    Raises :class:`ValueError` that names the value which does not fit, and what would.
    """
    stages, remarks, most = [], [], input_n_max
    for layer, reading in zip(chain.layers, [*readings, None], strict=False):
        work = _Layer(layer, reading, timesteps, most, approximate)
        stages.append(work.stage())
        remarks += work.remarks
        most = stages[-1].population.emit_max
    if chain.layers[-1].node is not None:
        stages.append(_counter(stages[-1].population, timesteps))
    spec = Network(timesteps=timesteps, populations=tuple(s.population for s in stages),
                   synapses=tuple(s.synapse for s in stages),
                   input=Input(shape=chain.input_shape, n_max=input_n_max, static=static))
    trained = Trained(spec, {s.synapse.name: s.weight for s in stages},
                      {s.population.name: s.bias for s in stages if s.population.bias_width},
                      notes or {})
    return Converted(trained, tuple(remarks))


def _counter(before, timesteps):
    """A read-out that counts the levels of ``before``: its class is the neuron that fired most."""
    high = before.emit_max
    neuron = Neuron(quantiser=None, reset=Reset(kind="none"),
                    v_width=signed_width(0, high * timesteps))
    return _Stage(Population(name="output", shape=(before.size,), neuron=neuron,
                             sum_width=signed_width(0, high)),
                  Dense(source=before.name, target="output", w_width=2),
                  np.eye(before.size, dtype=np.int32), np.zeros(before.size, np.int32))


class _Layer:
    """The conversion of one layer; ``most`` is the largest level that reaches it."""

    def __init__(self, layer, reading, timesteps, most, approximate):
        self.layer, self.reading, self.timesteps = layer, reading, timesteps
        self.approximate, self.remarks = approximate, []
        # Currents as they are before gain and average; bias and threshold in the same measure.
        area = math.prod(layer.synapse.pool)
        mean = area if layer.mean else 1
        self.weight, self.bias, self.most = layer.weight, layer.bias * mean, most * area
        self.decay, self.constant, self.extra, self.theta = Decay(), 0, 0, 1.0
        self.value, self.floor, self.synaptic = 0.0, None, None
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
        self.decay = exact_decay(reading.decay) or nearest_decay(reading.decay)
        if reading.synaptic is not None:
            self.synaptic = exact_decay(reading.synaptic) or nearest_decay(reading.synaptic)
        if reading.strict:
            self.constant, self.extra = lag(self.decay, self.timesteps, self.synaptic)
        largest = np.maximum(self.weight, 0).reshape(len(self.weight), -1).sum(1) * self.most
        left, current = max(self.theta, self.value), max((largest + self.bias).max(), 0)
        if self.synaptic is not None:
            current *= sum(self.synaptic.factor**k for k in range(self.timesteps))
        bound = int((self.decay.factor * left + current)
                    // self.theta)
        self.n_max = max(1, min(bound, reading.levels or bound))
        if self.n_max > LEVEL_LIMIT:
            self.remarks.append(f"{name}: levels may reach {self.n_max} and are clipped at "
                                f"{LEVEL_LIMIT}")
            self.n_max = LEVEL_LIMIT

    @property
    def loose(self):
        """Whether the threshold only has to part the membranes that there are."""
        return self.reading.reset in ("zero", "none", "gate") and self.n_max == 1

    def stage(self):
        """Everything in the finest units that fit, up to those in which all is exact."""
        name, reading = self.layer.name, self.reading
        values = [self.weight, self.bias]
        if reading is not None and not (self.loose and fraction_bits(self.theta) is None):
            values.append(np.array([self.theta]))
        values.append(np.array([self.value, self.floor or 0.0]))
        grid = fraction_bits(*values)
        needed = self.extra + max(self.shifts) * (self.timesteps - 1)
        finest = MOST_BITS if grid is None else min(grid + needed, MOST_BITS)
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
        raise InvalidValue(f"Node {name} does not fit the integer model in {units}: {reason}"
                           ) from reason

    @property
    def shifts(self):
        return (0, *(shift for decay in (self.decay, self.synaptic or Decay())
                     for shift in (*decay.subtract, *decay.add)))

    def in_units(self, bits):
        """The population in units of ``2**-bits``; :class:`ValueError` where a field is too
        narrow."""
        layer, scale = self.layer, 2.0**bits
        largest = scale * max(np.abs(self.weight).max(), np.abs(self.bias).max())
        if largest >= 1 << WIDTH_LIMIT:
            raise InvalidValue(f"Weights and biases must be below 2**{WIDTH_LIMIT}, not "
                               f"{largest:.0f}")
        weight = np.rint(self.weight * scale).astype(np.int64)
        bias = np.rint(self.bias * scale).astype(np.int64) - self.constant
        synapse = replace(layer.synapse, w_width=signed_width(weight.min(), weight.max()),
                          target=layer.synapse.target if self.reading else "output")
        rows = weight.reshape(len(weight), -1) * self.most
        low, high = (int(v) for v in (np.minimum(rows, 0).sum(1).min(),
                                      np.maximum(rows, 0).sum(1).max()))
        sums = self.timesteps, low, high, bias
        synaptic = self.synaptic and Synaptic(decay=self.synaptic, width=WIDTH_LIMIT)
        if synaptic:
            synaptic = replace(synaptic, width=derive_synaptic_width(synaptic, *sums))
        widest = replace(self.neuron(bits, WIDTH_LIMIT), synaptic=synaptic)
        neuron = replace(widest, v_width=derive_v_width(widest, *sums)[0])
        width = signed_width(bias.min(), bias.max()) if bias.any() else 0
        return _Stage(Population(name=synapse.target, shape=layer.shape, neuron=neuron,
                                 sum_width=signed_width(low, high), bias_width=width),
                      synapse, weight.astype(np.int32), bias.astype(np.int32))

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

    def remark(self, bits, grid, needed, stage):
        """What these units round."""
        name = self.layer.name
        if grid is None or bits < grid:
            error = np.abs(stage.weight * 2.0**-bits - self.weight).max()
            if not self.approximate:
                raise InvalidValue(f"Node {name} has weights, biases or a threshold that are not "
                                   f"all multiples of 2**-{GRID_BITS}; weights rounded to "
                                   f"multiples of {2.0**-bits:g} are off by at most {error:.3g}, "
                                   "which --approximate allows")
            self.remarks.append(f"{name}: weights are rounded to multiples of {2.0**-bits:g}, by "
                                f"at most {error:.3g}")
        reading = self.reading
        if reading is not None and (
                bits < (grid or 0) + needed or self.decay.factor != reading.decay
                or self.synaptic and self.synaptic.factor != reading.synaptic):
            error = self.error(stage) / stage.population.neuron.quantiser.theta
            also = "" if self.synaptic is None else (
                f", and the synaptic decay of {reading.synaptic:.6g}, as "
                f"{self.synaptic.factor:.6g}")
            self.remarks.append(f"{self.layer.node.name}: the leak of {reading.decay:.6g}, as "
                                f"{self.decay.factor:.6g}{also}, rounds by at most {error:.2g} of "
                                "the threshold")

    def error(self, stage):
        """Largest error of a membrane after the last timestep, in units."""
        rows = np.abs(stage.weight.reshape(len(stage.weight), -1)).sum(1) * self.most
        largest = (rows + np.abs(stage.bias)).max()
        if self.reading.reset == "late":  # It takes from a membrane that need not be above it.
            largest += self.n_max * stage.population.neuron.quantiser.theta
        leak = Rounded(self.decay, self.reading.decay)
        synaptic = self.synaptic and Rounded(self.synaptic, self.reading.synaptic)
        return membrane_error(leak, synaptic, largest, self.constant, self.timesteps)
