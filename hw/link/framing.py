"""Frames on a line of bytes: COBS with a 0 behind each frame, and a CRC-16 inside.

The software twins are the library ``cobs`` and :func:`qblif.hw.link.protocol.crc`.
"""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.crc.catalog import CRC16_GENIBUS
from amaranth.lib.wiring import In, Out

from ..core.payloads import BLOCK_RAM, pipe

__all__ = ["Byte", "CobsDecoder", "CobsEncoder", "Decoded", "FrameSender"]

LONGEST_BLOCK = 254


class Byte(data.StructLayout):
    """One byte of a frame; ``last`` with its last."""

    def __init__(self):
        super().__init__({"data": 8, "last": 1})


class Decoded(data.StructLayout):
    """A decoded byte, or with ``end`` the end of a frame, where ``error`` says it was cut short."""

    def __init__(self):
        super().__init__({"data": 8, "end": 1, "error": 1})


class CobsDecoder(wiring.Component):
    """Bytes of a line to bytes of frames; no latency, one byte a cycle.

    Members
    -------
    i : ``In(stream.Signature(8))``
    o : ``Out(stream.Signature(Decoded()))``
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(Decoded()))})

    def elaborate(self, platform):
        m = Module()
        left = Signal(8)
        zero = Signal()  # The block before stands for a zero behind it, unless the frame ends.
        end, code = self.i.payload == 0, left == 0
        m.d.comb += [
            self.o.valid.eq(self.i.valid & (end | ~code | zero)),
            self.i.ready.eq(self.o.ready | ~self.o.valid),
            self.o.p.end.eq(end), self.o.p.error.eq(end & ~code),
            self.o.p.data.eq(Mux(code, 0, self.i.payload)),
        ]
        with m.If(self.i.valid & self.i.ready):
            with m.If(end):
                m.d.sync += [left.eq(0), zero.eq(0)]
            with m.Elif(code):
                m.d.sync += [left.eq(self.i.payload - 1), zero.eq(self.i.payload != 0xFF)]
            with m.Else():
                m.d.sync += left.eq(left - 1)
        return m


class _ToLine(wiring.Component):
    """A part on the way from frames to a line.

    Members
    -------
    i : ``In(stream.Signature(Byte()))``
    o : ``Out(stream.Signature(8))``
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(Byte())), "o": Out(stream.Signature(8))})


class CobsEncoder(_ToLine):
    """Bytes of frames to bytes of a line.

    A block is collected, then sent: one byte a cycle on each side, but not both at once.
    """

    def elaborate(self, platform):
        m = Module()
        m.submodules.block = block = memory.Memory(shape=8, depth=256, init=[], attrs=BLOCK_RAM)
        write, read = block.write_port(), block.read_port()
        size, sent = Signal(8), Signal(8)
        over, open_zero = Signal(), Signal()  # The frame's last byte is in; it was a zero.
        zero = self.i.p.data == 0
        keep = Signal()
        # Written a cycle later, still before the first read; read through a plain register.
        m.d.comb += [write.en.eq(pipe(m, keep, 1, "keep")), write.addr.eq(pipe(m, size, 1, "at")),
                     write.data.eq(pipe(m, self.i.p.data, 1, "written")), read.addr.eq(sent),
                     read.en.eq(0)]
        byte = pipe(m, read.data, 1, "byte")

        with m.FSM():
            with m.State("COLLECT"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += sent.eq(0)
                with m.If(self.i.valid):
                    m.d.comb += keep.eq(~zero)
                    m.d.sync += [size.eq(size + ~zero), over.eq(self.i.p.last),
                                 open_zero.eq(zero)]
                    with m.If(zero | self.i.p.last | (size == LONGEST_BLOCK - 1)):
                        m.next = "CODE"
            with m.State("CODE"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(size + 1)]
                with m.If(self.o.ready):
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += read.en.eq(1)
                with m.If(sent != size):
                    m.next = "WAIT"
                with m.Elif(over & open_zero):
                    m.d.sync += [open_zero.eq(0), size.eq(0), sent.eq(0)]
                    m.next = "CODE"
                with m.Elif(over):
                    m.next = "DELIMIT"
                with m.Else():
                    m.d.sync += size.eq(0)
                    m.next = "COLLECT"
            with m.State("WAIT"):
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(byte)]
                with m.If(self.o.ready):
                    m.d.sync += sent.eq(sent + 1)
                    m.next = "FETCH"
            with m.State("DELIMIT"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(0)]
                with m.If(self.o.ready):
                    m.d.sync += [size.eq(0), over.eq(0)]
                    m.next = "COLLECT"
        return m


class FrameSender(_ToLine):
    """Frames onto a line of bytes, each with its CRC."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.cobs = cobs = CobsEncoder()
        again = Signal()
        m.submodules.crc = crc = ResetInserter(again)(CRC16_GENIBUS(8).create())
        wiring.connect(m, cobs.o, wiring.flipped(self.o))
        m.d.comb += crc.data.eq(self.i.p.data)
        with m.FSM():
            with m.State("PASS"):
                m.d.comb += [cobs.i.valid.eq(self.i.valid), self.i.ready.eq(cobs.i.ready),
                             cobs.i.p.data.eq(self.i.p.data),
                             crc.valid.eq(self.i.valid & self.i.ready)]
                with m.If(crc.valid & self.i.p.last):
                    m.next = "HIGH"
            with m.State("HIGH"):
                m.d.comb += [cobs.i.valid.eq(1), cobs.i.p.data.eq(crc.crc[8:])]
                with m.If(cobs.i.ready):
                    m.next = "LOW"
            with m.State("LOW"):
                m.d.comb += [cobs.i.valid.eq(1), cobs.i.p.data.eq(crc.crc[:8]),
                             cobs.i.p.last.eq(1)]
                with m.If(cobs.i.ready):
                    m.d.comb += again.eq(1)
                    m.next = "PASS"
        return m
