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
    device : :class:`qblif.boards.devices.Device`
        Its family makes the PLL.
    resource : str
        The board's oscillator.
    clock_hz : float
        Frequency of ``sync``.
    pll : :class:`qblif.boards.pll.Pll` or ``None``
    pad : bool
        The oscillator's pin feeds the PLL itself, without an input buffer (iCE40 only).

    Members
    -------
    locked : ``Out(1)``
        The clock is stable.
    """

    def __init__(self, *, device, resource, clock_hz, pll=None, pad=False):
        self.device = device
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
            m.submodules.pll = self.device.family.pll_pad_instance(
                self.pll, self.device, clock, self.locked, pin.io)
        else:
            m.submodules.input = buffer = io.Buffer("i", pin)
            m.submodules.pll = self.device.family.pll_instance(
                self.pll, self.device, clock, self.locked, buffer.i)
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
