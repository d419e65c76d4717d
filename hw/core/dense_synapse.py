"""The synapse of a dense engine: every event is added to all neurons, ``lanes`` of them a cycle."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_space
from .address_decoder import AddressDecoder, FanOut
from .burst import BurstExpander
from .checks import check
from .counters import COUNTERS, Counter
from .lanes import Lanes
from .payloads import Event, Issue, index_shape, pipe
from .weights import WeightMemory

__all__ = ["DenseSynapse"]


class DenseSynapse(wiring.Component):
    """AER stream in, addends and their accumulator addresses out.

    Address decoder, burst expander, word counter, weight memory and lanes, one behind the other.  A
    word of a digit, and an end, go down the pipeline as::

        t      digit at the word counter: weight and accumulator address
        t + 1  issue valid; weight memory addressed
        t + 3  weights at the lanes
        t + 5  addends, carry

    A digit takes a cycle for each word, an end one; there is no idle cycle between them while
    events come.  An end stalls while earlier sums are still unread.

    Parameters
    ----------
    dense : :class:`qblif.hw.layout.dense.DenseMap`
    source_shape : tuple
    levels : every level of the source, in order
    w_width : int
    sets : int
        See :class:`qblif.hw.core.address_decoder.AddressDecoder`.
    mode : ``"shift"`` or ``"repeat"``
    init : tensor of weights to bake in, or ``None``
    memory : one of :data:`qblif.hw.layout.memories.MEMORIES`, where the weights lie
    peek : whether the weights can be read back

    Members
    -------
    i : ``In(stream.Signature(Event(sources, largest level)))``
    issue : ``Out(Issue(words, sets))``
        Control for the accumulators, :attr:`Lanes.latency` cycles before the addends.
    addends, carry : ``Out``
        See :class:`qblif.hw.core.lanes.Lanes`.
    release : ``In(1)``
        A pulse: the sums of one end have been read.
    write, writing, write_address, write_data : ``In``
        See :class:`qblif.hw.core.weights.WeightMemory`.
    events, words : ``Out(32)``
        Totals since ``clear``: events taken, and lane-cycles (words of ``lanes`` synaptic
        operations).
    clear : ``In(1)``
    peek : ``In(1)``, read : ``Out(lanes * w_width)``
        With ``peek``: the weights at ``write_address``, three cycles later, at rest.
    """

    def __init__(self, dense, *, source_shape, levels, w_width, sets=1, mode="shift", init=None,
                 memory="block", peek=False):
        self.dense = dense
        self.sets = sets
        self.can_peek = peek
        self.decoder = AddressDecoder(dense, source_shape, levels[-1], sets)
        self.expander = BurstExpander(FanOut(dense, sets), levels, mode)
        self.lanes = Lanes(lanes=dense.lanes, w_width=w_width, digit_set=self.expander.digit_set)
        self.memory = WeightMemory(
            depth=dense.depth, lanes=dense.lanes, w_width=w_width, memory=memory,
            init=None if init is None else dense.weight_words(init).tolist())
        self.counters = {name: Counter() for name in COUNTERS}
        super().__init__({
            "i": In(stream.Signature(Event(address_space(source_shape), levels[-1]))),
            "issue": Out(Issue(dense.words, sets)),
            "addends": Out(self.lanes.addends.shape()),
            "carry": Out(1),
            "release": In(1),
            "write": In(self.memory.slices), "writing": In(1),
            "write_address": In(self.memory.write_address.shape()),
            "write_data": In(self.memory.slice_width),
            "clear": In(1),
        } | {name: Out(32) for name in COUNTERS}
            | ({"peek": In(1), "read": Out(dense.lanes * w_width)} if peek else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = self.decoder
        m.submodules.expander = expander = self.expander
        wiring.connect(m, wiring.flipped(self.i), decoder.i)
        wiring.connect(m, decoder.o, expander.i)
        digit = expander.o

        # Credit: sums that are complete, or will be, and wait for their update pass.
        unread = Signal()
        step = digit.valid & ~digit.p.end
        end = digit.valid & digit.p.end & ~unread
        word, last, address = self.count_words(m, step, digit.p.base.weight)
        m.d.comb += digit.ready.eq(Mux(digit.p.end, ~unread, last))
        m.d.sync += unread.eq(unread + end - self.release)
        check(m, platform, ~self.release | unread, "sums released that were never complete")

        # `first` marks the words of a set's first digit, whose accumulators hold no sum yet.
        first = Signal(self.sets, init=(1 << self.sets) - 1)
        with m.If(end):
            m.d.sync += first.eq((1 << self.sets) - 1)
        with m.Elif(step & last):
            m.d.sync += first.bit_select(digit.p.base.set, 1).eq(0)
        m.d.sync += [self.issue.valid.eq(step), self.issue.end.eq(end), self.issue.first.eq(first),
                     self.issue.word.eq(word), self.issue.set.eq(digit.p.base.set)]

        self.connect_lanes(m, digit.p, address)
        pulses = {"events": self.i.valid & self.i.ready & ~self.i.p.end, "words": step}
        for name, counter in self.counters.items():
            m.submodules[f"count_{name}"] = counter
            m.d.comb += [counter.pulse.eq(pulses[name]), counter.clear.eq(self.clear),
                         getattr(self, name).eq(counter.total)]
        return m

    def count_words(self, m, step, base):
        """``(word, last, address of its weights)`` of a digit whose first weights are at ``base``:
        each ``step`` goes on by a word, behind the last one to the next digit."""
        words = self.dense.words
        word = Signal(index_shape(words))
        if words == 1:
            return word, C(1), base
        offset, last = Signal.like(base), Signal()
        m.d.comb += last.eq(word == words - 1)
        with m.If(step):
            m.d.sync += [word.eq(Mux(last, 0, word + 1)),
                         offset.eq(Mux(last, 0, offset + self.dense.source[0]))]
        return word, last, (base + offset)[:len(base)]

    def connect_lanes(self, m, digit, address):
        """From the address of a weight to its addend."""
        m.submodules.memory = weights = self.memory
        m.submodules.lanes = lanes = self.lanes
        m.d.comb += [
            weights.write.eq(self.write), weights.writing.eq(self.writing),
            weights.write_address.eq(self.write_address),
            weights.write_data.eq(self.write_data), lanes.weights.eq(weights.weights_0),
            lanes.shift.eq(pipe(m, digit.shift, 1, "shift")),
            lanes.negative.eq(pipe(m, digit.negative, 1, "negative")),
            self.addends.eq(lanes.addends), self.carry.eq(lanes.carry)]
        m.d.sync += weights.address_0.eq(address)
        if self.can_peek:
            m.d.comb += self.read.eq(weights.weights_0)
            with m.If(self.peek):
                m.d.sync += weights.address_0.eq(self.write_address)
