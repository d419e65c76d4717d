"""Everything that is decided before a network becomes logic: its graphs of adders, and in which
clock each value is there.  Without Amaranth."""

from dataclasses import dataclass

import numpy as np

from ...golden.spec import Neuron, Population
from ...golden.spec.checks import check_int
from ...golden.spec.errors import InvalidValue
from ..layout.cycles import Cycles, entry_clock
from ..layout.latency import neuron_latency
from .adder_graph import AdderGraph
from .compressor_tree import CompressorTrees
from .matrix import synapse_matrix
from .weighted_sums import make_sums

__all__ = ["LogicLayout", "LogicStage", "Schedule", "argmax_latency"]

INPUT_LATENCY = 1  # A register behind the ports.
ENCODER_LATENCY = 1  # Comparators of pixels, and their register.
LADDER_LATENCY = 1  # Comparators of neurons that start from rest, and their register.
ARGMAX_ROW_LATENCY = 2  # A row of comparators of scores, and one of multiplexers.

# LUTs of an ECP5, by networks/mnist-logic.safetensors (docs/logic.md): a full adder is a sum and a
# carry; a neuron adds two rows and compares, for each bit of its sum, and codes its level.
ADDER_LUTS, BIT_LUTS, LEVEL_LUTS = 2, 2, 2


def argmax_latency(size):
    """Clocks from ``size`` scores to the index of the largest."""
    return ARGMAX_ROW_LATENCY * (size - 1).bit_length()


@dataclass(frozen=True)
class Schedule:
    """In which clock each node of a graph is computed, where a clock has time for ``adders`` adders
    in a row, or full adders: as early as its operands allow."""

    graph: AdderGraph | CompressorTrees
    adders: int

    def clock(self, level):
        """Of a node with ``level`` adders in a row behind it: clock 0 has the inputs, and what
        reads nothing else."""
        return max(0, level - 1) // self.adders

    @property
    def latency(self):
        """Clocks from the inputs to the sums, which leave through registers."""
        return 1 + self.clock(self.graph.depth) + self.graph.closing


@dataclass(frozen=True)
class LogicStage:
    """A population: ``sources`` are the names of what it reads, in the order of its graph's inputs.

    ``start`` is the clock in which its inputs reach it in a frame's first timestep, counted from
    that of the frame; ``latency`` is that of its neurons, which are in ``neurons``, with what is
    added to the sum of each in ``biases``.
    """

    population: Population
    sources: tuple[str, ...]
    schedule: Schedule
    start: int
    latency: int
    neurons: tuple[Neuron, ...]
    biases: np.ndarray

    @property
    def name(self):
        return self.population.name

    @property
    def done(self):
        """The clock in which the levels, or scores, of the first timestep are there."""
        return self.start + self.schedule.latency + self.latency


