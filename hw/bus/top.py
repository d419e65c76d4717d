"""The top of a network on a bus, with the bus's conventional port names."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.errors import InvalidValue
from .axi_lite import AxiLite
from .frame_input import TDATA_BITS
from .network import BusNetwork
from .result_output import RESULT_BITS
from .wishbone import Wishbone

__all__ = ["BUSES", "BusTop"]

# The bridge of each bus, what its ports are called, and its clock and reset.
BUSES = {"axi": (AxiLite, "s_axi_", "aclk", "aresetn"),
         "wishbone": (Wishbone, "wb_", "wb_clk_i", "wb_rst_i")}


class BusTop(wiring.Component):
    """:class:`qblif.hw.bus.network.BusNetwork` with frames and results on AXI4-Stream, and its
    registers on AXI4-Lite or Wishbone; one clock for all.

    Parameters
    ----------
    layout, trained, readback : see :class:`qblif.hw.bus.network.BusNetwork`
    bus : ``"axi"`` or ``"wishbone"``

    Members
    -------
    s_axis_tdata : ``In(32)``, s_axis_tlast, s_axis_tvalid : ``In(1)``, s_axis_tready : ``Out(1)``
        From the lowest bit: address (24 bits), level (8 bits); level 0 ends a timestep.
    m_axis_tdata : ``Out(32)``, m_axis_tlast, m_axis_tvalid : ``Out(1)``, m_axis_tready : ``In(1)``
        The class, or -1; each is a packet of its own.
    aclk, aresetn, s_axi_... : see :class:`qblif.hw.bus.axi_lite.AxiLite`
    wb_clk_i, wb_rst_i, wb_... : see :class:`qblif.hw.bus.wishbone.Wishbone`

    Raises :class:`ValueError` for another bus, and for a network that it cannot express.
    """

    def __init__(self, layout, trained=None, *, bus, readback=False):
        if bus not in BUSES:
            raise InvalidValue(f"Bus must be one of {', '.join(BUSES)}, not {bus!r}")
        bridge, self.prefix, self.clock, self.reset = BUSES[bus]
        self.network = BusNetwork(layout, trained, readback)
        self.bridge = bridge()
        self.bridged = {name: member for name, member in self.bridge.signature.members.items()
                        if member.is_port}
        super().__init__({
            self.clock: In(1), self.reset: In(1),
            "s_axis_tdata": In(TDATA_BITS), "s_axis_tlast": In(1), "s_axis_tvalid": In(1),
            "s_axis_tready": Out(1), "m_axis_tdata": Out(RESULT_BITS), "m_axis_tlast": Out(1),
            "m_axis_tvalid": Out(1), "m_axis_tready": In(1),
        } | {self.prefix + name: member for name, member in self.bridged.items()})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain()
        reset = getattr(self, self.reset)
        m.d.comb += [domain.clk.eq(getattr(self, self.clock)),
                     domain.rst.eq(~reset if self.reset.endswith("n") else reset)]
        m.submodules.network = network = self.network
        m.submodules.bridge = bridge = self.bridge
        wiring.connect(m, bridge.access, network.access)
        for name, member in self.bridged.items():
            inside, outside = getattr(bridge, name), getattr(self, self.prefix + name)
            m.d.comb += inside.eq(outside) if member.flow == In else outside.eq(inside)
        m.d.comb += [
            Cat(network.i.p.address, network.i.p.level).eq(self.s_axis_tdata),
            network.i.p.last.eq(self.s_axis_tlast), network.i.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(network.i.ready), self.m_axis_tdata.eq(network.o.payload),
            self.m_axis_tlast.eq(network.o.valid), self.m_axis_tvalid.eq(network.o.valid),
            network.o.ready.eq(self.m_axis_tready)]
        return m
