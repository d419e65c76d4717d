"""The streaming engine's component: AER streams of maps in, currents out, position by position.

Its numbers are :class:`qblif.hw.layout.stream_engine.StreamEngine`.
"""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .counters import COUNTERS, Counter
from .digit_merge import DigitMerge
from .line_buffer import LineBuffer
from .payloads import SumsRead, index_shape, pipe
from .segment_queue import SegmentQueue
from .weighted_digits import WeightedDigits
from .window_reader import WindowReader
from .window_sequencer import WindowSequencer
from .word_accumulators import WordAccumulators

__all__ = ["StreamEngineCore"]


class StreamEngineCore(wiring.Component):
    """Compute a map's currents as in the drawing::

        AER stream   +-------------+   windows' rows    +-----------+  segments  +--------+
        ------------>| line buffer |<-------------------| sequencer |----------->| window |
        of each      |             |   begin, end       +-----------+            | reader |
        synapse      |             |<----------------------- addresses ----------|        |
                     |             |------------------------ entries ----------->|        |
                     +-------------+                                             +--------+
                                                              bursts, of each port  |
          currents   +--------------+  addends  +-----------------+  digits  +-----------------+
        <------------| accumulators |<----------| weights * digit |<---------| expander, merge |
                     +--------------+           +-----------------+          +-----------------+

    All events of a position's windows are read one after the other, ``ports`` at a time; their
    weights add up in registers; and the sums of a word of channels wait there for its update pass.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.stream_engine.StreamEngine`
    lag : int
        0, as a stage has one streaming engine.
    weights : tensors of weights to bake in, by synapse, or ``None``
    readback : bool
        Whether the weights can be read back.

    Members
    -------
    i_SOURCE : ``In(stream.Signature(Event(...)))``
        The AER stream of each source.
    complete, read, last_read, release, currents :
        See :class:`qblif.hw.core.dense_engine.DenseEngineCore`.
    write : ``In(load banks)``, writing, write_address, write_data : ``In``
        See :class:`qblif.hw.core.weights.WeightMemory`.
    events_SOURCE, words_SOURCE : ``Out(32)``, clear : ``In(1)``
        Totals since ``clear``: events taken, and lane-cycles of a port.
    readback : ``In(1)``, weights : ``Out``
        With ``readback``: the weights at ``write_address``, three cycles later, at rest.
    """

    def __init__(self, layout, *, lag=0, weights=None, readback=False):
        self.layout = layout
        self.can_read_back = readback
        self.names = [source.name for source in layout.sources]
        self.buffers = [LineBuffer(buffer) for buffer in layout.buffers]
        self.reader = WindowReader(layout)
        self.merge = DigitMerge(self.reader.burst, layout)
        self.weighted = WeightedDigits(layout, self.merge.digit_set, init=weights, peek=readback)
        self.accumulators = WordAccumulators(
            lanes=layout.width, sum_width=layout.target.sum_width,
            addend_width=self.weighted.total.shape().elem_shape.width,
            fire_lanes=layout.plan.fire_lanes, buffers=layout.unread)
        super().__init__({
            f"i_{name}": In(stream.Signature(buffer.event))
            for name, buffer in zip(self.names, self.buffers, strict=True)} | {
            "complete": Out(1), "read": In(SumsRead()), "last_read": In(1), "release": In(1),
            "currents": Out(data.ArrayLayout(signed(layout.target.sum_width),
                                             layout.plan.fire_lanes)),
            "clear": In(1), "write": In(len(layout.load_banks)), "writing": In(1),
            "write_address": In(index_shape(layout.weights.depth)),
            "write_data": In(layout.weights.slice_width)} | {
            f"{what}_{name}": Out(32) for what in COUNTERS for name in self.names} | (
            {"readback": In(1), "weights": Out(layout.width * layout.w_width)}
            if readback else {}))

    def elaborate(self, platform):
        m = Module()
        merge = self.connect_windows(m)
        m.submodules.weighted = weighted = self.weighted
        m.submodules.accumulators = accumulators = self.accumulators
        m.d.comb += [
            merge.release.eq(self.release), weighted.i.eq(merge.o),
            weighted.write.eq(self.write), weighted.writing.eq(self.writing),
            weighted.write_address.eq(self.write_address),
            weighted.write_data.eq(self.write_data),
            accumulators.valid.eq(weighted.valid), accumulators.end.eq(weighted.end),
            accumulators.addends.eq(weighted.total), accumulators.carry.eq(weighted.carry),
            accumulators.read.eq(self.read), accumulators.last_read.eq(self.last_read),
            self.complete.eq(accumulators.complete), self.currents.eq(accumulators.sums)]
        if self.can_read_back:
            m.d.comb += [weighted.peek.eq(self.readback), self.weights.eq(weighted.read)]
        self.count(m, merge)
        return m

    def connect_windows(self, m):
        """From the line buffers to the digits."""
        m.submodules.sequencer = sequencer = WindowSequencer(self.layout)
        m.submodules.segments = segments = SegmentQueue(self.layout)
        m.submodules.reader = reader = self.reader
        m.submodules.merge = merge = self.merge
        m.d.comb += [sequencer.room.eq(segments.room), segments.valid.eq(sequencer.valid),
                     segments.i.eq(sequencer.o)]
        for k, (name, buffer) in enumerate(zip(self.names, self.buffers, strict=True)):
            m.submodules[f"buffer_{name}"] = buffer
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{name}")), buffer.i)
            width = buffer.address.shape().elem_shape.width
            m.d.comb += [
                getattr(sequencer, f"column_{k}").eq(buffer.column),
                getattr(sequencer, f"written_{k}").eq(buffer.written),
                buffer.lookup.eq(getattr(sequencer, f"lookup_{k}")),
                getattr(segments, f"begin_{k}").eq(buffer.begin),
                getattr(segments, f"end_{k}").eq(buffer.end),
                buffer.address.eq(Cat(address[:width] for address in reader.address)),
                getattr(reader, f"entries_{k}").eq(buffer.entries),
                buffer.release.eq(getattr(reader, f"release_{k}"))]
        wiring.connect(m, segments.o, reader.i)
        m.d.comb += reader.word.eq(segments.word)
        for port in range(self.layout.ports):
            wiring.connect(m, getattr(reader, f"o_{port}"), getattr(merge, f"i_{port}"))
        return merge

    def count(self, m, merge):
        for k, (name, buffer) in enumerate(zip(self.names, self.buffers, strict=True)):
            digits = [part.valid & (part.base.edge == k) for part in merge.o.ports]
            for what, amount in (("events", pipe(m, buffer.taken, 1, f"taken_{k}", reset=True)),
                                 ("words", sum(digits))):
                m.submodules[f"count_{what}_{name}"] = counter = Counter(self.layout.ports)
                m.d.comb += [counter.pulse.eq(amount), counter.clear.eq(self.clear),
                             getattr(self, f"{what}_{name}").eq(counter.total)]
