"""Wishbone, classic cycles, to register accesses."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .access import WORD_BITS, Access

__all__ = ["Wishbone"]


class Wishbone(wiring.Component):
    """A target of Wishbone B4 in classic cycles: 32 bits of data, addresses of words.

    ::

        cycle    0  1  2
        cyc, stb 1  1  0
        ack, err    a         from registers

    ``err`` ends a write of fewer than four bytes, and an access that the registers refuse.  The
    initiator holds its request until either comes, as the standard demands.

    Members
    -------
    cyc_i, stb_i, we_i : ``In(1)``, adr_i : ``In(WORD_BITS)``, sel_i : ``In(4)``
    dat_i : ``In(32)``, dat_o : ``Out(32)``, ack_o, err_o : ``Out(1)``
    access : ``Out(Access())``
    """

    def __init__(self):
        super().__init__({
            "cyc_i": In(1), "stb_i": In(1), "we_i": In(1), "adr_i": In(WORD_BITS), "sel_i": In(4),
            "dat_i": In(32), "dat_o": Out(32), "ack_o": Out(1), "err_o": Out(1),
            "access": Out(Access())})

    def elaborate(self, platform):
        m = Module()
        access = self.access
        m.d.comb += [
            access.valid.eq(self.cyc_i & self.stb_i), access.write.eq(self.we_i),
            access.address.eq(self.adr_i), access.data_w.eq(self.dat_i),
            access.whole.eq(self.sel_i.all()), self.dat_o.eq(access.data_r),
            self.ack_o.eq(access.done & ~access.error), self.err_o.eq(access.done & access.error)]
        return m
