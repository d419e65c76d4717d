"""Accumulators of a dense engine, read by the update pass while the next timestep is added.

With fewer than four words they are registers, with more block RAM.
"""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import MEMORY_SUMS_WORDS, SUMS_READ_LATENCY
from ..layout.memories import is_distributed
from .checks import check, simulated
from .lanes import Lanes, add
from .multiplexer import select
from .payloads import (
    BLOCK_RAM,
    DISTRIBUTED_RAM,
    Issue,
    SumsRead,
    index_shape,
    pipe,
    set_shape,
)

__all__ = ["Accumulators", "MemoryAccumulators", "RegisterAccumulators"]


class Accumulators(wiring.Component):
    """``words * lanes`` accumulators in each of ``sets``; ``lanes`` of them take an addend each
    cycle.

    Control arrives :attr:`Lanes.latency` cycles before the addends that it belongs to.  The sums
    that an end completes are read in order, a vector of ``fire_lanes`` neurons at a time, set by
    set, while the next ones are added in another buffer.

    Parameters
    ----------
    words, lanes, sum_width, addend_width, fire_lanes : int
        ``fire_lanes`` divides the lanes.
    sets : int
        Timesteps that are accumulated side by side.
    lag : int
        Alignment delay: the sums come so many cycles later, together with a slower synapse's.
    memory : one of :data:`qblif.hw.layout.memories.MEMORIES`
        The stage's; with ``"mixed"``, small accumulators lie in distributed RAM.

    Members
    -------
    issue : ``In(Issue(words, sets))``
    addends : ``In(data.ArrayLayout(signed(addend_width), lanes))``
    carry : ``In(1)``
        Added to every addend.
    complete : ``Out(1)``
        A pulse: the sums can be read.
    read : ``In(SumsRead())``
        Read enable; last vector of a step; last vector of the pass.
    last_read : ``In(1)``
        No later pass reads these sums.
    sums : ``Out(data.ArrayLayout(signed(sum_width), fire_lanes))``
        :attr:`read_latency` and ``lag`` cycles after ``read.en``.
    """

    def __init__(self, *, words, lanes, sum_width, addend_width, fire_lanes, sets=1, lag=0,
                 memory="block"):
        self.words, self.sets, self.lanes = words, sets, lanes
        self.memory = memory
        self.sum_width = sum_width
        self.fire_lanes = fire_lanes
        self.lag = lag
        super().__init__({
            "issue": In(Issue(words, sets)),
            "addends": In(data.ArrayLayout(signed(addend_width), self.lanes)),
            "carry": In(1),
            "complete": Out(1),
            "read": In(SumsRead()), "last_read": In(1),
            "sums": Out(data.ArrayLayout(signed(sum_width), fire_lanes)),
        })

    def read_address(self, m):
        """Set, word, and part of it, that are read, after the alignment delay."""
        word, part = Signal(index_shape(self.words)), Signal(index_shape(self.parts_per_word))
        at = Signal(set_shape(self.sets))
        word_last = self.read.pass_last | (part == self.parts_per_word - 1)
        with m.If(self.read.en):
            m.d.sync += part.eq(Mux(word_last, 0, part + 1))
            with m.If(word_last):
                m.d.sync += word.eq(Mux(self.read.pass_last, 0, word + 1))
            if self.sets > 1:
                with m.If(self.read.pass_last):
                    m.d.sync += at.eq(Mux(at == self.sets - 1, 0, at + 1))
        return tuple(pipe(m, value, self.lag, name)
                     for value, name in ((at, "set"), (word, "word"), (part, "part")))

    def check_reads(self, m, platform):
        """In simulation: only complete sums are read."""
        if simulated(platform):
            unread = Signal(2)
            release = self.read.en & self.read.pass_last & self.last_read
            m.d.sync += unread.eq(unread + self.complete - release)
            check(m, platform, ~self.read.en | (unread != 0),
                  "update pass before its accumulators are complete")

    @property
    def parts_per_word(self):
        return self.lanes // self.fire_lanes

    def parts(self, word):
        """A word of ``lanes`` sums cut into the vectors that are read at once."""
        width = self.fire_lanes * self.sum_width
        return [word[start:start + width] for start in range(0, len(word), width)]