class LogicLayout:
    """The graphs and clocks of a trained network.

    A frame enters in every clock, whole.  Timestep t of a population is computed by logic of its
    own, ``t * skew`` clocks behind the first one: by then the membranes of the timestep before are
    there.  Where it is interleaved, all timesteps are computed by the same logic: ``skew`` frames
    enter in as many clocks and go through it ``timesteps`` times, so that the next ones enter
    ``timesteps * skew`` clocks behind them.

    Parameters
    ----------
    trained : :class:`qblif.golden.spec.trained.Trained`
    method : one of :data:`qblif.hw.logic.weighted_sums.METHODS`
    adders : int
        Most adders in a row between two registers; of compressor trees, full adders.
    pixels : bool
        Whether frames are pixels 0..255, of which the network makes its input levels.
    interleaved : bool
        Whether timesteps share their logic.
    graphs : dict or None
        What :func:`~qblif.hw.logic.weighted_sums.make_sums` made for each population, where known.

    Raises :class:`ValueError` for recurrent synapses, for pixels where the input has timesteps, for
    one timestep that is to be interleaved, and where ``method`` or ``adders`` is none.
    """

    def __init__(self, trained, method="compressors", adders=2, pixels=False, interleaved=False,
                 graphs=None):
        check_int("Adders in a row", adders, 1, 64)
        self.trained, self.spec = trained, trained.spec
        self.method, self.adders, self.pixels = method, adders, pixels
        self.interleaved = interleaved
        spec = self.spec
        if interleaved and spec.timesteps == 1:
            raise InvalidValue("Timesteps cannot be interleaved: the network has only one")
        if pixels and not spec.input.static:
            raise InvalidValue(f"Pixels are of images, but the network's input has "
                               f"{spec.timesteps} timesteps of levels a frame")
        for synapse in spec.synapses:
            if spec.recurrent(synapse):
                raise InvalidValue(f"Synapse {synapse.name} is recurrent, and a network as logic "
                                   "has only synapses that lead forward")
        self.from_rest = spec.timesteps == 1
        self.skew = 0 if self.from_rest else max(
            neuron_latency(p.neuron) for p in spec.populations)
        self.entry = INPUT_LATENCY + ENCODER_LATENCY * pixels
        stages, ready = [], {spec.input.name: self.entry}
        for population in spec.populations:
            stages.append(self._stage(population, ready, graphs or {}))
            ready[population.name] = stages[-1].done
        self.stages = tuple(stages)

    def with_row(self, adders):
        """The same network with so many adders in a row."""
        return LogicLayout(self.trained, self.method, adders, self.pixels, self.interleaved,
                           {stage.name: stage.schedule.graph for stage in self.stages})

    def _stage(self, population, ready, graphs):
        spec = self.spec
        synapses = spec.synapses_to(population.name)
        sources = [spec.source(synapse.source) for synapse in synapses]
        graph = graphs.get(population.name)
        if graph is None:
            matrix = np.hstack([synapse_matrix(spec, synapse, self.trained.weights[synapse.name])
                                for synapse in synapses])
            largest = [source.emit_max for source in sources for _ in range(source.size)]
            graph = make_sums(matrix, largest, self.method,
                              None if self.from_rest else population.sum_width)
        biases = graph.offsets
        if population.bias_width:
            biases += np.repeat(self.trained.biases[population.name],
                                population.size // population.channels)
        neurons = [self.trained.neuron(population, k) for k in range(population.channels)
                   for _ in range(population.size // population.channels)]
        latency = LADDER_LATENCY if self.from_rest else neuron_latency(population.neuron)
        return LogicStage(population, tuple(source.name for source in sources),
                          Schedule(graph, self.adders),
                          max(ready[source.name] for source in sources), latency,
                          tuple(neurons), biases)

    def describe(self):
        """Plain dictionaries, one for each stage: its adders, and when its values are there."""
        return [{"name": stage.name, "sources": list(stage.sources),
                 "adders": stage.schedule.graph.size, "start": stage.start,
                 "sums": stage.start + stage.schedule.latency, "done": stage.done}
                for stage in self.stages]

    @property
    def copies(self):
        """How often the logic of a timestep is there."""
        return 1 if self.interleaved else self.spec.timesteps

    @property
    def slots(self):
        """Frames that enter in successive clocks."""
        return self.skew if self.interleaved else 1

    @property
    def period(self):
        """Clocks from the first of them to the first of the next ones."""
        return self.slots * self.spec.timesteps if self.interleaved else 1

    @property
    def rate(self):
        """Frames a clock."""
        return self.slots / self.period

    @property
    def shared_over_time(self):
        """Names of populations whose sums are computed once, as they read a static input alone and
        each timestep would have adders of its own."""
        name = self.spec.input.name
        return {stage.name for stage in self.stages if not self.interleaved
                and self.spec.input.static and set(stage.sources) == {name}}

    def clock(self, name, timestep=0):
        """The clock in which the levels of a population, or of the input, are there."""
        ready = {self.spec.input.name: self.entry} | {
            stage.name: stage.done for stage in self.stages}
        return ready[name] + timestep * self.skew

    @property
    def deepest(self):
        """Most adders in a row of any sum: with as many between two registers, each sum takes one
        clock."""
        return max(stage.schedule.graph.depth for stage in self.stages)

    @property
    def scored(self):
        """The clock in which a frame's scores are there."""
        last = self.stages[-1]
        return self.clock(last.name, self.spec.timesteps - 1) + (
            self.spec.counts and not self.from_rest)

    @property
    def latency(self):
        """Clocks from a frame to its class."""
        return self.scored + argmax_latency(self.spec.populations[-1].size)

    @property
    def luts(self):
        """LUTs of an ECP5, estimated, where the sums are compressor trees; of the encoder of pixels
        none."""
        total = 0
        for stage in self.stages:
            graph, population = stage.schedule.graph, stage.population
            kept = 0 if self.from_rest else population.neuron.state_width
            sums = ADDER_LUTS * graph.size + BIT_LUTS * graph.shape[0] * population.size
            total += sums * (1 if stage.name in self.shared_over_time else self.copies)
            total += self.copies * population.size * (
                LEVEL_LUTS * population.emit_max + BIT_LUTS * kept)
        return total

    def input_levels(self, frames):
        """Input levels of frames as this network takes them: of levels, they themselves."""
        return self.spec.input.levels_of(frames) if self.pixels else frames

    def count_cycles(self, frames):
        """The :class:`~qblif.hw.layout.cycles.Cycles` of frames that enter as fast as they can."""
        first = entry_clock(np.arange(frames), self.slots, self.period)
        return Cycles(first, first + self.latency)
