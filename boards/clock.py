"""Clock and reset of a board: its oscillator, a PLL where one is asked for, and a long reset."""

from amaranth import *
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import Out

__all__ = ["ClockSource"]

RESET_SECONDS = 20e-6  # iCE40 block RAMs read as zero for the first microseconds.


class ClockSource(wiring.Component):
    """Drives the domain ``sync``, which the top defines; its reset ends 20 us after the lock.

    Parameters
    ----------
    family : str
        As in :func:`qblif.boards.pll.find_pll`; anything else has no PLL here.
    resource : str
        The board's oscillator.
    clock_hz : float
        Frequency of ``sync``.
    pll : :class:`qblif.boards.pll.Pll` or ``None``
    pad : bool
        iCE40: the oscillator's pin feeds the PLL directly, without an input buffer between.

    Members
    -------
    locked : ``Out(1)``
        The clock is stable.
    """

    def __init__(self, *, family, resource, clock_hz, pll=None, pad=False):
        self.family = family
        self.resource = resource
        self.cycles = int(RESET_SECONDS * clock_hz) + 1
        self.pll = pll
        self.pad = pad
        super().__init__({"locked": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.domains.start = ClockDomain("start", reset_less=True, local=True)
        pin = platform.request(self.resource, dir="-")
        clock = Signal()
        if self.pll is None:
            m.submodules.input = buffer = io.Buffer("i", pin)
            m.d.comb += [clock.eq(buffer.i), self.locked.eq(1)]
        elif self.pad:
            m.submodules.pll = ice40_pll(self.pll, clock, self.locked, pad=pin.io)
        else:
            m.submodules.input = buffer = io.Buffer("i", pin)
            make = {"ice40": ice40_pll, "ecp5": ecp5_pll, "gowin": gowin_pll}[self.family]
            m.submodules.pll = make(self.pll, clock, self.locked, buffer.i)
        m.d.comb += [ClockSignal("sync").eq(clock), ClockSignal("start").eq(clock)]

        # Reset: restarts whenever the PLL loses its lock.
        stable, done = Signal(), Signal()
        count = Signal(range(self.cycles + 1))
        m.submodules.stable = FFSynchronizer(self.locked, stable, o_domain="start")
        with m.If(~stable):
            m.d.start += [count.eq(0), done.eq(0)]
        with m.Elif(count == self.cycles):
            m.d.start += done.eq(1)
        with m.Else():
            m.d.start += count.eq(count + 1)
        m.d.comb += ResetSignal("sync").eq(~done)
        return m


def ice40_pll(pll, clock, locked, source=None, pad=None):
    """SB_PLL40 in simple feedback; ``pad`` is the pin itself, ``source`` a signal."""
    # Loop filter by phase detector frequency, as icepll has it.
    bounds = (17, 26, 44, 66, 101)
    ports = {"i_REFERENCECLK": source} if pad is None else {"io_PACKAGEPIN": pad}
    return Instance(
        "SB_PLL40_CORE" if pad is None else "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE", p_DIVR=C(pll.divide - 1, 4), p_DIVF=C(pll.multiply - 1, 7),
        p_DIVQ=C(pll.post.bit_length() - 1, 3),
        p_FILTER_RANGE=C(1 + sum(pll.compare >= bound for bound in bounds), 3),
        i_RESETB=1, i_BYPASS=0, o_PLLOUTGLOBAL=clock, o_LOCK=locked, **ports)


def ecp5_pll(pll, clock, locked, source):
    """EHXPLLL with its first output as clock and feedback."""
    return Instance(
        "EHXPLLL",
        a_FREQUENCY_PIN_CLKI=f"{float(pll.input):g}", a_FREQUENCY_PIN_CLKOP=f"{float(pll.out):g}",
        a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED", p_OUTDIVIDER_MUXA="DIVA", p_OUTDIVIDER_MUXB="DIVB",
        p_OUTDIVIDER_MUXC="DIVC", p_OUTDIVIDER_MUXD="DIVD", p_FEEDBK_PATH="CLKOP",
        p_CLKI_DIV=pll.divide, p_CLKFB_DIV=pll.multiply, p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=pll.post, p_CLKOP_CPHASE=pll.post - 1, p_CLKOP_FPHASE=0,
        i_CLKI=source, i_CLKFB=clock, i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0,
        i_PHASEDIR=1, i_PHASESTEP=1, i_PHASELOADREG=1, i_PLLWAKESYNC=0, i_ENCLKOP=0,
        o_CLKOP=clock, o_LOCK=locked)


def gowin_pll(pll, clock, locked, source):
    """rPLL with internal feedback."""
    return Instance(
        "rPLL", p_FCLKIN=f"{float(pll.input):g}", p_DEVICE="GW1NR-9C",
        p_IDIV_SEL=pll.divide - 1, p_FBDIV_SEL=pll.multiply - 1, p_ODIV_SEL=pll.post,
        p_DYN_IDIV_SEL="false", p_DYN_FBDIV_SEL="false", p_DYN_ODIV_SEL="false",
        p_PSDA_SEL="0000", p_DYN_DA_EN="false", p_DUTYDA_SEL="1000", p_CLKFB_SEL="internal",
        p_CLKOUT_BYPASS="false", p_CLKOUTP_BYPASS="false", p_CLKOUTD_BYPASS="false",
        p_CLKOUTD_SRC="CLKOUT", p_CLKOUTD3_SRC="CLKOUT", p_DYN_SDIV_SEL=2,
        i_CLKIN=source, i_CLKFB=0, i_RESET=0, i_RESET_P=0, i_FBDSEL=C(0, 6), i_IDSEL=C(0, 6),
        i_ODSEL=C(0, 6), i_PSDA=C(0, 4), i_DUTYDA=C(0, 4), i_FDLY=C(0, 4),
        o_CLKOUT=clock, o_LOCK=locked)
