"""Accumulators of one timestep, read by the update pass while the next timestep is added.

A flat population with fewer than four words has its sums in registers, with more in block RAM.  A
map's are :class:`qblif.hw.core.map_accumulators.MapAccumulators`.
"""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import MEMORY_SUMS_GROUPS, SUMS_READ_LATENCY
from ..layout.memories import is_distributed
from .checks import check, simulated
from .lanes import Lanes
from .payloads import BLOCK_RAM, DISTRIBUTED_RAM, Issue, SumsRead, index_shape, pipe

__all__ = ["MemoryAccumulators", "RegisterAccumulators", "Accumulators", "select"]


class Accumulators(wiring.Component):
    """``words * lanes`` accumulators; ``lanes`` of them take an addend each cycle.

    Control arrives :attr:`Lanes.latency` cycles before the addends that it belongs to.  The sums
    that an EOT completes are read in order, a vector of ``fire_lanes`` neurons at a time, pixel by
    pixel, while the next timestep is added in another buffer.

    Parameters
    ----------
    reach : :class:`qblif.hw.layout.scatter.ScatterMap`
    sum_width, addend_width, fire_lanes : int
        ``fire_lanes`` divides the lanes.
    lag : int
        Alignment delay: the sums come so many cycles later, together with a slower synapse's.
    memory : one of :data:`qblif.hw.layout.memories.MEMORIES`
        The stage's; with ``"mixed"``, small accumulators lie in distributed RAM.

    Members
    -------
    issue : ``In(Issue(words))``
    addends : ``In(data.ArrayLayout(signed(addend_width), lanes))``
    carry : ``In(1)``
        Added to every addend.
    complete : ``Out(1)``
        A pulse: the sums of one timestep can be read.
    read : ``In(SumsRead())``
        Read enable; last vector of this pixel; last vector of the pass.
    last_read : ``In(1)``
        No later pass reads these sums.
    sums : ``Out(data.ArrayLayout(signed(sum_width), fire_lanes))``
        :attr:`read_latency` and ``lag`` cycles after ``read.en``.
    clearing : ``Out(1)``
        After a reset: nothing may be issued yet.
    """

    def __init__(self, reach, *, sum_width, addend_width, fire_lanes, lag=0, memory="block"):
        self.reach = reach
        self.memory = memory
        self.words = reach.positions * reach.groups
        self.lanes = reach.lanes
        self.sum_width = sum_width
        self.fire_lanes = fire_lanes
        self.lag = lag
        super().__init__({
            "issue": In(Issue(self.words)),
            "addends": In(data.ArrayLayout(signed(addend_width), self.lanes)),
            "carry": In(1),
            "complete": Out(1),
            "read": In(SumsRead()), "last_read": In(1),
            "sums": Out(data.ArrayLayout(signed(sum_width), fire_lanes)),
            "clearing": Out(1),
        })

    def add(self, sum_, addend):
        """One adder: the carry enters as a bit below both operands."""
        return (Cat(C(1, 1), sum_).as_signed() + Cat(self.carry, addend).as_signed()) >> 1

    def read_address(self, m):
        """Word, and part of it, that is read; and a pulse as a word is read for the last time.  All
        after the alignment delay."""
        word, part = Signal(index_shape(self.words)), Signal(index_shape(self.parts_per_word))
        word_last = self.read.pixel_last | (part == self.parts_per_word - 1)
        with m.If(self.read.en):
            m.d.sync += part.eq(Mux(word_last, 0, part + 1))
            with m.If(word_last):
                m.d.sync += word.eq(Mux(self.read.pass_last, 0, word + 1))
        spent = self.read.en & word_last & self.last_read
        return (pipe(m, word, self.lag, "word"), pipe(m, part, self.lag, "part"),
                pipe(m, spent, self.lag, "spent", reset=True))

    def check_reads(self, m, platform):
        """In simulation: only complete sums are read."""
        if simulated(platform):
            unread = Signal(range(self.reach.unread + 1))
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


def select(m, items, index, name):
    """``items[index]`` through two registers: a tree of 8 to 1, then the rest."""
    near = [pipe(m, tree(items[k:k + 8], index[:3]), 1, f"{name}_{k // 8}")
            for k in range(0, len(items), 8)]
    return pipe(m, tree(near, pipe(m, index[3:], 1, f"{name}_index")), 1, name)


def tree(items, index):
    """``items[index]`` as a tree of two-way multiplexers, one level a bit."""
    for bit in index:
        items = [Mux(bit, pair[-1], pair[0]) for pair in
                 (items[k:k + 2] for k in range(0, len(items), 2))]
        if len(items) == 1:
            break
    return items[0]


