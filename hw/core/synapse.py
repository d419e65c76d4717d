"""A synapse: every event is added to its fan-out, ``lanes`` channels a cycle."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_space
from .address_decoder import AddressDecoder, FanOut
from .address_generator import AddressGenerator
from .burst import BurstExpander
from .checks import check
from .counters import COUNTERS, Counter
from .lanes import Lanes
from .payloads import Event, Issue, pipe
from .weights import WeightMemory

__all__ = ["COUNTERS", "SynapseCore"]


class SynapseCore(wiring.Component):
    """AER stream in, addends and their accumulator addresses out.

    Address decoder, burst expander, address generator, weight memory and lanes, one behind the
    other.  A step of a digit, and an EOT marker, go down the pipeline as::

        t      digit at the address generator: weight and accumulator address
        t + 1  issue valid; weight memory addressed
        t + 3  weights at the lanes
        t + 5  addends, carry

    A digit takes as many cycles as :meth:`qblif.hw.layout.scatter.ScatterMap.steps` says, an EOT
    one; there is no idle cycle between them while events come.  An EOT stalls while
    ``reach.unread`` earlier timesteps of sums are still unread; with a single buffer of
    accumulators, so does every digit.

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
        Control for the accumulators, :attr:`Lanes.latency` cycles before the addends.
    addends, carry : ``Out``
        See :class:`qblif.hw.core.lanes.Lanes`.
    release : ``In(1)``
        A pulse: the sums of one timestep have been read.
    write, write_address, write_data : ``In``
        See :class:`qblif.hw.core.weights.WeightMemory`.
    events, words : ``Out(32)``
        Totals since ``clear``: events taken, and lane-cycles (steps of ``lanes`` synaptic
        operations).
    clear : ``In(1)``
    peek : ``In(1)``, read : ``Out(lanes * w_width)``
        With ``peek``: the weights at ``write_address``, three cycles later, at rest.
    """

    def __init__(self, reach, *, source_shape, levels, w_width, mode="shift", init=None,
                 memory="block", peek=False):
        self.reach = reach
        self.can_peek = peek
        self.decoder = AddressDecoder(reach, source_shape, levels[-1])
        self.expander = BurstExpander(FanOut(reach), levels, mode)
        self.generator = AddressGenerator(reach)
        self.lanes = Lanes(lanes=reach.lanes, w_width=w_width, digit_set=self.expander.digit_set)
        self.memory = WeightMemory(
            depth=reach.depth, lanes=reach.lanes, w_width=w_width, memory=memory,
            init=None if init is None else reach.weight_words(init).tolist())
        self.counters = {name: Counter() for name in COUNTERS}
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
        m.submodules.decoder = decoder = self.decoder
        m.submodules.expander = expander = self.expander
        m.submodules.generator = generator = self.generator
        wiring.connect(m, wiring.flipped(self.i), decoder.i)
        wiring.connect(m, decoder.o, expander.i)
        digit = expander.o

        # Credit: timesteps whose sums are complete, or will be, and wait for their update pass.
        unread = Signal(range(self.reach.unread + 1))
        free = unread != self.reach.unread
        go = free if self.reach.banks == 1 else C(1)
        step = digit.valid & ~digit.p.end & go
        end = digit.valid & digit.p.end & free
        m.d.comb += [generator.base.eq(digit.p.base), generator.step.eq(step),
                     digit.ready.eq(Mux(digit.p.end, free, generator.last & go))]
        m.d.sync += unread.eq(unread + end - self.release)
        check(m, platform, ~self.release | (unread != 0), "sums released that were never complete")

        # `first` marks the steps of a timestep's first digit, whose accumulators hold no sum yet.
        first = Signal(init=1)
        with m.If(end | step & generator.last):
            m.d.sync += first.eq(end)
        m.d.sync += [self.issue.valid.eq(step), self.issue.end.eq(end), self.issue.first.eq(first),
                     self.issue.word.eq(generator.word)]

        self.connect_lanes(m, digit.p, generator.weight)
        pulses = {"events": self.i.valid & self.i.ready & ~self.i.p.end, "words": step}
        for name, counter in self.counters.items():
            m.submodules[f"count_{name}"] = counter
            m.d.comb += [counter.pulse.eq(pulses[name]), counter.clear.eq(self.clear),
                         getattr(self, name).eq(counter.total)]
        return m

    def connect_lanes(self, m, digit, address):
        """From the address of a weight to its addend."""
        m.submodules.memory = weights = self.memory
        m.submodules.lanes = lanes = self.lanes
        m.d.comb += [
            weights.write.eq(self.write), weights.write_address.eq(self.write_address),
            weights.write_data.eq(self.write_data), lanes.weights.eq(weights.weights),
            lanes.shift.eq(pipe(m, digit.shift, 1, "shift")),
            lanes.negative.eq(pipe(m, digit.negative, 1, "negative")),
            self.addends.eq(lanes.addends), self.carry.eq(lanes.carry)]
        m.d.sync += weights.address.eq(address)
        if self.can_peek:
            m.d.comb += self.read.eq(weights.weights)
            with m.If(self.peek):
                m.d.sync += weights.address.eq(self.write_address)
