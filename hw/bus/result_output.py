"""The network's results on AXI4-Stream."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.errors import InvalidValue
from ..core.readout import ClassResult

__all__ = ["RESULT_BITS", "ResultOutput"]

RESULT_BITS = 32


class ResultOutput(wiring.Component):
    """Classes with the verdict on their frames, to one 32-bit number a frame: the class, or -1 for
    a frame that is refused.

    A result that is offered stays until it is taken, whatever happens to the network::

        i, verdict   c
        o               c  c  c
        o.ready         0  0  1

    Parameters
    ----------
    classes : int

    Members
    -------
    i : ``In(stream.Signature(ClassResult(classes)))``
    verdict : ``In(stream.Signature(1))``
        Of each frame, in order: refused.
    o : ``Out(stream.Signature(RESULT_BITS))``
    """

    def __init__(self, classes):
        if classes > 1 << RESULT_BITS - 1:
            raise InvalidValue(f"Read-out on a bus can have {1 << RESULT_BITS - 1} classes, not "
                               f"{classes}")
        super().__init__({
            "i": In(stream.Signature(ClassResult(classes))), "verdict": In(stream.Signature(1)),
            "o": Out(stream.Signature(RESULT_BITS))})

    def elaborate(self, platform):
        m = Module()
        i, verdict, o = self.i, self.verdict, self.o
        label = Signal.like(i.p.label, reset_less=True)
        refused = Signal(reset_less=True)
        free = ~o.valid | o.ready
        m.d.comb += [
            i.ready.eq(free & verdict.valid), verdict.ready.eq(free & i.valid),
            o.payload.eq(Mux(refused, -1, label))]
        with m.If(free):
            m.d.sync += [o.valid.eq(i.valid & verdict.valid), label.eq(i.p.label),
                         refused.eq(verdict.payload)]
        return m
