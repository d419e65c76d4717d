"""Answers to the host: three bytes, then the words that were asked for."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .framing import Byte

__all__ = ["Answer"]


class Answer(wiring.Component):
    """Sends sequence number, command, status and words of ``size`` bytes.

    A word takes ``read_latency + 1`` cycles to read, and then a cycle a byte.

    Parameters
    ----------
    word_bytes : int
        Bytes of the widest word.
    read_latency : int
        Cycles from ``read`` to the word at an address that holds.

    Members
    -------
    go : ``In(1)``
        Held until ``done``; the other inputs hold too.
    done : ``Out(1)``
        A pulse with the last byte.
    sequence, command, status, size : ``In(8)``
    more : ``In(1)``
        Words are still to be read.
    read : ``Out(1)``, word : ``In(8 * word_bytes)``, following : ``Out(1)``
        Reading; the word at the address; a pulse for the next address.
    o : ``Out(stream.Signature(Byte()))``
    """

    def __init__(self, word_bytes, read_latency):
        self.read_latency = read_latency
        super().__init__({
            "go": In(1), "done": Out(1), "sequence": In(8), "command": In(8), "status": In(8),
            "size": In(8), "more": In(1), "read": Out(1), "word": In(8 * word_bytes),
            "following": Out(1), "o": Out(stream.Signature(Byte()))})

    def elaborate(self, platform):
        m = Module()
        wait = Signal(range(self.read_latency + 1))
        byte = Signal(8)
        shift = Signal.like(self.word)
        m.d.comb += self.done.eq(self.o.valid & self.o.ready & self.o.p.last)
        with m.FSM():
            for name, following in [("sequence", "command"), ("command", "status")]:
                with m.State(name.upper()):
                    m.d.comb += [self.o.valid.eq(self.go), self.o.p.data.eq(getattr(self, name))]
                    with m.If(self.o.valid & self.o.ready):
                        m.next = following.upper()
            with m.State("STATUS"):
                m.d.comb += [self.o.valid.eq(1), self.o.p.data.eq(self.status),
                             self.o.p.last.eq(~self.more)]
                m.d.sync += wait.eq(0)
                with m.If(self.o.ready):
                    m.next = "READ"
                    with m.If(self.o.p.last):
                        m.next = "SEQUENCE"
            with m.State("READ"):
                m.d.comb += self.read.eq(1)
                m.d.sync += [wait.eq(wait + 1), shift.eq(self.word), byte.eq(0)]
                with m.If(wait == self.read_latency):
                    m.d.comb += self.following.eq(1)
                    m.next = "SEND"
            with m.State("SEND"):
                final = byte + 1 == self.size
                m.d.comb += [self.o.valid.eq(1), self.o.p.data.eq(shift[:8]),
                             self.o.p.last.eq(final & ~self.more)]
                m.d.sync += wait.eq(0)
                with m.If(self.o.ready):
                    m.d.sync += [shift.eq(shift >> 8), byte.eq(byte + 1)]
                    with m.If(self.o.p.last):
                        m.next = "SEQUENCE"
                    with m.Elif(final):
                        m.next = "READ"
        return m
