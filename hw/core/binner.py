"""Binner: time-stamped events in, counts of each timestep out, as the network's AER stream.

The golden twin is :func:`qblif.golden.training.data.events.Binning.frames` with a window.
"""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.memories import BINNER_GROUP
from .payloads import ANY_RAM, Event, index_shape

__all__ = ["Binner", "TimedEvent"]


class TimedEvent(data.StructLayout):
    """An event of the neuron ``address``, ``delta`` microseconds after the item before; with
    ``idle`` only that time has passed."""

    def __init__(self, size):
        super().__init__({"delta": 24, "address": index_shape(size), "idle": 1})


class Binner(wiring.Component):
    """Counts events of one timestep, up to N_max an address, and sends the counts when it is over.

    A timestep ends with the first item at or behind its end.  Then only addresses that were counted
    are visited: one bit for each, in words of 16, says which, and clearing that bit clears the
    count.  Addresses leave upwards.  An item takes three cycles; the end of a timestep two for each
    word, two for each address that was counted, and one for the marker, while the next item waits.
    After a reset the bits are cleared, a word a cycle.

    Parameters
    ----------
    size, n_max : int
        Of the network's input: address space, largest level.

    Members
    -------
    window : ``In(32)``
        Microseconds of a timestep, at least 1.
    i : ``In(stream.Signature(TimedEvent(size)))``
    o : ``Out(stream.Signature(Event(size, n_max)))``
    idle : ``Out(1)``
        Nothing is under way.
    clipped, waited : ``Out(32)``
        Events beyond N_max, which are not counted; cycles in which an item waited for the end of a
        timestep.
    """

    def __init__(self, size, n_max):
        self.size, self.n_max = size, n_max
        self.words = -(-size // BINNER_GROUP)
        super().__init__({
            "window": In(32), "i": In(stream.Signature(TimedEvent(size))),
            "o": Out(stream.Signature(Event(size, n_max))), "idle": Out(1),
            "clipped": Out(32), "waited": Out(32)})

    def elaborate(self, platform):
        m = Module()
        self.word = Signal(index_shape(self.words))
        self.elapsed = Signal(33)  # Of the timestep.
        self.item = Signal(self.i.p.shape())
        self.closing = Signal()
        self.add_memories(m)
        left = Signal(BINNER_GROUP)  # Addresses of a word that are not sent.
        lane = Signal(range(BINNER_GROUP))
        for k in reversed(range(BINNER_GROUP)):
            with m.If(left[k]):
                m.d.comb += lane.eq(k)
        with m.FSM():
            with m.State("CLEAR"):
                m.d.comb += [self.write_bits.en.eq(1), self.write_bits.addr.eq(self.word)]
                self.next_word(m, "CLEAR", "TAKE")
            with m.State("TAKE"):
                m.d.comb += [self.i.ready.eq(1), self.idle.eq(~self.i.valid)]
                with m.If(self.i.valid):
                    m.d.sync += [self.item.eq(self.i.p),
                                 self.elapsed.eq(self.elapsed + self.i.p.delta)]
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += self.word.eq(0)
                with m.If(self.elapsed >= self.window):
                    m.d.sync += self.elapsed.eq(self.elapsed - self.window)
                    m.next = "READ"
                with m.Elif(self.item.idle):
                    m.next = "TAKE"
                with m.Else():
                    m.d.comb += [self.read_bits.en.eq(1), self.read_count.en.eq(1)]
                    m.next = "COUNT"
            self.add_count(m)
            self.add_end(m, left, lane)
        with m.If(self.closing & self.i.valid):
            m.d.sync += self.waited.eq(self.waited + 1)
        return m

    def add_memories(self, m):
        """Counts, and a bit for each that says whether it is of this timestep."""
        m.submodules.counts = counts = memory.Memory(
            shape=range(self.n_max + 1), depth=self.size, init=[], attrs=ANY_RAM)
        m.submodules.bits = bits = memory.Memory(shape=BINNER_GROUP, depth=self.words, init=[],
                                                 attrs=ANY_RAM)
        self.read_count, self.write_count = counts.read_port(), counts.write_port()
        self.read_bits, self.write_bits = bits.read_port(), bits.write_port()
        for port in (self.read_count, self.read_bits):
            m.d.comb += port.en.eq(0)
        low = BINNER_GROUP.bit_length() - 1
        group, self.place = self.item.address[low:], self.item.address[:low]
        m.d.comb += [self.read_count.addr.eq(self.item.address),
                     self.write_count.addr.eq(self.item.address),
                     self.read_bits.addr.eq(Mux(self.closing, self.word, group)),
                     self.write_bits.addr.eq(self.read_bits.addr)]

    def next_word(self, m, again, then):
        last = self.word == self.words - 1
        m.d.sync += self.word.eq(Mux(last, 0, self.word + 1))
        m.next = again
        with m.If(last):
            m.next = then

    def add_count(self, m):
        """One more event of an address."""
        there = self.read_bits.data.bit_select(self.place, 1)
        full = there & (self.read_count.data == self.n_max)
        with m.State("COUNT"):
            m.d.comb += [
                self.write_bits.en.eq(1),
                self.write_bits.data.eq(self.read_bits.data | (1 << self.place)),
                self.write_count.en.eq(~full),
                self.write_count.data.eq(Mux(there, self.read_count.data + 1, 1))]
            m.d.sync += self.clipped.eq(self.clipped + full)
            m.next = "TAKE"

    def add_end(self, m, left, lane):
        """The end of a timestep: its counts, address by address, then the marker."""
        o, following = self.o, left & (left - 1)
        with m.State("READ"):
            m.d.comb += [self.closing.eq(1), self.read_bits.en.eq(1)]
            m.next = "GROUP"
        with m.State("GROUP"):
            m.d.comb += [self.closing.eq(1), self.write_bits.en.eq(1)]
            m.d.sync += left.eq(self.read_bits.data)
            with m.If(self.read_bits.data.any()):
                m.next = "PICK"
            with m.Else():
                self.next_word(m, "READ", "MARKER")
        with m.State("PICK"):
            m.d.comb += [self.closing.eq(1), self.read_count.en.eq(1),
                         self.read_count.addr.eq(Cat(lane, self.word))]
            m.d.sync += o.p.address.eq(Cat(lane, self.word))
            m.next = "SEND"
        with m.State("SEND"):
            m.d.comb += [self.closing.eq(1), o.valid.eq(1), o.p.level.eq(self.read_count.data)]
            with m.If(o.ready):
                m.d.sync += left.eq(following)
                m.next = "PICK"
                with m.If(following == 0):
                    self.next_word(m, "READ", "MARKER")
        with m.State("MARKER"):
            m.d.comb += [self.closing.eq(1), o.valid.eq(1), o.p.end.eq(1)]
            with m.If(o.ready):
                m.next = "CHECK"
