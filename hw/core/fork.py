"""One AER stream for several synapses."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Fork"]


class Fork(wiring.Component):
    """Every payload goes to each of ``count`` sinks, which accept it in any order; the next one
    follows when all have.  No latency, no registers but who has accepted.

    Parameters
    ----------
    shape : of the payload
    count : int

    Members
    -------
    i : ``In(stream.Signature(shape))``
    o_0, o_1... : ``Out(stream.Signature(shape))``
    """

    def __init__(self, shape, count):
        self.count = count
        super().__init__({"i": In(stream.Signature(shape))} | {
            f"o_{k}": Out(stream.Signature(shape)) for k in range(count)})

    def elaborate(self, platform):
        m = Module()
        taken = Signal(self.count)
        now = Signal(self.count)
        for k in range(self.count):
            o = getattr(self, f"o_{k}")
            m.d.comb += [o.valid.eq(self.i.valid & ~taken[k]), o.payload.eq(self.i.payload),
                         now[k].eq(taken[k] | o.ready)]
        m.d.comb += self.i.ready.eq(now.all())
        with m.If(self.i.valid):
            m.d.sync += taken.eq(Mux(now.all(), 0, now))
        return m
