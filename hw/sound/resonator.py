"""One step of a two-pole resonator by shifts and additions; the golden twin is
:func:`qblif.golden.sound.energies`."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..core.payloads import saturate

__all__ = ["Resonator"]


class Resonator(wiring.Component):
    """``y = drive + floor((a1 last - a2 before) / 2**fraction)``, saturated at ``width`` bits.

    The products come bit by bit from the coefficients' top, one addition a cycle of 0, ``last``,
    ``-before`` or ``last - before``::

        t                  start, with everything at the inputs
        t + fraction + 2   the products are there
        t + fraction + 3   done, y

    Parameters
    ----------
    width, fraction : int
    drive_width : int

    Members
    -------
    start : ``In(1)``, done : ``Out(1)``
        Pulses; a step must not start within another.
    drive : ``In(signed(drive_width))``
        Until ``done``.
    last, before : ``In(signed(width))``
        ``y`` of the two steps before.
    a1 : ``In(signed(fraction + 2))``, a2 : ``In(fraction + 1)``
        In units of ``2**-fraction``; a2 is at most 1.
    y : ``Out(signed(width))``
    """

    def __init__(self, *, width, fraction, drive_width):
        self.fraction = fraction
        super().__init__({
            "start": In(1), "done": Out(1), "drive": In(signed(drive_width)),
            "last": In(signed(width)), "before": In(signed(width)),
            "a1": In(signed(fraction + 2)), "a2": In(fraction + 1), "y": Out(signed(width))})

    def elaborate(self, platform):
        m = Module()
        steps = self.fraction + 1
        last, before = self.last, self.before
        both, minus = (Signal(signed(len(last) + 1), name=name) for name in ("both", "minus"))
        product = Signal(signed(len(last) + steps + 2))
        digits1, digits2 = Signal(steps), Signal(steps)  # What is left of the coefficients.
        left = Signal(range(steps + 1))
        term = Signal.like(both)
        with m.Switch(Cat(digits1[-1], digits2[-1])):
            with m.Case(0b01):
                m.d.comb += term.eq(last)
            with m.Case(0b10):
                m.d.comb += term.eq(minus)
            with m.Case(0b11):
                m.d.comb += term.eq(both)
        with m.If(self.start):  # The top bit of a1 counts negative.
            m.d.sync += [product.eq(Mux(self.a1[-1], -last, 0)), both.eq(last - before),
                         minus.eq(-before), left.eq(steps),
                         digits1.eq(self.a1), digits2.eq(self.a2)]
        with m.Elif(left != 0):
            m.d.sync += [product.eq((product << 1) + term), digits1.eq(digits1 << 1),
                         digits2.eq(digits2 << 1), left.eq(left - 1)]
        whole = Signal()
        y = self.drive + (product >> self.fraction)
        m.d.sync += [whole.eq(~self.start & (left == 1)), self.done.eq(whole),
                     self.y.eq(saturate(y, len(self.y)))]
        return m
