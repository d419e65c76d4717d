"""One frame through the network: event bytes in, class and cycles out.

The bytes' software twin is :func:`qblif.hw.link.protocol.pack_events`.
"""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec import as_map
from ..core.payloads import Event, pipe
from ..core.queue import EventQueue
from ..core.readout import ClassResult
from ..layout.addressing import address_bits
from ..layout.memories import QUEUE_SLACK, frame_queue_items
from .protocol import level_bits

__all__ = ["Runner"]


class Runner(wiring.Component):
    """Collects a frame's events and plays them to the network without a pause.

    A frame that fits into the queue is played once it is complete, one event a cycle: its cycles
    are those of :mod:`qblif.hw.layout.cycles`.  Playing a longer frame begins when the queue is
    full.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.input_stream.InputFormat`
    classes : int
    reset_cycles : int
        Cycles of the network's reset before a frame, see
        :func:`qblif.hw.layout.latency.reset_cycles`.

    Members
    -------
    start : ``In(1)``
        A pulse: forget everything, reset the network, expect a frame's first byte.
    abort : ``In(1)``
        A pulse: forget everything, reset the network.
    i : ``In(stream.Signature(8))``
        Event bytes.
    finish : ``In(1)``
        High from the frame's last byte on, until ``done`` or ``error``.
    recorded : ``In(1)``
        Whatever is recorded of a frame is there: rows that no window reads may be computed after
        the class is known.
    done, error : ``Out(1)``
        The class is known, all events have been played, ``recorded`` is high and the network's
        counter of cycles has stopped; the bytes were not a frame of this network.
    active : ``Out(1)``
        From ``start`` until ``done`` or ``error``.
    reset : ``Out(1)``
        Resets the network, and with it its counters.
    o : ``Out(stream.Signature(Event(...)))``, result : ``In(stream.Signature(ClassResult(...)))``
        To and from the network.
    label : ``Out``, label_valid : ``Out(1)``
        The class of the last frame, until the next one starts.
    """

    def __init__(self, layout, classes, reset_cycles):
        self.reset_cycles = reset_cycles
        self.layout = layout
        self.n_max, self.size = layout.source.n_max, layout.address_space
        self.ends = layout.ends
        self.queue = EventQueue(Event(self.size, self.n_max), frame_queue_items(layout.transfers))
        result = ClassResult(classes)
        super().__init__({
            "start": In(1), "abort": In(1), "i": In(stream.Signature(8)), "finish": In(1),
            "recorded": In(1, init=1),
            "done": Out(1), "error": Out(1), "active": Out(1), "reset": Out(1, init=1),
            "o": Out(stream.Signature(Event(self.size, self.n_max))),
            "result": In(stream.Signature(result)),
            "label": Out(result["label"].shape), "label_valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = ResetInserter(self.reset)(self.queue)
        taken = pipe(m, self.i.valid & self.i.ready, 1, "taken", reset=True)
        filled, wrong, ended = self.unpack(m, taken, pipe(m, self.i.payload, 1, "byte"))

        playing = Signal()
        m.d.comb += [self.queue.o.ready.eq(playing & self.o.ready),
                     self.o.valid.eq(playing & self.queue.o.valid),
                     self.o.payload.eq(self.queue.o.payload), self.result.ready.eq(1)]
        with m.If(filled >= queue.depth - QUEUE_SLACK):
            m.d.sync += playing.eq(1)

        finished = Signal()
        with m.If(self.result.valid & self.active):
            m.d.sync += [self.label.eq(self.result.p.label), finished.eq(1)]
        with m.If(self.active & self.finish & ~taken & ~self.done & ~self.error):
            with m.If(wrong | ~ended):
                m.d.sync += [self.error.eq(1), self.active.eq(0)]
            with m.Elif(~finished | self.queue.push | (filled != 0)):
                m.d.sync += playing.eq(1)
            with m.Elif(self.recorded):  # Two cycles after the result or later: COUNT_LATENCY.
                m.d.sync += [self.done.eq(1), self.label_valid.eq(1), self.active.eq(0)]

        timer = Signal(range(self.reset_cycles), init=self.reset_cycles - 1)
        m.d.sync += self.reset.eq(timer != 0)
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.If(self.start | self.abort):
            m.d.sync += [timer.eq(self.reset_cycles - 1), self.reset.eq(1),
                         self.active.eq(self.start), self.done.eq(0), self.error.eq(0),
                         self.label_valid.eq(0), playing.eq(0), finished.eq(0)]
        return m

    def unpack(self, m, taken, byte):
        """Bytes to events in the queue; returns how many it holds, whether a byte was wrong, and
        whether every timestep has ended."""
        bits = level_bits(self.n_max)
        level, skip = byte[:bits], byte[bits:]
        address = Signal(range(self.size + 256))
        target = Signal.like(address)
        ends = Signal(range(self.ends + 1))
        wrong, push = Signal(), Signal()
        filled = Signal(range(self.queue.depth + 1))
        item = Signal(self.queue.item.shape())
        end = (level == 0) & (skip == 0)

        m.d.comb += [target.eq(address + skip),
                     self.i.ready.eq(~self.start & ~self.reset & (
                         wrong | (filled < self.queue.depth - QUEUE_SLACK // 2))),
                     self.queue.push.eq(push & ~wrong), self.queue.item.eq(item)]
        m.d.sync += push.eq(0)
        with m.If(taken):
            m.d.sync += [push.eq((level != 0) | end), item.address.eq(target),
                         item.level.eq(level), item.end.eq(end),
                         address.eq(Mux(end, 0, target + (level != 0)))]
            with m.If(end):
                m.d.sync += ends.eq(ends + 1)
            with m.If((ends == self.ends) | (level > self.n_max)
                      | (target >= self.size + (level == 0))
                      | (level != 0) & self.unused(target)):
                m.d.sync += wrong.eq(1)
        with m.If(self.start | self.abort):
            m.d.sync += [push.eq(0), address.eq(0), ends.eq(0), wrong.eq(0), filled.eq(0)]
        with m.Else():
            m.d.sync += filled.eq(filled + self.queue.push
                                  - (self.queue.o.valid & self.queue.o.ready))
        return filled, wrong, ends == self.ends

    def unused(self, address):
        """Whether an address belongs to no neuron of a map: a field of it is too large."""
        layout, found, first = self.layout, C(0), 0
        channels, _, columns = as_map(layout.source.shape)
        low, middle, _ = address_bits(layout.source.shape)
        for bits, count in ((low, channels), (layout.timestep_bits, layout.interleaved),
                            (middle, columns)):
            if layout.framed and count & count - 1:
                found |= address[first:first + bits] >= count
            first += bits
        return found
