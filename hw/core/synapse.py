"""Synapses: every event is added to all that it reaches, ``lanes`` channels a cycle."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_bits, address_space
from .burst import BurstExpander
from .lanes import Lanes
from .payloads import Event, Issue, index_shape, pipe
from .weights import WeightMemory

__all__ = ["COUNTERS", "Place", "SynapseCore"]

COUNTERS = ("events", "words")


class Place(data.StructLayout):
    """Where an event goes: its first weight, its first word of sums, and how many rows and columns
    of the target follow the first."""

    def __init__(self, reach):
        super().__init__({
            "weight": index_shape(reach.depth), "word": index_shape(reach.positions * reach.groups),
            "rows": range(max(span.count for span in reach.rows)),
            "columns": range(max(span.count for span in reach.columns))})


class SynapseCore(wiring.Component):
    """Walk each digit of each event over the words that it reaches.

    A digit takes as many cycles as :meth:`qblif.hw.layout.scatter.ScatterMap.steps` says, an end
    one; there is no idle cycle between them while events come.  An end waits while the sums of
    ``reach.unread`` ends before it have not been read; with one bank, so does every digit.

    Parameters
    ----------
    reach : :class:`qblif.hw.layout.scatter.ScatterMap`
    source_shape : tuple
    levels : every level of the source, in order
    w_width : int
    mode : ``"shift"`` or ``"repeat"``
    init : tensor of weights to bake in, or ``None``
    memory : one of :data:`qblif.hw.layout.memories.MEMORIES`, where the weights lie
    peek : whether the weights can be read back

    Members
    -------
    i : ``In(stream.Signature(Event(sources, largest level)))``
    issue : ``Out(Issue(words))``
        Control for the sums, :attr:`Lanes.latency` cycles before the addends.
    addends, carry : ``Out``
        See :class:`qblif.hw.core.lanes.Lanes`.
    release : ``In(1)``
        A pulse: the sums of an end have been read.
    write, write_address, write_data : ``In``
        See :class:`qblif.hw.core.weights.WeightMemory`.
    events, words : ``Out(32)``
        Totals since ``clear``: events taken, and words of ``lanes`` synaptic operations.
    clear : ``In(1)``
    peek : ``In(1)``, read : ``Out(lanes * w_width)``
        With ``peek``: the weights at ``write_address``, three cycles later, at rest.
    """

    def __init__(self, reach, *, source_shape, levels, w_width, mode="shift", init=None,
                 memory="block", peek=False):
        self.reach = reach
        self.source_shape = source_shape
        self.can_peek = peek
        self.place = Place(reach)
        self.expander = BurstExpander(self.place, levels, mode)
        self.lanes = Lanes(lanes=reach.lanes, w_width=w_width, digit_set=self.expander.digit_set)
        self.memory = WeightMemory(
            depth=reach.depth, lanes=reach.lanes, w_width=w_width, memory=memory,
            init=None if init is None else reach.weight_words(init).tolist())
        super().__init__({
            "i": In(stream.Signature(Event(address_space(source_shape), levels[-1]))),
            "issue": Out(Issue(reach.positions * reach.groups)),
            "addends": Out(self.lanes.addends.shape()),
            "carry": Out(1),
            "release": In(1),
            "write": In(self.memory.slices),
            "write_address": In(self.memory.address.shape()),
            "write_data": In(self.memory.slice_width),
            "clear": In(1),
        } | {name: Out(32) for name in COUNTERS}
            | ({"peek": In(1), "read": Out(reach.lanes * w_width)} if peek else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.expander = expander = self.expander
        m.submodules.memory = weights = self.memory
        m.submodules.lanes = lanes = self.lanes
        self.locate(m, expander.i)
        digit = expander.o
        m.d.comb += [weights.write.eq(self.write), weights.write_address.eq(self.write_address),
                     weights.write_data.eq(self.write_data), lanes.weights.eq(weights.weights),
                     self.addends.eq(lanes.addends), self.carry.eq(lanes.carry)]

        # An end, or all, waits for a bank of sums.
        unread = Signal(range(self.reach.unread + 1))
        free = unread != self.reach.unread
        go = free if self.reach.banks == 1 else C(1)
        end = digit.valid & digit.p.end & free
        step = digit.valid & ~digit.p.end & go
        weight, word, last = self.walk(m, step, digit.p.place)
        m.d.comb += digit.ready.eq(Mux(digit.p.end, free, last & go))
        m.d.sync += unread.eq(unread + end - self.release)

        # Issue: the weight memory's address, and the control that travels beside the weights.
        m.d.sync += [self.issue.valid.eq(step), self.issue.end.eq(end), self.issue.word.eq(word),
                     weights.address.eq(weight)]
        self.mark_first(m, step & last, end)
        if self.can_peek:
            m.d.comb += self.read.eq(weights.weights)
            with m.If(self.peek):
                m.d.sync += weights.address.eq(self.write_address)
        m.d.comb += [lanes.shift.eq(pipe(m, digit.p.shift, 1, "shift")),
                     lanes.negative.eq(pipe(m, digit.p.negative, 1, "negative"))]

        self.count(m, events=self.i.valid & self.i.ready & ~self.i.p.end, words=step)
        return m

    def count(self, m, **pulses):
        for name, pulse in pulses.items():
            total = getattr(self, name)
            m.d.sync += total.eq(Mux(self.clear, 0, total + pulse))

    def locate(self, m, o):
        """Events to places: through a register and tables where the source is a map."""
        i, reach = self.i, self.reach
        if not reach.needs_tables:
            m.d.comb += [o.valid.eq(i.valid), i.ready.eq(o.ready), o.p.place.weight.eq(
                i.p.address), o.p.level.eq(i.p.level), o.p.end.eq(i.p.end)]
            return
        channel, column, row = (self.cut(i.p.address, at) for at in range(3))
        per_tap = reach.slots * reach.source[0]
        rows, columns = reach.synapse.kernel[1] * per_tap, per_tap
        across = reach.target[2] * reach.groups
        valid, end = Signal(), Signal()
        level = Signal.like(i.p.level)
        with m.If(o.ready | ~valid):
            m.d.comb += i.ready.eq(1)
            m.d.sync += [valid.eq(i.valid), end.eq(i.p.end), level.eq(i.p.level)]
        row_weight, row_word, row_count = look_up(m, i.ready, row, "row", [
            (s.tap * rows, s.first * across, s.count) for s in reach.rows])
        column_weight, column_word, column_count = look_up(m, i.ready, column, "column", [
            (s.tap * columns, s.first * reach.groups, s.count) for s in reach.columns])
        word, = look_up(m, i.ready, channel, "channel", [(word,) for word in reach.words])
        channel_then = Signal.like(channel)
        with m.If(i.ready):
            m.d.sync += channel_then.eq(channel)
        place = o.p.place
        m.d.comb += [
            o.valid.eq(valid & (end | (row_count != 0) & (column_count != 0))),
            o.p.end.eq(end), o.p.level.eq(level),
            place.weight.eq(row_weight + column_weight + channel_then),
            place.word.eq(row_word + column_word + word),
            place.rows.eq(row_count - 1), place.columns.eq(column_count - 1)]

    def cut(self, address, field):
        bits = address_bits(self.source_shape)
        return address[sum(bits[:field]):sum(bits[:field + 1])]

    def walk(self, m, step, place):
        """Loops over rows, columns and words, the last innermost; returns the weight, the word of
        sums, and whether the digit ends."""
        reach = self.reach
        per_tap = reach.slots * reach.source[0]
        down, right = reach.synapse.stride
        loops = [  # Name, last count, steps of weight and word.
            ("slot", C(reach.slots - 1), reach.source[0], 1),
            ("column", place.columns, -right * per_tap, reach.groups),
            ("row", place.rows, -down * reach.synapse.kernel[1] * per_tap,
             reach.target[2] * reach.groups)]
        most = [reach.slots, max(s.count for s in reach.columns), max(s.count for s in reach.rows)]
        weight = Signal.like(place.weight)  # Offsets, modulo the memory's address.
        word = Signal.like(place.word)
        done = C(1)
        again = []  # What the loops inside of a loop start with.
        for (name, last, weights, words), count in zip(loops, most, strict=True):
            if count <= 1:
                continue
            at = Signal(range(count), name=name)
            weight_here = Signal.like(weight, name=f"{name}_weight") if again else weight
            word_here = Signal.like(word, name=f"{name}_word") if again else word
            again.append((weight_here, word_here))
            with m.If(step & done):
                m.d.sync += [at.eq(0)]
                with m.If(at != last):
                    m.d.sync += at.eq(at + 1)
                    for weight_, word_ in again:
                        m.d.sync += [weight_.eq(weight_here + weights), word_.eq(word_here + words)]
            done = done & (at == last)
        with m.If(step & done):
            for weight_, word_ in again:
                m.d.sync += [weight_.eq(0), word_.eq(0)]
        return place.weight + weight, place.word + word, done

    def mark_first(self, m, digit, end):
        """The first digit since an end, for sums that have no zeros to start from."""
        first = Signal(init=1)
        m.d.sync += self.issue.first.eq(first)
        with m.If(digit):
            m.d.sync += first.eq(0)
        with m.If(end):
            m.d.sync += first.eq(1)


def look_up(m, enable, index, name, rows):
    """``rows[index]`` in registers, zeros where there is no such row; a column that never changes
    is a constant."""
    found = [C(column[0]) if len(set(column)) == 1 and len(rows) == 1 << len(index)
             else Signal(range(max(column) + 1), name=f"{name}_{k}")
             for k, column in enumerate(zip(*rows, strict=True))]
    with m.If(enable), m.Switch(index):
        for key, row in enumerate(rows):
            with m.Case(key):
                m.d.sync += [value.eq(n) for value, n in zip(found, row, strict=True)
                             if isinstance(value, Signal)]
        with m.Default():
            m.d.sync += [value.eq(0) for value in found if isinstance(value, Signal)]
    return found
