"""Logarithm of an energy, one shift a cycle; the golden twin is
:func:`qblif.golden.sound.logarithm`."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.sound import FrontEnd

__all__ = ["Logarithm"]


class Logarithm(wiring.Component):
    """``4 floor(log2 energy)`` and the two bits behind the leading one; of 0 as of 1.

    The energy moves up until its leading one has reached the top::

        t              start
        t + 1 + zeros  done, log: zeros are those in front of the leading one

    Parameters
    ----------
    width : int
        Bits of the energy.

    Members
    -------
    start : ``In(1)``, done : ``Out(1)``
        ``done`` is high from the result to the next start.
    energy : ``In(width)``, log : ``Out(range(4 * width))``
    """

    def __init__(self, width):
        super().__init__({"start": In(1), "done": Out(1), "energy": In(width),
                          "log": Out(range(width << FrontEnd.LOG_BITS))})

    def elaborate(self, platform):
        m = Module()
        width, bits = len(self.energy), FrontEnd.LOG_BITS
        moved = Signal(width + bits)
        whole = Signal(range(width))
        m.d.comb += [self.done.eq(moved[-1]),
                     self.log.eq(Cat(moved[-1 - bits:-1], whole))]
        with m.If(self.start):
            m.d.sync += [moved.eq((self.energy | (self.energy == 0)) << bits),
                         whole.eq(width - 1)]
        with m.Elif(~self.done):
            m.d.sync += [moved.eq(moved << 1), whole.eq(whole - 1)]
        return m
