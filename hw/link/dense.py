"""Event bytes of frames in which most neurons fire: all levels one after the other, unpacked.

The software twin is :func:`qblif.hw.link.protocol.pack_dense`.
"""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .protocol import level_bits

__all__ = ["DenseUnpacker"]


class DenseUnpacker(wiring.Component):
    """Bytes that hold as many levels as fit, to bytes of one event each; one of those a cycle.

    Parameters
    ----------
    size, n_max : int
        Levels of a timestep, and the largest.

    Members
    -------
    start : ``In(1)``
        A pulse: a frame begins.
    dense : ``In(1)``
        Whether bytes that are taken are such; otherwise they pass.
    i, o : streams of bytes
    busy : ``Out(1)``
        Something of a byte that was taken is still to come.
    """

    def __init__(self, size, n_max):
        self.size = size
        self.bits = level_bits(n_max)
        super().__init__({
            "start": In(1), "dense": In(1), "i": In(stream.Signature(8)),
            "o": Out(stream.Signature(8)), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        bits, count = self.bits, 8 // self.bits
        levels = Signal(8)
        left = Signal(range(count + 1))
        address = Signal(range(self.size + 1))
        level, end = levels[:bits], address == self.size
        m.d.comb += self.busy.eq((left != 0) | end)
        with m.If(end):
            m.d.comb += self.o.valid.eq(1)  # The byte 0: end of the timestep.
            with m.If(self.o.ready):
                m.d.sync += [address.eq(0), left.eq(0)]
        with m.Elif(left != 0):
            m.d.comb += [self.o.valid.eq(1),
                         self.o.payload.eq(Mux(level == 0, 1 << bits & 0xFF, level))]
            with m.If(self.o.ready):
                m.d.sync += [levels.eq(levels >> bits), left.eq(left - 1),
                             address.eq(address + 1)]
        with m.Elif(self.dense):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid):
                m.d.sync += [levels.eq(self.i.payload), left.eq(count)]
        with m.Else():
            m.d.comb += [self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready),
                         self.o.payload.eq(self.i.payload)]
        with m.If(self.start):
            m.d.sync += [left.eq(0), address.eq(0)]
        return m
