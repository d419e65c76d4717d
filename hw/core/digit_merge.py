"""Digit merge: the ports' bursts as digits, which meet at the end of each word."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import ISSUE_LATENCY
from .burst import BurstExpander
from .checks import check

__all__ = ["DigitMerge", "PortDigits"]


class PortDigits(data.StructLayout):
    """A digit of each port, where it has one; ``end``: they are the last of a word, which may have
    none."""

    def __init__(self, base, digit_set, ports):
        super().__init__({"end": 1, "ports": data.ArrayLayout(data.StructLayout({
            "valid": 1, "base": base, "shift": range(digit_set.max_shift + 1), "negative": 1}),
            ports)})


class DigitMerge(wiring.Component):
    """Expand the bursts of each port; no port goes on to the next word before all have sent the
    last digit of this one, and a word ends only when there is a register for its sums::

        port 0   a  a  b* .  d        digits of one word, * its last on the port;
        port 1   a  b  c  c* d        the word ends with the later of them, and d follows

    A digit a cycle and port, without gaps.

    Parameters
    ----------
    burst : :class:`qblif.hw.core.burst.Burst`
    engine : :class:`qblif.hw.layout.stream_engine.StreamEngine`

    Members
    -------
    i_P : ``In(stream.Signature(burst))``
        ``end``: the last burst of a word; level 0: no digit.
    release : ``In(1)``
        A pulse: a word's sums have been read.
    o : ``Out(PortDigits(...))``
        Registered.
    """

    def __init__(self, burst, engine):
        self.ports, self.unread = engine.ports, engine.unread
        base = burst["base"].shape
        self.expanders = [BurstExpander(base, engine.levels, engine.plan.burst, marked=True)
                          for _ in range(self.ports)]
        self.digit_set = self.expanders[0].digit_set
        super().__init__({
            "release": In(1), "o": Out(PortDigits(base, self.digit_set, self.ports)),
        } | {f"i_{port}": In(stream.Signature(burst)) for port in range(self.ports)})

    def elaborate(self, platform):
        m = Module()
        for port, expander in enumerate(self.expanders):
            m.submodules[f"expander_{port}"] = expander
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{port}")), expander.i)
        digits = [expander.o for expander in self.expanders]

        # Credit: words whose sums are complete, or will be, and wait for their update pass.
        unread = Signal(range(self.unread + 1))
        done = Signal(self.ports)  # Which ports have sent their last digit of this word.
        lasts = Cat(digit.valid & digit.p.end for digit in digits)
        all_end = (done | lasts).all()
        end = all_end & (unread != self.unread)
        m.d.sync += unread.eq(unread + end - self.release)
        check(m, platform, ~self.release | (unread != 0), "sums released that were never complete")
        with m.If(end):
            m.d.sync += done.eq(0)
        m.d.sync += self.o.end.eq(end)
        for port, digit in enumerate(digits):
            step = Signal(name=f"step_{port}")
            m.d.comb += [step.eq(digit.valid & ~done[port] & Mux(all_end, end, 1)),
                         digit.ready.eq(step)]
            with m.If(step & digit.p.end & ~end):
                m.d.sync += done[port].eq(1)
            out = self.o.ports[port]
            m.d.sync += [out.valid.eq(step & ~digit.p.none), out.base.eq(digit.p.base),
                         out.shift.eq(digit.p.shift), out.negative.eq(digit.p.negative)]
        return m


assert ISSUE_LATENCY == 1  # The register of ``o``.
