"""A population: updates its neurons once a timestep, remembers their membranes, emits bursts."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_space
from .emitter import Emitter
from .neuron import NeuronCore, NeuronState
from .neuron_memories import BiasMemories, StateMemory
from .payloads import Event, SumsRead, TraceVector, index_shape, pipe
from .readout import ArgMax, ClassResult
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

    Members
    -------
    complete : ``In(engines)``, release : ``Out(engines)``
        Pulses: currents of an engine are complete, have been read.
    read : ``Out(SumsRead())``, last_read : ``Out(engines)``
        Control of the engines' read port, see
        :class:`qblif.hw.core.dense_engine.DenseEngineCore`.
    sums : ``In(data.ArrayLayout(signed(sum_width), fire_lanes))``
        Those of all engines together, ``timing.read_latency`` cycles after ``read``.
    o : bursts ``Out(stream.Signature(Event(...)))``, or of a read-out the class
        ``Out(stream.Signature(ClassResult(size)))``
    trace : ``Out(TraceVector)`` with ``trace_valid``; every level and membrane, for test benches
    write : ``In(fire_lanes)``, write_address, write_data : bias memories
    peek : ``In(1)``, read_bias : ``Out``
        With ``peek``: the biases at ``write_address``, two cycles later, at rest.
    """

    def __init__(self, population, *, timing, static, unread, quantiser="slice", bias=None,
                 small_rows=0, peek=False):
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
        self.fires = population.neuron.quantiser is not None
        if self.fires:
            self.output = Emitter(population.shape, population.emit_max, fire_lanes, timing)
        else:
            self.output = ArgMax(population.size, population.neuron.v_width)
        engines = len(static)
        super().__init__({
            "complete": In(engines), "release": Out(engines),
            "read": Out(SumsRead()), "last_read": Out(engines),
            "sums": In(data.ArrayLayout(signed(population.sum_width), fire_lanes)),
            "o": Out(stream.Signature(Event(address_space(population.shape), population.emit_max)
                                      if self.fires else ClassResult(population.size))),
            "trace": Out(TraceVector(population, fire_lanes)),
            "trace_valid": Out(1),
            "write": In(fire_lanes if population.bias_width else 0),
            "write_address": In(index_shape(self.channel_vectors)),
            "write_data": In(population.bias_width),
        } | ({"peek": In(1), "read_bias": Out(fire_lanes * population.bias_width)}
             if peek else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer = sequencer = self.sequencer
        issued = sequencer.vector
        m.d.comb += [
            sequencer.complete.eq(self.complete), self.release.eq(sequencer.release),
            self.last_read.eq(sequencer.last_read), self.read.en.eq(sequencer.en),
            self.read.pass_last.eq(issued.pass_last)]

        # The vector's way down the pipeline.
        at_memories = pipe(m, issued, self.timing.read_latency - MEMORY_LATENCY, "at_memories")
        at_neurons = pipe(m, at_memories, MEMORY_LATENCY, "at_neurons")
        done = pipe(m, at_neurons, self.timing.neuron_latency, "done")
        done_valid = pipe(m, sequencer.en, self.timing.step_latency, "valid", reset=True)

        for k, neuron in enumerate(self.neurons):
            m.submodules[f"neuron_{k}"] = neuron
            m.d.comb += [neuron.i.first.eq(at_neurons.first), neuron.i.sum.eq(self.sums[k])]
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
        self.connect_output(m, done_valid, done)
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

    def connect_output(self, m, valid, vector):
        """The AER encoder; of a read-out, the arg-max over a frame's last pass."""
        m.submodules.output = output = self.output
        sequencer = self.sequencer
        wiring.connect(m, output.o, wiring.flipped(self.o))
        if self.fires:
            m.d.comb += [
                output.valid.eq(valid), output.i.levels.eq(self.trace.levels),
                output.i.end.eq(vector.step_last), output.i.address.eq(vector.address),
                sequencer.pass_credit.eq(1), sequencer.credit.eq(output.credit)]
        else:
            m.d.comb += [
                output.valid.eq(valid & vector.final), output.neuron.eq(vector.address.channel),
                output.end.eq(vector.step_last), output.v.eq(self.trace.membranes[0]),
                output.start.eq(sequencer.start & sequencer.vector.final),
                sequencer.pass_credit.eq(output.credit), sequencer.credit.eq(1)]
