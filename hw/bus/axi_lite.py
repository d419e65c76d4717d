"""AXI4-Lite to register accesses."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .access import Access
from .registers import SPACE_BITS

__all__ = ["AxiLite"]

OKAY, SLVERR = 0, 2


class AxiLite(wiring.Component):
    """A subordinate of AXI4-Lite with 32 bits of data, for one access at a time.

    A write waits for address and data, which the standard allows; all ready signals come from
    registers alone::

        cycle    0  1  2  3  4  5  6
        awvalid  1  1  1  1  1
        wvalid      1  1  1  1
        access         v  v
        done              d
        awready              1
        wready               1
        bvalid                  1  1
        bready                     1

    A read is the same with ``arvalid``, ``arready`` and ``rvalid``.  Where reads and writes both
    wait, they take turns.  A write of fewer than four bytes gets SLVERR, as does an access that the
    registers refuse; the lowest two bits of an address are ignored.

    Members
    -------
    awaddr, awprot, awvalid, awready, wdata, wstrb, wvalid, wready, bresp, bvalid, bready, araddr,
    arprot, arvalid, arready, rdata, rresp, rvalid, rready :
        The standard's; ``awprot`` and ``arprot`` are ignored.
    access : ``Out(Access())``
    """

    def __init__(self):
        super().__init__({
            "awaddr": In(SPACE_BITS), "awprot": In(3), "awvalid": In(1), "awready": Out(1),
            "wdata": In(32), "wstrb": In(4), "wvalid": In(1), "wready": Out(1),
            "bresp": Out(2), "bvalid": Out(1), "bready": In(1),
            "araddr": In(SPACE_BITS), "arprot": In(3), "arvalid": In(1), "arready": Out(1),
            "rdata": Out(32), "rresp": Out(2), "rvalid": Out(1), "rready": In(1),
            "access": Out(Access())})

    def elaborate(self, platform):
        m = Module()
        access = self.access
        response, wrote = Signal(2), Signal()
        m.d.comb += [self.bresp.eq(response), self.rresp.eq(response),
                     self.rdata.eq(access.data_r), access.data_w.eq(self.wdata),
                     access.whole.eq(self.wstrb.all()),
                     access.address.eq(Mux(access.write, self.awaddr, self.araddr)[2:])]
        writes = self.awvalid & self.wvalid
        with m.FSM():
            with m.State("IDLE"):
                with m.If(writes & ~(wrote & self.arvalid)):
                    m.next = "WRITE"
                with m.Elif(self.arvalid):
                    m.next = "READ"
            with m.State("WRITE"):
                m.d.comb += [access.valid.eq(1), access.write.eq(1)]
                self.finish(m, response, "TAKE_WRITE")
            with m.State("TAKE_WRITE"):
                m.d.comb += [self.awready.eq(1), self.wready.eq(1)]
                m.d.sync += wrote.eq(1)
                m.next = "RESPOND"
            with m.State("RESPOND"):
                m.d.comb += self.bvalid.eq(1)
                with m.If(self.bready):
                    m.next = "IDLE"
            with m.State("READ"):
                m.d.comb += access.valid.eq(1)
                self.finish(m, response, "TAKE_READ")
            with m.State("TAKE_READ"):
                m.d.comb += self.arready.eq(1)
                m.d.sync += wrote.eq(0)
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += self.rvalid.eq(1)
                with m.If(self.rready):
                    m.next = "IDLE"
        return m

    def finish(self, m, response, following):
        """Keep the response of an access that is done."""
        with m.If(self.access.done):
            m.d.sync += response.eq(Mux(self.access.error, SLVERR, OKAY))
            m.next = following
