"""Burst expander: how a burst is encoded in digits.  The golden twin is
:func:`qblif.golden.spec.burst.digits`."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.burst import digits

__all__ = ["Burst", "BurstExpander", "Digit", "DigitSet"]


class DigitSet:
    """The digits that ``levels`` are made of: what a lane must be able to do."""

    def __init__(self, levels, mode):
        self.of_level = {level: digits(level, mode) for level in levels if level}
        used = {digit for found in self.of_level.values() for digit in found}
        self.max_shift = max(digit.shift for digit in used)
        self.signed = any(digit.negative for digit in used)
        self.most = max(map(len, self.of_level.values()))


class Burst(data.StructLayout):
    """An event with its ``base``, of any shape.  ``end``: see :class:`BurstExpander`."""

    def __init__(self, base, n_max):
        super().__init__({"base": base, "level": range(n_max + 1), "end": 1})


class Digit(data.StructLayout):
    """One digit of an event, weight times ``2**shift``.  ``end``: see :class:`BurstExpander`;
    ``none``: there is no digit."""

    def __init__(self, base, digit_set):
        super().__init__({"base": base, "shift": range(digit_set.max_shift + 1),
                          "negative": 1, "end": 1, "none": 1})


class BurstExpander(wiring.Component):
    """Turn each event into its digits, one a cycle.

    ``end`` is a transfer of its own, whose other fields are ignored, and passes through as one; or,
    if ``marked``, it marks an event, and is then set in its last digit.  An event of level 0
    is then one transfer without a digit.

    Latency one cycle; no bubbles between events::

        t      i accepted: an event of two digits
        t + 1  o valid: first digit
        t + 2  o valid: last digit; the next event is accepted

    Parameters
    ----------
    base : shape of what passes through with each digit
    levels : every level of the source, in order
    mode : ``"shift"`` (signed digits in non-adjacent form) or ``"repeat"`` (unary)
    marked : bool

    Members
    -------
    i : ``In(stream.Signature(Burst(base, n_max)))``
    o : ``Out(stream.Signature(Digit(base, digit_set)))``
    """

    def __init__(self, base, levels, mode="shift", marked=False):
        self.n_max = n_max = levels[-1]
        self.mode, self.marked = mode, marked
        self.digit_set = DigitSet(levels, mode)
        super().__init__({
            "i": In(stream.Signature(Burst(base, n_max))),
            "o": Out(stream.Signature(Digit(base, self.digit_set))),
        })

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o

        last, load, end = Signal(), Signal(), Signal()
        m.d.comb += [i.ready.eq(~o.valid | o.ready & last), load.eq(i.valid & i.ready)]
        with m.If(i.ready):
            m.d.sync += [o.valid.eq(i.valid), o.p.base.eq(i.p.base), end.eq(i.p.end)]
            if self.marked:
                m.d.sync += o.p.none.eq(i.p.level == 0)
        if self.marked:
            m.d.comb += o.p.end.eq(end & last)
        else:
            m.d.comb += [o.p.end.eq(end), o.p.none.eq(end)]

        step = o.valid & o.ready
        if self.mode == "repeat":
            self.count_down(m, load, step, last)
        else:
            self.shift_out(m, load, step, last)
        return m

    def count_down(self, m, load, step, last):
        """``repeat``: the weight itself, ``level`` times."""
        remaining = Signal(range(self.n_max + 1))
        m.d.comb += last.eq((remaining <= 1) | (C(0) if self.marked else self.o.p.end))
        with m.If(load):
            m.d.sync += remaining.eq(self.i.p.level)
        with m.Elif(step):
            m.d.sync += remaining.eq(remaining - 1)

    def shift_out(self, m, load, step, last):
        """``shift``: a level's digits are looked up together and leave one by one."""
        digit = data.StructLayout({"shift": self.o.p.shift.shape(), "negative": 1, "more": 1})
        queue = Signal(data.ArrayLayout(digit, self.digit_set.most))
        m.d.comb += [last.eq(~queue[0].more), self.o.p.shift.eq(queue[0].shift),
                     self.o.p.negative.eq(queue[0].negative)]
        with m.If(load):
            with m.Switch(self.i.p.level):
                for level, found in self.digit_set.of_level.items():
                    with m.Case(level):
                        for k, (shift, negative) in enumerate(found):
                            m.d.sync += queue[k].eq(digit.const({
                                "shift": shift, "negative": negative,
                                "more": k + 1 < len(found)}))
            with m.If(self.i.p.level == 0 if self.marked else self.i.p.end):
                m.d.sync += queue[0].more.eq(0)
        with m.Elif(step):
            for k in range(self.digit_set.most - 1):
                m.d.sync += queue[k].eq(queue[k + 1])
