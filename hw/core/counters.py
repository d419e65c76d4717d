"""Counters of what a network does, read by the host."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .checks import check, simulated

__all__ = ["COUNTERS", "Counter", "InFlight"]

COUNTERS = ("events", "words")  # Of a synapse.

# Second tap of maximal linear-feedback shift registers of two taps, by width; the first is the last
# bit.
TAPS = {2: 1, 3: 2, 4: 3, 5: 3, 6: 5, 7: 6, 9: 5, 10: 7, 11: 9, 15: 14, 17: 14, 18: 11, 20: 17,
        21: 19, 22: 21, 23: 18, 25: 22, 28: 25, 29: 27, 31: 28}


class Counter(wiring.Component):
    """The sum of ``pulse`` since ``clear``, modulo 2**32, one cycle later.

    A pulse in the cycle of ``clear`` is not counted.

    Parameters
    ----------
    most : int
        The largest pulse.

    Members
    -------
    pulse : ``In(range(most + 1))``, clear : ``In(1)``
    total : ``Out(32)``
    """

    def __init__(self, most=1):
        super().__init__({"pulse": In(range(most + 1)), "clear": In(1), "total": Out(32)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.total.eq(Mux(self.clear, 0, self.total + self.pulse))
        return m


class InFlight(wiring.Component):
    """Whether the numbers of items that entered and that left differ, one cycle later.

    Two linear-feedback shift registers, one a step on with each item that enters, the other with
    each that leaves: they are equal when all have left.  An up-down counter takes twice the LUTs.

    Parameters
    ----------
    most : int
        Most items in flight at once.

    Members
    -------
    enter, leave : ``In(1)``
    any : ``Out(1)``
    """

    def __init__(self, most):
        self.most = most
        self.width = next(width for width in TAPS if (1 << width) - 2 >= most)
        super().__init__({"enter": In(1), "leave": In(1), "any": Out(1)})

    def elaborate(self, platform):
        m = Module()
        entered, left = Signal(self.width, init=1), Signal(self.width, init=1)
        for register, step in ((entered, self.enter), (left, self.leave)):
            feedback = register[-1] ^ register[TAPS[self.width] - 1]
            with m.If(step):
                m.d.sync += register.eq(Cat(feedback, register[:-1]))
        m.d.comb += self.any.eq(entered != left)
        if simulated(platform):
            count = Signal(range(-1, self.most + 2))
            m.d.sync += count.eq(count + self.enter - self.leave)
            check(m, platform, count <= self.most, f"more than {self.most} items in flight")
            check(m, platform, count >= 0, "an item has left before it entered")
        return m
