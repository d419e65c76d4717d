"""A population: sweeps its neurons once a timestep, remembers their membranes, emits bursts."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .emitter import Emitter
from .layouts import BLOCK_RAM, Event, TraceBeat, index_shape, pipe
from .load import pack
from .neuron import Neuron
from .readout import ArgMax, Result

__all__ = ["Population"]


class Population(wiring.Component):
    """The fire pass: ``fire_lanes`` neurons a cycle, in order.

    A pass starts when a timestep's sums are ready and its emitter has credit, takes
    ``timing.pass_cycles`` and is never interrupted.  With ``timing.passes > 1`` (static input) the
    same sums serve that many timesteps.

    Parameters
    ----------
    population : :class:`qblif.golden.spec.Population`
    timesteps : int
        A frame's.
    timing : :class:`qblif.hw.timing.StageTiming`
    lanes, fire_lanes : int
    quantiser : ``"slice"`` or ``"ladder"``
    bias : array of the population's biases to bake in, or ``None``
    peek : whether the biases can be read back

    Members
    -------
    ready, release : pulses from and to the sums: complete, have been read
    word, part, sums : read port of the sums, see :class:`qblif.hw.sums.Sums`
    o : bursts ``Out(stream.Signature(Event(...)))``, or of a read-out the class
        ``Out(stream.Signature(Result(size)))``
    trace : ``Out(TraceBeat)`` with ``trace_valid``; every level and membrane, for test benches
    write : ``In(fire_lanes)``, write_address, write_data : bias memories
    peek : ``In(1)``, read : ``Out``
        With ``peek``: the biases at ``write_address``, two cycles later, at rest.
    """

    def __init__(self, population, *, timesteps, timing, lanes, fire_lanes, quantiser="slice",
                 bias=None, peek=False):
        self.population = population
        self.timesteps = timesteps
        self.timing = timing
        self.lanes = lanes
        self.fire_lanes = fire_lanes
        self.bias = bias
        self.can_peek = peek
        self.neurons = [Neuron(population, quantiser) for _ in range(fire_lanes)]
        self.beats = timing.beats
        fires = population.neuron.quantiser is not None
        super().__init__({
            "ready": In(1),
            "release": Out(1),
            "word": Out(index_shape(timing.groups)),
            "part": Out(index_shape(lanes // fire_lanes)),
            "sums": In(data.ArrayLayout(signed(population.sum_width), fire_lanes)),
            "o": Out(stream.Signature(Event(population.size, population.n_max) if fires
                                      else Result(population.size))),
            "trace": Out(TraceBeat(population, fire_lanes)),
            "trace_valid": Out(1),
            "write": In(fire_lanes if population.bias_width else 0),
            "write_address": In(index_shape(self.beats)),
            "write_data": In(population.bias_width),
        } | ({"peek": In(1), "read": Out(fire_lanes * population.bias_width)} if peek else {}))

    def elaborate(self, platform):
        m = Module()
        beat, reading, control = self.sweep(m)

        # Read: the state comes two cycles after its address, the sums after ``read_latency``.
        lead = self.timing.read_latency - 2
        beat_read = pipe(m, beat, lead, "beat_read")
        first = pipe(m, control.first, self.timing.read_latency, "first")
        state, write_state = self.state_memory(m, beat_read)
        biases = self.bias_memories(m, Mux(self.peek, self.write_address, beat_read)
                                    if self.can_peek else beat_read)
        if self.can_peek and self.population.bias_width:
            m.d.comb += self.read.eq(Cat(biases))
        for k, neuron in enumerate(self.neurons):
            m.submodules[f"neuron_{k}"] = neuron
            m.d.comb += [neuron.i.v.eq(state[k].v), neuron.i.fired.eq(state[k].fired),
                         neuron.i.first.eq(first),
                         neuron.i.sum.eq(self.sums[k]), neuron.i.bias.eq(biases[k])]

        # Write back, show and pass on what the neurons did.
        done = pipe(m, reading, self.timing.step_latency, "done", reset=True)
        beat_done = pipe(m, beat_read, self.timing.step_latency - lead, "beat_done")
        end = pipe(m, control.last, self.timing.step_latency, "end")
        m.d.comb += [write_state.en.eq(done), write_state.addr.eq(beat_done),
                     self.trace_valid.eq(done), self.trace.beat.eq(beat_done)]
        for k, neuron in enumerate(self.neurons):
            level = Mux(end & self.is_padding(k), 0, neuron.o.level)
            m.d.comb += [write_state.data[k].v.eq(neuron.o.v),
                         write_state.data[k].fired.eq(neuron.o.level != 0),
                         self.trace.levels[k].eq(level), self.trace.membranes[k].eq(neuron.o.v)]
        self.emit(m, control, done, beat_done, end)
        return m

    def is_padding(self, k):
        """Whether fire lane ``k`` of the last beat lies past the last neuron."""
        return (self.beats - 1) * self.fire_lanes + k >= self.population.size

    def sweep(self, m):
        """Counters of the pass; returns the beat, whether it is one, and the pass's control."""
        have, running, reading = Signal(), Signal(), Signal()
        slot = Signal(range(self.timing.pass_cycles))
        beat = Signal(index_shape(self.beats))
        timestep = Signal(index_shape(self.timesteps))
        use = Signal(index_shape(self.timing.passes))
        control = Signal(data.StructLayout({"first": 1, "final": 1, "last": 1, "credit": 1,
                                            "start": 1}))
        last_use = use == self.timing.passes - 1
        m.d.comb += [control.first.eq(timestep == 0), control.final.eq(timestep ==
                                                                       self.timesteps - 1),
                     control.last.eq(reading & (beat == self.beats - 1)),
                     control.start.eq(have & ~running & control.credit),
                     self.release.eq(control.last & last_use), beat.eq(slot)]

        with m.If(self.ready):
            m.d.sync += have.eq(1)
        with m.Elif(self.release):
            m.d.sync += have.eq(0)
        with m.If(control.start):
            m.d.sync += [running.eq(1), reading.eq(1)]
        with m.If(running):
            m.d.sync += slot.eq(slot + 1)
            with m.If(control.last):
                m.d.sync += reading.eq(0)
            with m.If(slot == self.timing.pass_cycles - 1):
                m.d.sync += [running.eq(0), slot.eq(0), self.word.eq(0), self.part.eq(0),
                             timestep.eq(Mux(control.final, 0, timestep + 1)),
                             use.eq(Mux(last_use, 0, use + 1))]
            with m.Elif(self.part == self.lanes // self.fire_lanes - 1):
                m.d.sync += [self.part.eq(0), self.word.eq(self.word + 1)]
            with m.Else():
                m.d.sync += self.part.eq(self.part + 1)
        return beat, reading, control

    def state_memory(self, m, address):
        """Membranes and fired flags."""
        neuron = data.StructLayout({"v": signed(self.population.neuron.v_width), "fired": 1})
        row = data.ArrayLayout(neuron, self.fire_lanes)
        # A beat is written before the next pass reads it: see StageTiming.pass_cycles.
        m.submodules.state = cells = memory.Memory(shape=row, depth=max(2, self.beats), init=[],
                                                   attrs=BLOCK_RAM)
        read, write = cells.read_port(), cells.write_port()
        m.d.comb += read.addr.eq(address)
        return pipe(m, read.data, 1, "state"), write

    def bias_memories(self, m, address):
        """One memory a fire lane, each loadable; no memory where there is no bias."""
        width = self.population.bias_width
        biases = []
        for k in range(self.fire_lanes):
            bias = Signal(signed(max(1, width)), name=f"bias_{k}", reset_less=True)
            biases.append(bias)
            if not width:
                continue
            init = [] if self.bias is None else [
                pack([value], width) for value in self.bias[k::self.fire_lanes]]
            m.submodules[f"biases_{k}"] = cells = memory.Memory(
                shape=unsigned(width), depth=max(2, self.beats), init=init,
                attrs=BLOCK_RAM)
            read, write = cells.read_port(), cells.write_port()
            m.d.comb += [read.addr.eq(address), write.en.eq(self.write[k]),
                         write.addr.eq(self.write_address), write.data.eq(self.write_data)]
            m.d.sync += bias.eq(read.data)
        return biases

    def emit(self, m, control, done, beat, end):
        population = self.population
        if population.neuron.quantiser is None:
            final = pipe(m, control.final, self.timing.step_latency, "final")
            m.submodules.argmax = argmax = ArgMax(population.size, population.neuron.v_width)
            m.d.comb += [argmax.valid.eq(done & final), argmax.beat.eq(beat), argmax.end.eq(end),
                         argmax.v.eq(self.trace.membranes[0]),
                         argmax.start.eq(control.start & control.final)]
            sink = argmax
        else:
            m.submodules.emitter = emitter = Emitter(population.size, population.n_max,
                                                     self.fire_lanes)
            m.d.comb += [emitter.valid.eq(done), emitter.i.levels.eq(self.trace.levels),
                         emitter.i.beat.eq(beat), emitter.i.end.eq(end),
                         emitter.start.eq(control.start)]
            sink = emitter
        m.d.comb += control.credit.eq(sink.credit)
        wiring.connect(m, sink.o, wiring.flipped(self.o))
