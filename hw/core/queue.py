"""A first-in, first-out queue in block RAM."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.memories import LUT_ROWS, queue_depth
from .checks import check
from .payloads import ANY_RAM, BLOCK_RAM

__all__ = ["EventQueue"]


class EventQueue(wiring.Component):
    """First in, first out, in block RAM.  The writer must keep count: it may push only while
    ``level`` is below the depth.

    Throughput is one item a cycle; into an empty queue::

        t      push
        t + 1  RAM addressed
        t + 2  RAM output
        t + 3  o valid

    Parameters
    ----------
    shape : shape of an item
    depth : least number of items

    Members
    -------
    push : ``In(1)``
    item : ``In(shape)``
    level : ``Out(range(depth + 1))``
        Items in the RAM; up to two more are in the output registers.
    o : ``Out(stream.Signature(shape))``
    """

    def __init__(self, shape, depth):
        self.shape = shape
        self.depth = queue_depth(depth)
        super().__init__({"push": In(1), "item": In(shape), "o": Out(stream.Signature(shape)),
                          "level": Out(range(self.depth + 1))})

    def elaborate(self, platform):
        m = Module()
        # Only the addresses from head to tail are read, and only those outside are written.
        m.submodules.items = items = memory.Memory(
            shape=self.shape, depth=self.depth, init=[],
            attrs=BLOCK_RAM if self.depth > LUT_ROWS else ANY_RAM)
        write, read = items.write_port(), items.read_port()
        tail = Signal(range(2 * self.depth))
        head = Signal.like(tail)

        m.d.comb += [write.en.eq(self.push), write.addr.eq(tail), write.data.eq(self.item),
                     self.level.eq((tail - head)[:len(tail)])]
        with m.If(self.push):
            m.d.sync += tail.eq(tail + 1)
        check(m, platform, ~self.push | (self.level < self.depth), "push into a full queue")

        # Fetch into the RAM's output, then into the register.
        fetched = Signal()
        m.d.comb += [read.addr.eq(head), read.en.eq(0)]
        with m.If(~fetched | self.o.ready | ~self.o.valid):
            m.d.comb += read.en.eq(head != tail)
            m.d.sync += [fetched.eq(read.en), head.eq(head + read.en)]
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += [self.o.valid.eq(fetched), self.o.payload.eq(read.data)]
        return m
