"""Accumulators of one timestep's weights, read by the fire pass while the next ones fill.

A flat population with fewer than four groups of neurons has its sums in registers, with more in
block RAM.  A map's are :class:`qblif.hw.core.map_accumulators.MapAccumulators`.
"""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import MEMORY_SUMS_GROUPS, SUMS_READ_LATENCY
from ..layout.memories import is_distributed
from .lanes import Lanes
from .payloads import BLOCK_RAM, DISTRIBUTED_RAM, Issue, index_shape, pipe

__all__ = ["MemoryAccumulators", "RegisterAccumulators", "Accumulators", "select"]


class Accumulators(wiring.Component):
    """``words * lanes`` accumulators; ``lanes`` of them take an addend each cycle.

    Control arrives :attr:`Lanes.latency` cycles before the addends that it belongs to.  The sums
    that an ``end`` completes can be read from ``ready`` on, until the next ``end`` is issued, in
    order: ``fire_lanes`` neurons a beat, the channels of one position after those of the other.

    Parameters
    ----------
    reach : :class:`qblif.hw.layout.scatter.ScatterMap`
    sum_width, addend_width, fire_lanes : int
        ``fire_lanes`` divides the lanes.
    lag : int
        Cycles by which reading is held back, for another synapse's sums to come with these.
    memory : one of :data:`qblif.hw.layout.memories.MEMORIES`
        The stage's; with ``"mixed"``, small sums lie in distributed RAM.

    Members
    -------
    issue : ``In(Issue(words))``
    addends : ``In(data.ArrayLayout(signed(addend_width), lanes))``
    carry : ``In(1)``
        Added to every addend.
    ready : ``Out(1)``
        A pulse: the completed sums can be read.
    next : ``In(1)``, turn : ``In(1)``, restart : ``In(1)``
        Read a beat; it is the last of its position; it is the last of the pass.
    last_use : ``In(1)``
        No later pass reads these sums.
    sums : ``Out(data.ArrayLayout(signed(sum_width), fire_lanes))``
        :attr:`read_latency` and ``lag`` cycles after ``next``.
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
            "ready": Out(1),
            "next": In(1), "turn": In(1), "restart": In(1), "last_use": In(1),
            "sums": Out(data.ArrayLayout(signed(sum_width), fire_lanes)),
            "clearing": Out(1),
        })

    def add(self, sum_, addend):
        """One adder: the carry enters as a bit below both operands."""
        return (Cat(C(1, 1), sum_).as_signed() + Cat(self.carry, addend).as_signed()) >> 1

    def sweep(self, m):
        """Word and part of the beat that is read, and a pulse as its word is read for the last
        time, all ``lag`` cycles later."""
        word, part = Signal(index_shape(self.words)), Signal(index_shape(self.parts_per_word))
        leave = self.turn | (part == self.parts_per_word - 1)
        with m.If(self.next):
            m.d.sync += part.eq(Mux(leave, 0, part + 1))
            with m.If(leave):
                m.d.sync += word.eq(Mux(self.restart, 0, word + 1))
        used = self.next & leave & self.last_use
        return (pipe(m, word, self.lag, "word"), pipe(m, part, self.lag, "part"),
                pipe(m, used, self.lag, "used", reset=True))

    @property
    def parts_per_word(self):
        return self.lanes // self.fire_lanes

    def parts(self, word):
        """A word of ``lanes`` sums cut into what the fire pass reads at once."""
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
    """Accumulators in registers: a ring of words that turns by one with each addition.

    At an end the ring is copied into a snapshot, which the fire pass reads, and cleared.
    """

    read_latency = SUMS_READ_LATENCY["registers"]

    def elaborate(self, platform):
        m = Module()
        word = data.ArrayLayout(signed(self.sum_width), self.lanes)
        ring = [Signal(word, name=f"ring_{g}") for g in range(self.words)]
        snapshot = [Signal(word, name=f"snapshot_{g}", reset_less=True)
                    for g in range(self.words)]

        valid = pipe(m, self.issue.valid, Lanes.latency, "valid", reset=True)
        end = pipe(m, self.issue.end, Lanes.latency, "end", reset=True)
        m.d.sync += self.ready.eq(end)
        with m.If(valid):
            for g in range(1, self.words):
                m.d.sync += ring[g - 1].eq(ring[g])
            for lane in range(self.lanes):
                m.d.sync += ring[-1][lane].eq(self.add(ring[0][lane], self.addends[lane]))
        with m.If(end):
            m.d.sync += [register.eq(word_) for register, word_ in zip(snapshot, ring, strict=True)]
            m.d.sync += [register.eq(0) for register in ring]

        parts = [part for word_ in snapshot for part in self.parts(word_.as_value())]
        word, part, _ = self.sweep(m)
        m.d.comb += self.sums.eq(select(m, parts, self.index(m, word, part), "chosen"))
        return m

    def index(self, m, word, part):
        """``word * parts + part``, from a table: no multiplier."""
        index = Signal(index_shape(self.words * self.parts_per_word))
        with m.Switch(word):
            for k in range(self.words):
                with m.Case(k):
                    m.d.comb += index.eq(part + k * self.parts_per_word)
        return index


class MemoryAccumulators(Accumulators):
    """Accumulators in two banks of block RAM: the synapses add in one, the fire pass reads the
    other.

    Read, add, write takes :attr:`min_groups` cycles; as a digit walks over all groups, no sum is
    read before it is written.  Nothing is ever cleared: a sum's first addition in a timestep reads
    a row that is never written and holds 0.
    """

    min_groups = MEMORY_SUMS_GROUPS
    read_latency = SUMS_READ_LATENCY["memory"]

    def elaborate(self, platform):
        m = Module()
        row = Signal(data.StructLayout({"word": self.issue.word.shape(), "bank": 1}))
        size = 1 << len(row.as_value())
        zero = size if self.words == size // 2 else size - 1
        # Reads and writes never meet: see min_groups, and the fire pass reads the other bank.
        # What must not be read before it is written holds ones, so that a test would see it.
        width = self.lanes * self.sum_width
        m.submodules.memory = sums = memory.Memory(
            shape=unsigned(width), depth=zero + 1, init=[(1 << width) - 1] * zero + [0],
            attrs=DISTRIBUTED_RAM if is_distributed(self.memory, zero + 1) else BLOCK_RAM)
        operand, write, fire = sums.read_port(), sums.write_port(), sums.read_port()

        # Read: the operand is there with the addend.
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

        # End: change banks; an empty timestep has written nothing and reads the zero row.
        empty = Signal()
        m.d.sync += self.ready.eq(added.end)
        with m.If(issue.end):
            m.d.sync += row.bank.eq(~row.bank)
        with m.If(added.end):
            m.d.sync += empty.eq(added.first)

        # Fire pass.
        word, part, _ = self.sweep(m)
        m.d.comb += fire.addr.eq(Mux(empty, zero, Cat(word, ~row.bank)))
        parts = self.parts(pipe(m, fire.data, 1, "row"))
        m.d.comb += self.sums.eq(select(m, parts, pipe(m, part, 2, "part"), "chosen"))
        return m
