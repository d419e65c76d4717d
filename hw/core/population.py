"""A population: updates its neurons once a timestep, remembers their membranes, emits bursts."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .emitter import Emitter
from .neuron import NeuronCore, NeuronState
from .neuron_memories import BiasMemories, StateMemory
from .payloads import SumsRead, TraceVector, index_shape, pipe
from .readout import ArgMax, ClassResult, LevelSums, Score
from .update_sequencer import UpdateSequencer

__all__ = ["PopulationCore"]

MEMORY_LATENCY = 2  # Of membranes and biases: RAM, and the register behind it.


class PopulationCore(wiring.Component):
    """The update pass: a vector of ``fire_lanes`` neurons a cycle, in order.

    A vector goes down a pipeline that never stalls, with ``R = timing.read_latency`` and ``N =
    timing.neuron_latency``::

        t          sequencer issues the vector: read of the sums
        t + R - 2  read of membranes and biases
        t + R      sums, membranes and biases at the neurons
        t + R + N  new membranes and levels: written back, traced, into the AER encoder

    The sequencer issues a vector only while the AER encoder has credit for every vector that is
    already in the pipeline.

    Parameters
    ----------
    population : :class:`qblif.golden.spec.Population`
    timing : :class:`qblif.hw.layout.latency.StageTiming`
    static : sequence of bool
        Which of the engines have static currents.
    unread : sequence of int
        How many completions of each engine may wait.
    quantiser : ``"slice"`` or ``"ladder"``
    bias : array of the population's biases to bake in, or ``None``
    small_rows : int
        See :mod:`qblif.hw.core.neuron_memories`.
    peek : whether the biases can be read back
    emits, classifies : bool
        Whether its events leave; whether it gives the scores and the class, one neuron a vector.

    Members
    -------
    keep : ``In(1)``
        See :class:`qblif.hw.core.network.NetworkCore`.
    complete : ``In(engines)``, release : ``Out(engines)``
        Pulses: currents of an engine are complete, have been read.
    read : ``Out(SumsRead())``, last_read : ``Out(engines)``
        Control of the engines' read port, see
        :class:`qblif.hw.core.dense_engine.DenseEngineCore`.
    sums : ``In(data.ArrayLayout(signed(sum_width), fire_lanes))``
        Those of all engines together, ``timing.read_latency`` cycles after ``read``.
    o : ``Out(stream.Signature(Event(...)))``
        Where it emits: bursts.
    result : ``Out(stream.Signature(ClassResult(size)))``
    score : ``Out(stream.Signature(Score(...), always_ready=True))``
        Where it classifies: the class of each frame; every neuron in every timestep.
    trace : ``Out(TraceVector)`` with ``trace_valid``; every level and membrane, for test benches
    write : ``In(fire_lanes)``, write_address, write_data : bias memories
    peek : ``In(1)``, read_bias : ``Out``
        With ``peek``: the biases at ``write_address``, two cycles later, at rest.
    """

    def __init__(self, population, *, timing, static, unread, quantiser="slice", bias=None,
                 small_rows=0, peek=False, emits=True, classifies=False):
        self.population = population
        self.timing = timing
        self.unread = unread
        self.passes = passes = timing.passes
        self.fire_lanes = fire_lanes = passes.fire_lanes
        self.can_peek = peek
        self.channel_vectors = passes.channel_vectors
        self.sequencer = UpdateSequencer(timing=timing, static=static, unread=unread)
        self.neurons = [NeuronCore(population, quantiser) for _ in range(fire_lanes)]
        self.state = self.biases = None
        if passes.state_rows:  # Otherwise every step starts from nothing.
            self.state = StateMemory(cell=NeuronState(population.neuron), fire_lanes=fire_lanes,
                                     rows=passes.state_rows, small_rows=small_rows)
        if population.bias_width:
            self.biases = BiasMemories(width=population.bias_width, fire_lanes=fire_lanes,
                                       rows=self.channel_vectors, small_rows=small_rows, init=bias)
        self.emits, self.classifies = emits, classifies
        output = {}
        if emits:
            self.emitter = Emitter(population.shape, population.emit_max, fire_lanes, timing)
            output["o"] = Out(stream.Signature(self.emitter.o.p.shape()))
        if classifies:
            score = Score(population, passes.timesteps)
            self.arg_max = ArgMax(population.size, score["score"].width)
            output |= {"result": Out(stream.Signature(ClassResult(population.size))),
                       "score": Out(stream.Signature(score, always_ready=True))}
        engines = len(static)
        super().__init__({
            "keep": In(1), "complete": In(engines), "release": Out(engines),
            "read": Out(SumsRead()), "last_read": Out(engines),
            "sums": In(data.ArrayLayout(signed(population.sum_width), fire_lanes)),
            "trace": Out(TraceVector(population, fire_lanes)),
            "trace_valid": Out(1),
            "write": In(fire_lanes if population.bias_width else 0),
            "write_address": In(index_shape(self.channel_vectors)),
            "write_data": In(population.bias_width),
        } | ({"peek": In(1), "read_bias": Out(fire_lanes * population.bias_width)}
             if peek else {}) | output)

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer = sequencer = self.sequencer
        issued = sequencer.vector
        m.d.comb += [
            sequencer.keep.eq(self.keep), sequencer.complete.eq(self.complete),
            self.release.eq(sequencer.release),
            self.last_read.eq(sequencer.last_read), self.read.en.eq(sequencer.en),
            self.read.pass_last.eq(issued.pass_last)]

        # The vector's way down the pipeline.
        at_memories = pipe(m, issued, self.timing.read_latency - MEMORY_LATENCY, "at_memories")
        at_neurons = pipe(m, at_memories, MEMORY_LATENCY, "at_neurons")
        done = pipe(m, at_neurons, self.timing.neuron_latency, "done")
        done_valid = pipe(m, sequencer.en, self.timing.step_latency, "valid", reset=True)

        for k, neuron in enumerate(self.neurons):
            m.submodules[f"neuron_{k}"] = neuron
            m.d.comb += [neuron.i.first.eq(at_neurons.rest), neuron.i.sum.eq(self.sums[k])]
            # A vector's lanes past the last channel do not fire.
            padding = (self.channel_vectors - 1) * self.fire_lanes + k >= self.population.channels
            silent = done.step_last if padding else C(0)
            m.d.comb += [self.trace.levels[k].eq(Mux(silent, 0, neuron.o.level)),
                         self.trace.membranes[k].eq(neuron.o.state.v)]
        if self.state:
            self.connect_state(m, at_memories.row, done_valid, done.row)
        if self.biases:
            self.connect_biases(m, at_memories.address.channel)
        m.d.comb += [self.trace_valid.eq(done_valid), self.trace.address.eq(done.address)]
        sequencer = self.sequencer
        m.d.comb += [sequencer.credit.eq(1), sequencer.pass_credit.eq(1)]
        if self.emits:
            self.connect_emitter(m, done_valid, done)
        if self.classifies:
            self.connect_scores(m, at_memories, at_neurons, done_valid, done)
        return m

    def connect_state(self, m, address, write, write_address):
        m.submodules.state = state = self.state
        m.d.comb += [state.address.eq(address), state.write.eq(write),
                     state.write_address.eq(write_address)]
        for k, neuron in enumerate(self.neurons):
            m.d.comb += [neuron.i.state.eq(state.state[k]), state.new[k].eq(neuron.o.state)]

    def connect_biases(self, m, address):
        m.submodules.biases = biases = self.biases
        if self.can_peek:
            address = Mux(self.peek, self.write_address, address)
            m.d.comb += self.read_bias.eq(biases.bias)
        m.d.comb += [biases.address.eq(address), biases.write.eq(self.write),
                     biases.write_address.eq(self.write_address),
                     biases.write_data.eq(self.write_data)]
        m.d.comb += [neuron.i.bias.eq(bias)
                     for neuron, bias in zip(self.neurons, biases.bias, strict=True)]

    def connect_emitter(self, m, valid, vector):
        """The AER encoder."""
        m.submodules.emitter = emitter = self.emitter
        wiring.connect(m, emitter.o, wiring.flipped(self.o))
        m.d.comb += [
            emitter.valid.eq(valid), emitter.i.levels.eq(self.trace.levels),
            emitter.i.end.eq(vector.step_last), emitter.i.address.eq(vector.address),
            self.sequencer.credit.eq(emitter.credit)]

    def connect_scores(self, m, at_memories, at_neurons, valid, vector):
        """Scores: membranes, or sums of levels; the arg-max over a frame's last pass."""
        m.submodules.arg_max = arg_max = self.arg_max
        wiring.connect(m, arg_max.o, wiring.flipped(self.result))
        population, score, sequencer = self.population, self.score.p, self.sequencer
        m.d.comb += [
            self.score.valid.eq(valid), score.neuron.eq(vector.address.channel),
            score.level.eq(self.trace.levels[0]), score.final.eq(vector.final),
            score.score.eq(self.trace.membranes[0]),
            arg_max.valid.eq(valid & vector.final), arg_max.neuron.eq(score.neuron),
            arg_max.end.eq(vector.step_last), arg_max.score.eq(score.score),
            arg_max.start.eq(sequencer.start & sequencer.vector.final),
            sequencer.pass_credit.eq(arg_max.credit)]
        if population.neuron.quantiser is not None:
            m.submodules.sums = sums = LevelSums(population, self.passes.timesteps,
                                                 self.timing.neuron_latency)
            m.d.comb += [
                sums.address.eq(at_memories.address.channel), sums.first.eq(at_neurons.first),
                sums.level.eq(self.trace.levels[0]), sums.write.eq(valid),
                sums.write_address.eq(vector.address.channel), score.score.eq(sums.o)]
