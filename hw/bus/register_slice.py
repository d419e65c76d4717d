"""A register slice: cuts every combinational path of a stream."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RegisterSlice"]


class RegisterSlice(wiring.Component):
    """A stream a cycle later, with a transfer in every cycle; ``ready`` as well comes from a
    register.  It holds two transfers: one waits in the second register where the sink stalls::

        i        a  b  c  c  d  e
        i.ready  1  1  0  1  1  1
        o           a  a  b  c  d
        o.ready     0  1  1  1  1

    Parameters
    ----------
    shape : of the payload

    Members
    -------
    i : ``In(stream.Signature(shape))``, o : ``Out(stream.Signature(shape))``
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        waiting = Signal.like(o.payload, reset_less=True)
        full = Signal()
        m.d.comb += i.ready.eq(~full)
        with m.If(o.ready | ~o.valid):
            m.d.sync += [o.valid.eq(full | i.valid & i.ready), full.eq(0),
                         o.payload.eq(Mux(full, waiting, i.payload))]
        with m.Elif(i.valid & i.ready):
            m.d.sync += [waiting.eq(i.payload), full.eq(1)]
        return m
