"""Counters of what a network does, read by the host."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["COUNTERS", "Counter"]

COUNTERS = ("events", "words")  # Of a synapse.


class Counter(wiring.Component):
    """How often ``pulse`` was 1 since ``clear``, modulo 2**32, one cycle later.

    A pulse in the cycle of ``clear`` is not counted.

    Members
    -------
    pulse : ``In(1)``, clear : ``In(1)``
    total : ``Out(32)``
    """

    def __init__(self):
        super().__init__({"pulse": In(1), "clear": In(1), "total": Out(32)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.total.eq(Mux(self.clear, 0, self.total + self.pulse))
        return m
