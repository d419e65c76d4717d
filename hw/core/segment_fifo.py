"""Segment FIFO: the segments of a step, once for each word of channels."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .checks import check
from .payloads import DISTRIBUTED_RAM, index_shape

__all__ = ["SegmentFifo"]


class SegmentFifo(wiring.Component):
    """First in, first out, and back to the first segment of a step until its last word is done::

        in     a  b  c|            d|                   | the last of a step
        out    a  b  c|  a  b  c|  d|  d|               two words
        word   0         1         0   1

    A segment's place is free as soon as it has been taken for the last word.

    Parameters
    ----------
    segment : :class:`qblif.hw.core.segment_queue.Segment`
    words : int
    depth : int
        A power of two, at least the segments of a step.

    Members
    -------
    push : ``In(1)``, item : ``In(segment)``
    level : ``Out(range(depth + 1))``
        Places that are not free.
    o : ``Out(stream.Signature(segment))``
        A cycle after the push at the earliest.
    word : ``Out(index_shape(words))``
        The word of channels for which ``o`` is.
    """

    def __init__(self, segment, *, words, depth):
        self.segment, self.words, self.depth = segment, words, depth
        super().__init__({"push": In(1), "item": In(segment), "level": Out(range(depth + 1)),
                          "o": Out(stream.Signature(segment)), "word": Out(index_shape(words))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.items = items = memory.Memory(
            shape=self.segment, depth=self.depth, init=[], attrs=DISTRIBUTED_RAM)
        write, read = items.write_port(), items.read_port(domain="comb")
        tail, head, first = (Signal(range(2 * self.depth), name=name)
                             for name in ("tail", "head", "first"))
        m.d.comb += [
            write.en.eq(self.push), write.addr.eq(tail), write.data.eq(self.item),
            read.addr.eq(head), self.o.p.eq(read.data), self.o.valid.eq(head != tail),
            self.level.eq((tail - first)[:len(tail)])]
        with m.If(self.push):
            m.d.sync += tail.eq(tail + 1)
        check(m, platform, ~self.push | (self.level < self.depth), "push into a full segment FIFO")

        last_word = self.word == self.words - 1
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += head.eq(head + 1)
            with m.If(last_word | self.o.p.release):
                m.d.sync += first.eq(head + 1)
            with m.If(self.o.p.last):
                m.d.sync += self.word.eq(Mux(last_word, 0, self.word + 1))
                with m.If(~last_word):
                    m.d.sync += head.eq(first)
        return m
