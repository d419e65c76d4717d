"""Frames from a line of bytes, as many as there is room for, until they are taken.

The software twins are the library ``cobs`` and :func:`qblif.hw.link.protocol.crc`.
"""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.crc.catalog import CRC16_GENIBUS
from amaranth.lib.wiring import In, Out

from ..core.payloads import BLOCK_RAM, pipe
from .framing import Byte, CobsDecoder
from .protocol import CRC_BYTES, MAX_PAYLOAD, ROOM

__all__ = ["FrameReceiver"]

HEADER_BYTES = 2  # The size of a frame, in front of it in the ring,
SIZES = 512  # which is less than this.


class FrameReceiver(wiring.Component):
    """Whole frames whose CRC agrees, without the CRC; everything else is dropped.

    They wait in a ring of bytes, each behind its size.  A byte that finds the ring full is not
    taken: a serial line loses it, and the frame with it.  A byte of a frame is given every third
    cycle::

        t address   t+1 read   t+2 given, if taken   t+3 the next address

    Parameters
    ----------
    room : int
        Bytes of the ring, a power of two that holds the longest frame.
    longest : int
        Bytes of a frame without its CRC.

    Members
    -------
    i : ``In(stream.Signature(8))``
    o : ``Out(stream.Signature(Byte()))``
    """

    def __init__(self, room=ROOM, longest=MAX_PAYLOAD):
        assert room & room - 1 == 0 and room > longest + CRC_BYTES + HEADER_BYTES
        assert longest + CRC_BYTES < SIZES
        self.room, self.longest = room, longest
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(Byte()))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.ring = ring = memory.Memory(shape=8, depth=self.room, init=[],
                                                 attrs=BLOCK_RAM)
        start, taken = Signal(range(self.room)), Signal(range(self.room))
        self.write_frames(m, ring.write_port(), start, taken)
        self.read_frames(m, ring.read_port(), start, taken)
        return m

    def write_frames(self, m, write, start, taken):
        """Collect a frame from ``start`` on; ``start`` goes on once it is whole.  Bytes up to
        ``taken`` are still to be read."""
        m.submodules.cobs = cobs = CobsDecoder()
        again = Signal()
        m.submodules.crc = crc = ResetInserter(again)(CRC16_GENIBUS(8).create())
        wiring.connect(m, wiring.flipped(self.i), cobs.i)
        longest = self.longest + CRC_BYTES
        at, size = Signal.like(start), Signal(range(SIZES))
        header, skip = Signal(range(HEADER_BYTES)), Signal()
        full = (at + 1)[:len(at)] == taken
        fits = size != longest
        keep, address, data = Signal(), Signal.like(at), Signal(8)
        # Written a cycle later, and read after that.
        m.d.comb += [write.en.eq(pipe(m, keep, 1, "keep")), address.eq(at),
                     write.addr.eq(pipe(m, address, 1, "place")),
                     write.data.eq(pipe(m, data, 1, "written")),
                     data.eq(cobs.o.p.data), crc.data.eq(cobs.o.p.data)]
        with m.FSM():
            with m.State("RESERVE"):
                with m.If(~full):
                    m.d.sync += [at.eq(at + 1), header.eq(header + 1)]
                    with m.If(header == HEADER_BYTES - 1):
                        m.next = "COLLECT"
            with m.State("COLLECT"):
                m.d.comb += cobs.o.ready.eq(~full | cobs.o.p.end | skip | ~fits)
                with m.If(cobs.o.valid & cobs.o.ready):
                    with m.If(cobs.o.p.end):
                        m.d.comb += again.eq(1)
                        with m.If(crc.match_detected & ~skip & ~cobs.o.p.error
                                  & (size > CRC_BYTES)):
                            m.d.sync += size.eq(size - CRC_BYTES)
                            m.next = "LOW"
                        with m.Else():
                            m.d.sync += [size.eq(0), skip.eq(0), at.eq(start + HEADER_BYTES)]
                    with m.Elif(fits & ~skip):
                        m.d.comb += [keep.eq(1), crc.valid.eq(1)]
                        m.d.sync += [at.eq(at + 1), size.eq(size + 1)]
                    with m.Else():
                        m.d.sync += skip.eq(1)
            with m.State("LOW"):
                m.d.comb += [keep.eq(1), address.eq(start), data.eq(size[:8])]
                m.d.sync += at.eq(at - CRC_BYTES)
                m.next = "HIGH"
            with m.State("HIGH"):
                m.d.comb += [keep.eq(1), address.eq(start + 1), data.eq(size[8:])]
                m.d.sync += [start.eq(at), size.eq(0)]
                m.next = "RESERVE"

    def read_frames(self, m, read, start, taken):
        """Give what lies between ``taken`` and ``start``."""
        left, part = Signal(range(SIZES)), Signal(range(HEADER_BYTES + 1))
        # A plain register behind the RAM, which can become its output register.
        m.d.sync += [self.o.p.data.eq(read.data), self.o.p.last.eq(left == 1)]
        m.d.comb += [read.addr.eq(taken), read.en.eq(0)]
        with m.FSM():
            with m.State("FETCH"):
                with m.If(taken != start):
                    m.d.comb += read.en.eq(1)
                    m.d.sync += taken.eq(taken + 1)
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.next = "GIVE"
            with m.State("GIVE"):
                with m.If(part != HEADER_BYTES):
                    low = Mux(part == 0, self.o.p.data, left[:8])
                    m.d.sync += [part.eq(part + 1), left.eq(Cat(low, self.o.p.data))]
                    m.next = "FETCH"
                with m.Else():
                    m.d.comb += self.o.valid.eq(1)
                    with m.If(self.o.ready):
                        m.d.sync += left.eq(left - 1)
                        m.next = "FETCH"
                        with m.If(self.o.p.last):
                            m.d.sync += part.eq(0)