class RegisterAccumulators(Accumulators):
    """Accumulators in registers: a ring of words that rotates by one with each addition::

        t      issue                           r      read.en
        t + 4  addends; sum of the first word  r + 1  one of 8 vectors each
        t + 5  in the ring's last word         r + 2  sums

    Each set has its ring.  An end copies the rings into the second buffer, which the update pass
    reads, and clears them; an end issued in cycle t is ``complete`` in t + 5.
    """

    read_latency = SUMS_READ_LATENCY["registers"]

    def elaborate(self, platform):
        m = Module()
        self.check_reads(m, platform)
        word = data.ArrayLayout(signed(self.sum_width), self.lanes)
        rings = [[Signal(word, name=f"ring_{s}_{g}") for g in range(self.words)]
                 for s in range(self.sets)]
        buffers = [[Signal(word, name=f"buffer_{s}_{g}", reset_less=True)
                    for g in range(self.words)] for s in range(self.sets)]

        valid = pipe(m, self.issue.valid, Lanes.latency, "valid", reset=True)
        end = pipe(m, self.issue.end, Lanes.latency, "end", reset=True)
        at = pipe(m, self.issue.set, Lanes.latency, "at")
        m.d.sync += self.complete.eq(end)
        old = word(Array(ring[0].as_value() for ring in rings)[at] if self.sets > 1
                   else rings[0][0].as_value())
        new = Signal(word)
        m.d.comb += [new[lane].eq(add(old[lane], self.addends[lane], self.carry))
                     for lane in range(self.lanes)]
        for s, (ring, buffer) in enumerate(zip(rings, buffers, strict=True)):
            with m.If(valid & (at == s)):
                m.d.sync += [before.eq(after) for before, after in
                             zip(ring, [*ring[1:], new], strict=True)]
            with m.If(end):
                m.d.sync += [register.eq(word_)
                             for register, word_ in zip(buffer, ring, strict=True)]
                m.d.sync += [register.eq(0) for register in ring]

        parts = [part for buffer in buffers for word_ in buffer
                 for part in self.parts(word_.as_value())]
        m.d.comb += self.sums.eq(select(m, parts, self.index(m, *self.read_address(m)), "chosen"))
        return m

    def index(self, m, at, word, part):
        """``(set * words + word) * parts_per_word + part``, from a table: no multiplier."""
        index = Signal(index_shape(self.sets * self.words * self.parts_per_word))
        with m.Switch(Cat(word, at)):
            for s in range(self.sets):
                for k in range(self.words):
                    with m.Case(k | s << len(word)):
                        m.d.comb += index.eq(part + (s * self.words + k) * self.parts_per_word)
        return index


class MemoryAccumulators(Accumulators):
    """Accumulators in block RAM, a ping-pong buffer: the engine adds in one half, the update pass
    reads the other::

        t      issue                      r      read.en: RAM addressed
        t + 2  RAM addressed              r + 1  RAM output
        t + 3  RAM output                 r + 2  `row`
        t + 4  `old`, addends             r + 3  one of 8 vectors each
        t + 5  `new` at the write port    r + 4  sums
        t + 6  in the RAM

    As a digit visits all words of a set in turn, and there are at least :attr:`min_words` of them,
    a word is addressed again in t + 6 at the earliest: nothing has to be bypassed.  Nothing is
    cleared either: the first addition to a word in a timestep reads a row that is never written and
    holds 0.  An end issued in cycle t is ``complete`` in t + 5.
    """

    min_words = MEMORY_SUMS_WORDS
    read_latency = SUMS_READ_LATENCY["memory"]

    def elaborate(self, platform):
        m = Module()
        self.check_reads(m, platform)
        row = Signal(data.StructLayout({"word": self.issue.word.shape(),
                                        "set": self.issue.set.shape(), "half": 1}))
        size = 1 << len(row.as_value())
        full = self.words * self.sets == size // 2
        zero = size if full else size - 1
        # Rows that must be written before they are read hold ones, so that tests see it.
        width = self.lanes * self.sum_width
        m.submodules.memory = sums = memory.Memory(
            shape=unsigned(width), depth=zero + 1, init=[(1 << width) - 1] * zero + [0],
            attrs=DISTRIBUTED_RAM if is_distributed(self.memory, zero + 1) else BLOCK_RAM)
        operand, write, update = sums.read_port(), sums.write_port(), sums.read_port()

        # Read, so that `old` comes with the addends.
        issue = pipe(m, self.issue, Lanes.latency - 2, "issue", reset=True)
        first = issue.first.bit_select(issue.set, 1) if self.sets > 1 else issue.first
        m.d.comb += [row.word.eq(issue.word), row.set.eq(issue.set),
                     operand.addr.eq(Mux(first, zero, row))]
        added = pipe(m, issue, 2, "added", reset=True)
        old = pipe(m, operand.data, 1, "old")

        # Add and write.
        word = data.ArrayLayout(signed(self.sum_width), self.lanes)
        new = Signal(word, reset_less=True)
        for lane in range(self.lanes):
            m.d.sync += new[lane].eq(add(word(old)[lane], self.addends[lane], self.carry))
        m.d.comb += [write.data.eq(new), write.addr.eq(pipe(m, row, 3, "written")),
                     write.en.eq(pipe(m, added.valid, 1, "write", reset=True))]

        # End: swap halves.  A timestep without events wrote nothing: its pass reads the zero row.
        empty = Signal(self.sets)
        m.d.sync += self.complete.eq(added.end)
        with m.If(issue.end):
            m.d.sync += row.half.eq(~row.half)
        with m.If(added.end):
            m.d.sync += empty.eq(added.first)

        # Update pass.
        at, word, part = self.read_address(m)
        is_empty = empty.bit_select(at, 1) if self.sets > 1 else empty
        m.d.comb += update.addr.eq(Mux(is_empty, zero, Cat(word, at, ~row.half)))
        parts = self.parts(pipe(m, update.data, 1, "row"))
        m.d.comb += self.sums.eq(select(m, parts, pipe(m, part, 2, "part"), "chosen"))
        return m
