"""Segment queue: from the rows of windows to the segments that the reader reads."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import LOOKUP_LATENCY, TOKEN_ROOM
from .multiplexer import look_up
from .payloads import index_shape, pipe
from .segment_fifo import SegmentFifo
from .window_reader import Segment
from .window_sequencer import WindowRow

__all__ = ["SegmentQueue"]


class SegmentQueue(wiring.Component):
    """Address the events of a window's row; drop rows without events; mark the last of a step.

    A segment is held back until the next one with events comes, or the step ends: then it is the
    step's last.  A step without events leaves one segment without events::

        t      valid, i: the line buffer looks up
        t + 2  begin, end
        t + 3  the segment, compared with the one that is held back
        t + 4  held back, or in the FIFO
        t + 5  o valid

    Parameters
    ----------
    engine : :class:`qblif.hw.layout.stream_engine.StreamEngine`

    Members
    -------
    valid : ``In(1)``, i : ``In(WindowRow(engine))``
    begin_E, end_E : ``In``
        Of the line buffer of each synapse, two cycles later.
    room : ``Out(1)``
        The FIFO has room for another row, and for all that are under way.
    o : ``Out(stream.Signature(Segment(engine)))``, word : ``Out(index_shape(words))``
        See :class:`qblif.hw.core.segment_fifo.SegmentFifo`.
    """

    def __init__(self, engine):
        self.engine = engine
        self.segment = Segment(engine)
        members = {"valid": In(1), "i": In(WindowRow(engine)), "room": Out(1),
                   "o": Out(stream.Signature(self.segment)), "word": Out(index_shape(engine.words))}
        for k, buffer in enumerate(engine.buffers):
            members |= {f"begin_{k}": In(buffer.position_width),
                        f"end_{k}": In(buffer.position_width)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SegmentFifo(self.segment, words=self.engine.words,
                                               depth=self.engine.segment_depth)
        new = Signal(self.segment)
        self.address(m, new)
        came = pipe(m, self.valid, LOOKUP_LATENCY, "came", reset=True)
        some = Cat(count != 0 for count in new.count).any()

        held, holding = Signal(self.segment), Signal()
        alone = held.release | held.last  # Nothing can follow in its step.
        closes = came & ~new.release & new.last & ~some & holding & ~alone
        enters = came & (new.release | new.last | some) & ~closes
        push = Signal(self.segment)
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        m.d.comb += [push.eq(held), push.last.eq(held.last | closes), fifo.item.eq(push),
                     fifo.push.eq(holding & (alone | closes | enters)), self.word.eq(fifo.word),
                     self.room.eq(fifo.level <= fifo.depth - TOKEN_ROOM)]
        with m.If(fifo.push):
            m.d.sync += holding.eq(0)
        with m.If(enters):
            m.d.sync += [holding.eq(1), held.eq(new)]
        return m

    def address(self, m, new):
        """The segment of a row, three cycles after it: where its entries and its weights are."""
        engine = self.engine
        row = pipe(m, self.i, LOOKUP_LATENCY - 1, "row")
        m.d.sync += [getattr(new, name).eq(getattr(row, name))
                     for name in ("release", "last", "edge", "column", "row")]
        edges = [self.follow(m, k, row) for k in range(len(engine.buffers))]
        base, begin, end, weight = (Array(values)[row.edge]
                                         for values in zip(*edges, strict=True))
        bits = (engine.ports - 1).bit_length()
        for port in range(engine.ports):
            # The first number from `begin` on, and from `end` on, that is the bank's.
            skip = engine.ports - 1 - port
            first, after = (begin + skip) >> bits, (end + skip) >> bits
            m.d.sync += [new.first[port].eq(base + first),
                         new.count[port].eq(Mux(row.empty, 0, after - first))]
        m.d.sync += new.weight.eq(weight)

    def follow(self, m, k, row):
        """Of one synapse: base address of the row's slot, begin and end in it, weights."""
        buffer = self.engine.buffers[k]
        window = buffer.window
        slots = Cat(row.region, row.slot)
        base, = look_up(m, slots, f"slot_{k}", [
            (0 if slot >= buffer.rows or region >= buffer.regions
             else (slot * buffer.regions + region) * buffer.region_depth,)
            for slot in range(1 << len(row.slot)) for region in range(1 << len(row.region))])
        pool, (_, columns) = window.synapse.pool[0], window.synapse.kernel
        tap, = look_up(m, row.tap, f"tap_{k}", [
            (buffer.base + place // pool * columns * window.reach,)
            for place in range(window.synapse.kernel[0] * pool)])
        return base, getattr(self, f"begin_{k}"), getattr(self, f"end_{k}"), tap
