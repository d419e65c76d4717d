"""The read-out's class.  The golden twin is :func:`qblif.golden.integer.argmax`."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .payloads import index_shape

__all__ = ["ArgMax", "ClassResult"]


class ClassResult(data.StructLayout):
    """The network's answer to one frame."""

    def __init__(self, classes):
        super().__init__({"label": index_shape(classes)})


class ArgMax(wiring.Component):
    """Class of a frame: the largest membrane of the read-out, the lowest index on a tie; it is
    valid in the cycle after the last membrane.

    Parameters
    ----------
    size, v_width : int

    Members
    -------
    start : ``In(1)``
        A pulse as the last pass of a frame starts.
    credit : ``Out(1)``
        No result waits or is being computed.
    valid, end : ``In(1)``, neuron : ``In(index_shape(size))``, v : ``In(signed(v_width))``
        The membranes of the last pass, one a cycle and in order; ``end`` with the last.
    o : ``Out(stream.Signature(ClassResult(size)))``
    """

    def __init__(self, size, v_width):
        super().__init__({
            "start": In(1),
            "credit": Out(1),
            "valid": In(1),
            "neuron": In(index_shape(size)),
            "v": In(signed(v_width)),
            "end": In(1),
            "o": Out(stream.Signature(ClassResult(size))),
        })

    def elaborate(self, platform):
        m = Module()
        best = Signal.like(self.v)
        pending = Signal()
        m.d.comb += self.credit.eq(~pending)
        with m.If(self.valid & ((self.neuron == 0) | (self.v > best))):
            m.d.sync += [best.eq(self.v), self.o.p.label.eq(self.neuron)]
        with m.If(self.valid & self.end):
            m.d.sync += self.o.valid.eq(1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [self.o.valid.eq(0), pending.eq(0)]
        with m.If(self.start):
            m.d.sync += pending.eq(1)
        return m
