"""Accumulators of one word of channels, in registers, with registers for the words that wait."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import SUMS_READ_LATENCY
from .checks import check
from .lanes import add
from .multiplexer import select
from .payloads import SumsRead, index_shape, pipe

__all__ = ["AdderTree", "WordAccumulators"]


class AdderTree(wiring.Component):
    """The sum of several addends in each lane, with two inputs an adder and a register behind each.

    A carry of an input is added to it; carries enter where adders have room for one, and the last
    leaves beside the sum.  Latency: the logarithm of ``ports``.

    Parameters
    ----------
    ports, lanes, width : int

    Members
    -------
    addends : ``In(data.ArrayLayout(data.ArrayLayout(signed(width), lanes), ports))``
    carries : ``In(ports)``
    total : ``Out(data.ArrayLayout(signed(width + latency), lanes))``, carry : ``Out(1)``
    """

    def __init__(self, *, ports, lanes, width):
        self.ports, self.lanes, self.width = ports, lanes, width
        self.latency = (ports - 1).bit_length()
        super().__init__({
            "addends": In(data.ArrayLayout(data.ArrayLayout(signed(width), lanes), ports)),
            "carries": In(ports),
            "total": Out(data.ArrayLayout(signed(width + self.latency), lanes)),
            "carry": Out(1)})

    def elaborate(self, platform):
        m = Module()
        level = [([self.addends[port][lane] for lane in range(self.lanes)], self.carries[port])
                 for port in range(self.ports)]
        depth = 0
        while len(level) > 1:
            depth += 1
            level = [self.pair(m, *pair, f"{depth}_{k}")
                     for k, pair in enumerate(zip(level[::2], level[1::2], strict=True))]
        (total, carry), = level
        m.d.comb += [self.total.eq(Cat(Value.cast(lane).as_signed()[:self.width + self.latency]
                                       for lane in total)), self.carry.eq(carry)]
        return m

    def pair(self, m, low, high, name):
        (left, carry), (right, other) = low, high
        sums = []
        for lane, (a, b) in enumerate(zip(left, right, strict=True)):
            shape = signed(len(Value.cast(a)) + 1)
            found = Signal(shape, name=f"sum_{name}_{lane}", reset_less=True)
            m.d.sync += found.eq(add(a, b, carry))
            sums.append(found)
        return sums, pipe(m, other, 1, f"carry_{name}")


class WordAccumulators(wiring.Component):
    """``lanes`` accumulators that take an addend each a cycle; a completed word moves through
    ``buffers`` registers, a chain, to the last, which the update pass reads::

        t      valid, end, addends               r      read.en
        t + 1  accumulators, with end 0;         r + 1  one of 8 vectors each
               the sums in the first buffer      r + 2  sums
        t + B  in the last of B buffers, if it
               is free: complete

    A word moves on as soon as the next buffer is free or becomes free.  The writer must keep count:
    there may be no more ``end`` than buffers that are free.

    Parameters
    ----------
    lanes, sum_width, addend_width, fire_lanes, buffers : int

    Members
    -------
    valid, end : ``In(1)``
        The addends count; they are a word's last.  Addends that do not count are 0.
    addends : ``In(data.ArrayLayout(signed(addend_width), lanes))``, carry : ``In(1)``
    complete : ``Out(1)``
        A pulse: another word can be read.
    read : ``In(SumsRead())``, last_read : ``In(1)``
        See :class:`qblif.hw.core.accumulators.Accumulators`.
    sums : ``Out(data.ArrayLayout(signed(sum_width), fire_lanes))``
    """

    read_latency = SUMS_READ_LATENCY["registers"]

    def __init__(self, *, lanes, sum_width, addend_width, fire_lanes, buffers):
        self.lanes, self.fire_lanes, self.buffers = lanes, fire_lanes, buffers
        self.word = data.ArrayLayout(signed(sum_width), lanes)
        super().__init__({
            "valid": In(1), "end": In(1),
            "addends": In(data.ArrayLayout(signed(addend_width), lanes)), "carry": In(1),
            "complete": Out(1), "read": In(SumsRead()), "last_read": In(1),
            "sums": Out(data.ArrayLayout(signed(sum_width), fire_lanes))})

    def elaborate(self, platform):
        m = Module()
        total = self.accumulate(m)
        released = self.read.en & self.read.pass_last & self.last_read
        word = self.wait(m, platform, total, released)

        width = self.fire_lanes * self.sums.shape().elem_shape.width
        parts = [word.as_value()[start:start + width]
                 for start in range(0, len(word.as_value()), width)]
        part = Signal(index_shape(len(parts)))
        with m.If(self.read.en):
            m.d.sync += part.eq(Mux(self.read.pass_last, 0, part + 1))
        m.d.comb += self.sums.eq(select(m, parts, part, "chosen"))
        return m

    def accumulate(self, m):
        """One adder a lane; returns the sums with this cycle's addends."""
        accumulators, total = Signal(self.word), Signal(self.word)
        m.d.comb += [total[lane].eq(add(accumulators[lane], self.addends[lane], self.carry))
                     for lane in range(self.lanes)]
        with m.If(self.valid):
            m.d.sync += accumulators.eq(total)
        with m.If(self.end):
            m.d.sync += accumulators.eq(accumulators.shape().const([0] * self.lanes))
        return total

    def wait(self, m, platform, total, released):
        """The chain of buffers; returns the last."""
        count = self.buffers
        words = [Signal(self.word, name=f"buffer_{k}", reset_less=True) for k in range(count)]
        full, enter = Signal(count), Signal(count)
        leave = Cat(enter[1:], released)
        m.d.comb += enter.eq(Cat(self.end, full[:-1] & (~full[1:] | leave[1:])))
        for k, (word, before) in enumerate(zip(words, [total, *words[:-1]], strict=True)):
            with m.If(enter[k]):
                m.d.sync += word.eq(before)
        m.d.sync += [full.eq(enter | full & ~leave), self.complete.eq(enter[-1])]
        check(m, platform, ~(enter & full & ~leave).any(), "a word on top of another")
        return words[-1]
