"""Accuracy and operations of a trained network under other values of N_max, without training.

What is done with them is in :mod:`qblif.golden.study.capacity`; one run of a whole network is
:mod:`qblif.golden.integer`.
"""

import functools
from dataclasses import dataclass, replace

import numpy as np
import torch

from .. import integer, neuron
from ..activity import fan_out
from ..spec.burst import MODES, digits
from ..spec.errors import InvalidValue

__all__ = ["Measurement", "Meter", "with_n_max"]

CACHE = 1 << 31  # Bytes of currents that are kept, about.


@dataclass(frozen=True)
class Measurement:
    """What a vector of N_max, one a hidden population, costs and gives.

    ``right`` of ``images`` images have the right class.  ``operations[mode]`` are the mean synaptic
    operations an image that each source's events make: the input's, then each hidden population's.
    """

    n_max: tuple[int, ...]
    right: int
    images: int
    operations: dict[str, tuple[float, ...]]

    @property
    def accuracy(self):
        return self.right / self.images

    def total(self, mode):
        return sum(self.operations[mode])


def with_n_max(population, n_max):
    quantiser = replace(population.neuron.quantiser, n_max=n_max)
    return replace(population, neuron=replace(population.neuron, quantiser=quantiser))


class Meter:
    """Accuracy and operations of ``trained`` under any vector of N_max, on the same images.

    What populations before a changed one do is kept, so that neighbours cost little.

    Parameters
    ----------
    trained : Trained
    levels : integers, as :func:`qblif.golden.integer.run` takes them
    labels : ``(frames,)``
    """

    def __init__(self, trained, levels, labels):
        self.trained, self.labels = trained, torch.as_tensor(np.asarray(labels, np.int64))
        self.populations = trained.spec.populations
        self.hidden = self.populations[:-1]
        self.measurements = {}
        spec, levels = trained.spec, torch.as_tensor(levels)
        for synapse in filter(spec.recurrent, spec.synapses):
            raise InvalidValue(f"Burst capacity is searched layer by layer, but synapse "
                               f"{synapse.name} is recurrent")
        for population in self.populations:
            if population.thetas:
                raise InvalidValue(f"Burst capacity is searched with one threshold a population, "
                                   f"but {population.name} has one for each channel")
        self.input = (levels.expand(spec.timesteps, -1, -1) if spec.input.static
                      else levels.transpose(0, 1))
        largest = max(p.size for p in self.populations)
        self.batch = max(1, integer.BATCH_NEURONS // largest)
        kept = CACHE // (4 * spec.timesteps * len(levels) * largest)
        self.currents = functools.lru_cache(max(2, kept))(self._make_currents)
        self._outcome = functools.lru_cache(max(2, kept) + len(self.populations))(self._run)
        sent = self.input[:1] if spec.input.static else self.input
        self._before = self._costs(spec.input.name, sent)

    def measure(self, n_max):
        """The :class:`Measurement` of a vector."""
        if n_max not in self.measurements:
            outcomes = [self._outcome(n_max[:k + 1]) for k in range(len(self.hidden))]
            classes = integer.argmax(self._scores(n_max))
            costs = [self._before, *(costs for _, costs in outcomes)]
            self.measurements[n_max] = Measurement(
                n_max, int((classes == self.labels).sum()), len(self.labels),
                {mode: tuple(c[mode] for c in costs) for mode in MODES})
        return self.measurements[n_max]

    def at_top(self):
        """Share of the levels that are N_max, of each hidden population as it was trained."""
        top = tuple(p.neuron.quantiser.n_max for p in self.hidden)
        return [float((self._outcome(top[:k + 1])[0] == p.emit_max).float().mean())
                for k, p in enumerate(self.hidden)]

    def _run(self, n_max):
        """Levels and costs of the last population that ``n_max`` reaches."""
        population = self.hidden[len(n_max) - 1]
        spec = with_n_max(population, n_max[-1]).neuron
        levels, _ = self._steps(spec, self.currents(n_max[:-1]))
        return levels, self._costs(population.name, levels)

    def _scores(self, n_max):
        """Scores of the last population, whose own N_max stays."""
        levels, v = self._steps(self.populations[-1].neuron, self.currents(n_max))
        return levels.sum(0, dtype=torch.int32) if self.trained.spec.counts else v

    def _steps(self, spec, currents):
        """Levels of every timestep, and the membranes that the last one leaves."""
        v = torch.zeros_like(currents[0])
        level, levels = torch.zeros_like(v), []
        for current in currents:
            level, v = neuron.step(spec, v, current, level > 0)
            levels.append(level.to(torch.uint8))
        return torch.stack(levels), v

    def _make_currents(self, n_max):
        """Input of the population behind those that ``n_max`` names, ``(timesteps, frames, n)``."""
        spec = self.trained.spec
        outputs = {spec.input.name: self.input} | {
            p.name: self._outcome(n_max[:k + 1])[0]
            for k, p in enumerate(self.hidden[:len(n_max)])}
        static = {spec.input.name} if spec.input.static else set()
        parts = zip(*(o.split(self.batch, 1) for o in outputs.values()), strict=True)
        return torch.cat([integer.currents(
            self.trained, self.populations[len(n_max)], dict(zip(outputs, part, strict=True)),
            static, None) for part in parts], 1)

    def _costs(self, source, levels):
        """Mean synaptic operations an image of one source's events, by burst mode."""
        targets = sum(torch.from_numpy(fan_out(self.trained.spec, s))
                      for s in self.trained.spec.synapses if s.source == source)
        costs = {}
        for mode in MODES:
            each = torch.tensor([len(digits(n, mode)) for n in range(int(levels.max()) + 1)],
                                dtype=torch.uint8)
            count = each[levels.int()].sum((0, 1))
            costs[mode] = float((count * targets).sum()) / len(self.labels)
        return costs