class RegisterAccumulators(Accumulators):
    """Accumulators in registers: a ring of words that rotates by one with each addition::

        t      issue                           r      read.en
        t + 4  addends; sum of the first word  r + 1  one of 8 vectors each
        t + 5  in the ring's last word         r + 2  sums

    An EOT copies the ring into the second buffer, which the update pass reads, and clears it; an
    EOT issued in cycle t is ``complete`` in t + 5.
    """

    read_latency = SUMS_READ_LATENCY["registers"]

    def elaborate(self, platform):
        m = Module()
        self.check_reads(m, platform)
        word = data.ArrayLayout(signed(self.sum_width), self.lanes)
        ring = [Signal(word, name=f"ring_{g}") for g in range(self.words)]
        buffer = [Signal(word, name=f"buffer_{g}", reset_less=True)
                    for g in range(self.words)]

        valid = pipe(m, self.issue.valid, Lanes.latency, "valid", reset=True)
        end = pipe(m, self.issue.end, Lanes.latency, "end", reset=True)
        m.d.sync += self.complete.eq(end)
        with m.If(valid):
            for g in range(1, self.words):
                m.d.sync += ring[g - 1].eq(ring[g])
            for lane in range(self.lanes):
                m.d.sync += ring[-1][lane].eq(self.add(ring[0][lane], self.addends[lane]))
        with m.If(end):
            m.d.sync += [register.eq(word_) for register, word_ in zip(buffer, ring, strict=True)]
            m.d.sync += [register.eq(0) for register in ring]

        parts = [part for word_ in buffer for part in self.parts(word_.as_value())]
        word, part, _ = self.read_address(m)
        m.d.comb += self.sums.eq(select(m, parts, self.index(m, word, part), "chosen"))
        return m

    def index(self, m, word, part):
        """``word * parts_per_word + part``, from a table: no multiplier."""
        index = Signal(index_shape(self.words * self.parts_per_word))
        with m.Switch(word):
            for k in range(self.words):
                with m.Case(k):
                    m.d.comb += index.eq(part + k * self.parts_per_word)
        return index


class MemoryAccumulators(Accumulators):
    """Accumulators in block RAM, a ping-pong buffer: the synapses add in one half, the update pass
    reads the other::

        t      issue                      r      read.en: RAM addressed
        t + 2  RAM addressed              r + 1  RAM output
        t + 3  RAM output                 r + 2  `row`
        t + 4  `old`, addends             r + 3  one of 8 vectors each
        t + 5  `new` at the write port    r + 4  sums
        t + 6  in the RAM

    As a digit visits all words in turn, and there are at least :attr:`min_groups` of them, a word
    is addressed again in t + 6 at the earliest: nothing has to be bypassed.  Nothing is cleared
    either: the first addition to a word in a timestep reads a row that is never written and holds
    0.  An EOT issued in cycle t is ``complete`` in t + 5.
    """

    min_groups = MEMORY_SUMS_GROUPS
    read_latency = SUMS_READ_LATENCY["memory"]

    def elaborate(self, platform):
        m = Module()
        self.check_reads(m, platform)
        row = Signal(data.StructLayout({"word": self.issue.word.shape(), "half": 1}))
        size = 1 << len(row.as_value())
        zero = size if self.words == size // 2 else size - 1
        # Rows that must be written before they are read hold ones, so that tests see it.
        width = self.lanes * self.sum_width
        m.submodules.memory = sums = memory.Memory(
            shape=unsigned(width), depth=zero + 1, init=[(1 << width) - 1] * zero + [0],
            attrs=DISTRIBUTED_RAM if is_distributed(self.memory, zero + 1) else BLOCK_RAM)
        operand, write, update = sums.read_port(), sums.write_port(), sums.read_port()

        # Read, so that `old` comes with the addends.
        issue = pipe(m, self.issue, Lanes.latency - 2, "issue", reset=True)
        m.d.comb += [row.word.eq(issue.word), operand.addr.eq(Mux(issue.first, zero, row))]
        added = pipe(m, issue, 2, "added", reset=True)
        old = pipe(m, operand.data, 1, "old")

        # Add and write.
        word = data.ArrayLayout(signed(self.sum_width), self.lanes)
        new = Signal(word, reset_less=True)
        for lane in range(self.lanes):
            m.d.sync += new[lane].eq(self.add(word(old)[lane], self.addends[lane]))
        m.d.comb += [write.data.eq(new), write.addr.eq(pipe(m, row, 3, "written")),
                     write.en.eq(pipe(m, added.valid, 1, "write", reset=True))]

        # EOT: swap halves.  A timestep without events wrote nothing: its pass reads the zero row.
        empty = Signal()
        m.d.sync += self.complete.eq(added.end)
        with m.If(issue.end):
            m.d.sync += row.half.eq(~row.half)
        with m.If(added.end):
            m.d.sync += empty.eq(added.first)

        # Update pass.
        word, part, _ = self.read_address(m)
        m.d.comb += update.addr.eq(Mux(empty, zero, Cat(word, ~row.half)))
        parts = self.parts(pipe(m, update.data, 1, "row"))
        m.d.comb += self.sums.eq(select(m, parts, pipe(m, part, 2, "part"), "chosen"))
        return m
