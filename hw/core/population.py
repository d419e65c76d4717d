"""A population: sweeps its neurons once a timestep, remembers their membranes, emits bursts."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec import as_map
from ..layout.addressing import address_bits, address_space, lane_bits
from ..layout.memories import SMALL_ROWS, pack
from .emitter import Emitter
from .neuron import NeuronCore
from .payloads import ANY_RAM, BLOCK_RAM, Event, TraceBeat, index_shape, pipe
from .readout import ArgMax, ClassResult

__all__ = ["PopulationCore"]


class PopulationCore(wiring.Component):
    """The fire pass: ``fire_lanes`` neurons a cycle, in order.

    A pass starts when a timestep's sums are ready, and takes ``timing.pass_cycles``, or longer
    where the emitter has no room for another beat.  The sums of a static input serve all timesteps
    of a frame.

    Parameters
    ----------
    population : :class:`qblif.golden.spec.Population`
    timesteps : int
        A frame's.
    timing : :class:`qblif.hw.layout.latency.StageTiming`
    static : sequence of bool
        Which of the synapses have a static input.
    unread : sequence of int
        How many timesteps' sums of each synapse may wait.
    fire_lanes : int
    quantiser : ``"slice"`` or ``"ladder"``
    bias : array of the population's biases to bake in, or ``None``
    peek : whether the biases can be read back

    Members
    -------
    ready : ``In(synapses)``, release : ``Out(synapses)``
        Pulses from and to each synapse's sums: complete, have been read.
    next, turn, restart : ``Out(1)``, last_use : ``Out(synapses)``
    sums : ``In(data.ArrayLayout(signed(sum_width), fire_lanes))``
        Read port of the sums, see :class:`qblif.hw.core.accumulators.Accumulators`; those of all
        synapses together.
    o : bursts ``Out(stream.Signature(Event(...)))``, or of a read-out the class
        ``Out(stream.Signature(ClassResult(size)))``
    trace : ``Out(TraceBeat)`` with ``trace_valid``; every level and membrane, for test benches
    write : ``In(fire_lanes)``, write_address, write_data : bias memories
    peek : ``In(1)``, read : ``Out``
        With ``peek``: the biases at ``write_address``, two cycles later, at rest.
    """

    def __init__(self, population, *, timesteps, timing, static, unread, fire_lanes,
                 quantiser="slice", bias=None, peek=False):
        self.population = population
        self.timesteps = timesteps
        self.timing = timing
        self.static = static
        self.unread = unread
        self.fire_lanes = fire_lanes
        self.bias = bias
        self.can_peek = peek
        self.neurons = [NeuronCore(population, quantiser) for _ in range(fire_lanes)]
        self.beats = timing.beats
        self.channel_beats = -(-population.channels // fire_lanes)
        fires = population.neuron.quantiser is not None
        super().__init__({
            "ready": In(len(static)),
            "release": Out(len(static)),
            "next": Out(1), "turn": Out(1), "restart": Out(1), "last_use": Out(len(static)),
            "sums": In(data.ArrayLayout(signed(population.sum_width), fire_lanes)),
            "o": Out(stream.Signature(Event(address_space(population.shape), population.emit_max)
                                      if fires else ClassResult(population.size))),
            "trace": Out(TraceBeat(population, fire_lanes)),
            "trace_valid": Out(1),
            "write": In(fire_lanes if population.bias_width else 0),
            "write_address": In(index_shape(self.channel_beats)),
            "write_data": In(population.bias_width),
        } | ({"peek": In(1), "read": Out(fire_lanes * population.bias_width)} if peek else {}))

    def elaborate(self, platform):
        m = Module()
        beat, place, control = self.sweep(m)

        # Read: the state comes two cycles after its address, the sums after ``read_latency``.
        lead = self.timing.read_latency - 2
        beat_read = pipe(m, beat, lead, "beat_read")
        channel_read = pipe(m, place.channel, lead, "channel_read")
        first = pipe(m, control.first, self.timing.read_latency, "first")
        remembers = self.timesteps > 1  # Otherwise each step starts from nothing.
        if remembers:
            state, write_state = self.state_memory(m, beat_read)
        biases = self.bias_memories(m, Mux(self.peek, self.write_address, channel_read)
                                    if self.can_peek else channel_read)
        if self.can_peek and self.population.bias_width:
            m.d.comb += self.read.eq(Cat(biases))
        for k, neuron in enumerate(self.neurons):
            m.submodules[f"neuron_{k}"] = neuron
            if remembers:
                m.d.comb += [neuron.i.v.eq(state[k].v), neuron.i.fired.eq(state[k].fired)]
            m.d.comb += [neuron.i.first.eq(first),
                         neuron.i.sum.eq(self.sums[k]), neuron.i.bias.eq(biases[k])]

        # Write back, show and pass on what the neurons did.
        done = pipe(m, self.next, self.timing.step_latency, "done", reset=True)
        beat_done = pipe(m, beat_read, self.timing.step_latency - lead, "beat_done")
        turn = pipe(m, self.turn, self.timing.step_latency, "turn")
        m.d.comb += [self.trace_valid.eq(done), self.trace.beat.eq(beat_done)]
        if remembers:
            m.d.comb += [write_state.en.eq(done), write_state.addr.eq(beat_done)]
        for k, neuron in enumerate(self.neurons):
            level = Mux(turn & self.is_padding(k), 0, neuron.o.level)
            m.d.comb += [self.trace.levels[k].eq(level), self.trace.membranes[k].eq(neuron.o.v)]
            if remembers:
                m.d.comb += [write_state.data[k].v.eq(neuron.o.v),
                             write_state.data[k].fired.eq(neuron.o.level != 0)]
        self.emit(m, control, done, beat_done, place)
        return m

    def is_padding(self, k):
        """Whether fire lane ``k`` of a position's last beat lies past the last channel."""
        return (self.channel_beats - 1) * self.fire_lanes + k >= self.population.channels

    def sweep(self, m):
        """Counters of the pass; returns the beat, its place, and the pass's control."""
        have = [Signal(range(most + 1), name=f"have_{k}") for k, most in enumerate(self.unread)]
        running, reading = Signal(), Signal()
        slot = Signal(range(self.timing.pass_cycles))
        timestep = Signal(index_shape(self.timesteps))
        control = Signal(data.StructLayout({"first": 1, "final": 1, "credit": 1, "room": 1,
                                            "start": 1}))
        last = slot == self.beats - 1
        m.d.comb += [
            control.first.eq(timestep == 0), control.final.eq(timestep == self.timesteps - 1),
            control.start.eq(Cat(count != 0 for count in have).all() & ~running & control.credit),
            self.next.eq(reading & control.room), self.restart.eq(last),
            self.last_use.eq(Cat(control.final if static else C(1) for static in self.static)),
            self.release.eq(Mux(self.next & last, self.last_use, 0))]

        m.d.sync += [count.eq(count + ready - release) for count, ready, release
                     in zip(have, self.ready, self.release, strict=True)]
        with m.If(control.start):
            m.d.sync += [running.eq(1), reading.eq(1)]
        with m.If(self.next | running & ~reading):
            m.d.sync += slot.eq(slot + 1)
            with m.If(last):
                m.d.sync += reading.eq(0)
            with m.If(slot == self.timing.pass_cycles - 1):
                m.d.sync += [running.eq(0), slot.eq(0),
                             timestep.eq(Mux(control.final, 0, timestep + 1))]
        return slot[:len(self.trace.beat)], self.count_places(m), control

    def count_places(self, m):
        """Channel, column and row of the beat, as the fields of an address without its lane."""
        channels, rows, columns = as_map(self.population.shape)
        widths = list(address_bits(self.population.shape))
        widths[0] -= lane_bits(self.population.shape, self.fire_lanes)
        place = Signal(data.StructLayout(dict(zip(("channel", "column", "row"), widths,
                                                  strict=True))))
        turn = place.channel == self.channel_beats - 1
        m.d.comb += self.turn.eq(turn)
        carry = self.next
        for field, count in (("channel", self.channel_beats), ("column", columns), ("row", rows)):
            if count > 1:
                at_end = place[field] == count - 1
                with m.If(carry):
                    m.d.sync += place[field].eq(Mux(at_end, 0, place[field] + 1))
                carry = carry & at_end
        return place

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
                shape=unsigned(width), depth=max(2, self.channel_beats), init=init,
                attrs=BLOCK_RAM if self.channel_beats > SMALL_ROWS else ANY_RAM)
            read, write = cells.read_port(), cells.write_port()
            m.d.comb += [read.addr.eq(address), write.en.eq(self.write[k]),
                         write.addr.eq(self.write_address), write.data.eq(self.write_data)]
            m.d.sync += bias.eq(read.data)
        return biases

    def emit(self, m, control, done, beat, place):
        population, latency = self.population, self.timing.step_latency
        end = pipe(m, self.restart, latency, "end")
        if population.neuron.quantiser is None:
            m.submodules.argmax = sink = ArgMax(population.size, population.neuron.v_width)
            m.d.comb += [
                sink.valid.eq(done & pipe(m, control.final, latency, "final")),
                sink.beat.eq(beat), sink.end.eq(end), sink.v.eq(self.trace.membranes[0]),
                sink.start.eq(control.start & control.final),
                control.credit.eq(sink.credit), control.room.eq(1)]
        else:
            m.submodules.emitter = sink = Emitter(population.shape, population.emit_max,
                                                  self.fire_lanes, self.timing)
            m.d.comb += [
                sink.valid.eq(done), sink.i.levels.eq(self.trace.levels), sink.i.end.eq(end),
                sink.i.place.eq(pipe(m, place.as_value(), latency, "place")),
                control.credit.eq(1), control.room.eq(sink.room)]
        wiring.connect(m, sink.o, wiring.flipped(self.o))
