"""Dense synapses: every event is added to all targets, ``lanes`` of them a cycle."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .burst import BurstExpander
from .lanes import Lanes
from .layouts import Event, Issue, index_shape, pipe
from .load import dense_words
from .weights import WeightMemory

__all__ = ["DenseSynapse"]


class DenseSynapse(wiring.Component):
    """Walk each digit of each event over the groups of targets.

    A digit takes ``groups = ceil(targets / lanes)`` cycles, an end one; there is no idle cycle
    between them while events come.  An end waits until the fire pass has released the sums of
    the end before.

    Group ``g`` of source ``a`` lies at address ``g * sources + a``, so that the walk adds a
    constant to the address and needs no multiplier.

    Parameters
    ----------
    sources, n_max, targets, w_width, lanes : int
    mode : ``"shift"`` or ``"repeat"``
    init : ``(targets, sources)`` array of weights to bake in, or ``None``
    memory : ``"block"`` or ``"spram"``, where the weights lie
    peek : whether the weights can be read back

    Members
    -------
    i : ``In(stream.Signature(Event(sources, n_max)))``
    issue : ``Out(Issue(groups))``
        Control for the sums, :attr:`Lanes.latency` cycles before the addends.
    addends, carry : ``Out``
        See :class:`qblif.hw.lanes.Lanes`.
    release : ``In(1)``
        A pulse: the sums of the last end have been read.
    write, write_address, write_data : ``In``
        See :class:`qblif.hw.weights.WeightMemory`.
    event, digit : ``Out(1)``
        Pulses for the activity counters: an event was taken, a digit was finished.
    peek : ``In(1)``, read : ``Out(lanes * w_width)``
        With ``peek``: the weights at ``write_address``, three cycles later, at rest.
    """

    def __init__(self, *, sources, n_max, targets, w_width, lanes, mode="shift", init=None,
                 memory="block", peek=False):
        self.sources = sources
        self.can_peek = peek
        self.groups = -(-targets // lanes)
        self.expander = BurstExpander(sources, n_max, mode)
        self.lanes = Lanes(lanes=lanes, w_width=w_width, digit_set=self.expander.digit_set)
        self.memory = WeightMemory(
            depth=sources * self.groups, lanes=lanes, w_width=w_width,
            init=None if init is None else dense_words(init, lanes), memory=memory)
        super().__init__({
            "i": In(stream.Signature(Event(sources, n_max))),
            "issue": Out(Issue(self.groups)),
            "addends": Out(self.lanes.addends.shape()),
            "carry": Out(1),
            "release": In(1),
            "write": In(self.memory.slices),
            "write_address": In(self.memory.address.shape()),
            "write_data": In(self.memory.slice_width),
            "event": Out(1),
            "digit": Out(1),
        } | ({"peek": In(1), "read": Out(lanes * w_width)} if peek else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.expander = expander = self.expander
        m.submodules.memory = weights = self.memory
        m.submodules.lanes = lanes = self.lanes
        wiring.connect(m, wiring.flipped(self.i), expander.i)
        digit = expander.o
        m.d.comb += [weights.write.eq(self.write), weights.write_address.eq(self.write_address),
                     weights.write_data.eq(self.write_data), lanes.weights.eq(weights.weights),
                     self.addends.eq(lanes.addends), self.carry.eq(lanes.carry)]

        # Walk: the group and its address offset follow each other.
        group = Signal.like(self.issue.group)
        offset = Signal(index_shape(self.groups * self.sources))
        last = Signal(init=self.groups == 1)
        step = Signal()
        with m.If(step & (self.groups > 1)):
            m.d.sync += last.eq(group == self.groups - 2)
            with m.If(last):
                m.d.sync += [group.eq(0), offset.eq(0)]
            with m.Else():
                m.d.sync += [group.eq(group + 1), offset.eq(offset + self.sources)]

        # An end waits while the sums of the end before are being read.
        reading = Signal()
        first = Signal(init=1)
        end = digit.valid & digit.p.end & ~reading
        m.d.comb += [step.eq(digit.valid & ~digit.p.end), digit.ready.eq(
            Mux(digit.p.end, ~reading, last))]
        with m.If(end):
            m.d.sync += [reading.eq(1), first.eq(1)]
        with m.If(step & last):
            m.d.sync += first.eq(0)
        with m.If(self.release):
            m.d.sync += reading.eq(0)

        # Issue: the weight memory's address, and the control that travels beside the weights.
        m.d.sync += [self.issue.valid.eq(step), self.issue.end.eq(end), self.issue.first.eq(first),
                     self.issue.group.eq(group), weights.address.eq(digit.p.address + offset)]
        if self.can_peek:
            m.d.comb += self.read.eq(weights.weights)
            with m.If(self.peek):
                m.d.sync += weights.address.eq(self.write_address)
        m.d.comb += [lanes.shift.eq(pipe(m, digit.p.shift, 1, "shift")),
                     lanes.negative.eq(pipe(m, digit.p.negative, 1, "negative"))]

        m.d.comb += [self.event.eq(self.i.valid & self.i.ready & ~self.i.p.end),
                     self.digit.eq(step & last)]
        return m
