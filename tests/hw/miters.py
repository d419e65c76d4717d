"""Miters: two ways to compute the same on one input, and an output ``differ``.

:func:`prove.counterexample` asks whether it can be 1.
"""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qblif.golden.spec.burst import MODES
from qblif.hw.core.burst import BurstExpander
from qblif.hw.core.lanes import Lanes
from qblif.hw.core.leak import Leak
from qblif.hw.core.payloads import pipe

__all__ = ["BurstMiter", "LeakMiter", "QuantiserMiter"]


class QuantiserMiter(wiring.Component):
    """Pairs of quantisers on one membrane.

    Parameters
    ----------
    pairs : list of two :class:`qblif.hw.core.quantiser.QuantiserCore` each, all of one ``v_width``
    """

    def __init__(self, pairs):
        self.pairs = pairs
        super().__init__({"v": In(pairs[0][0].v.shape()), "differ": Out(1)})

    def elaborate(self, platform):
        m = Module()
        differ = []
        for k, (a, b) in enumerate(self.pairs):
            m.submodules[f"a_{k}"], m.submodules[f"b_{k}"] = a, b
            m.d.comb += [a.v.eq(self.v), b.v.eq(self.v)]
            differ += [a.level != b.level, a.amount != b.amount]
        m.d.comb += self.differ.eq(Cat(differ).any())
        return m


class Spender(wiring.Component):
    """Expander, lane and accumulator: what one event adds to one sum.

    The event is the one with base 1 that arrives as ``first``; others, with base 0, may come before
    and after it, and are not counted.  ``marked``: the expander is, and the lane is gated.

    Members
    -------
    first : ``In(1)``
    i : ``In(stream.Signature(Burst(1, n_max)))``
    weight, other : ``In(signed(w_width))``
        What the lane takes with the event's digits; and at other times.
    sum : ``Out(signed(w_width + 5))``
    busy : ``Out(1)``
        Some digit with base 1 is not in the sum yet.
    ends : ``Out(2)``
        Its transfers from the first with ``end`` on, up to 3.
    """

    def __init__(self, levels, mode, w_width, marked=False):
        self.marked = marked
        self.expander = BurstExpander(unsigned(1), levels, mode, marked)
        self.lanes = Lanes(lanes=1, w_width=w_width, digit_set=self.expander.digit_set,
                           gated=marked)
        super().__init__({
            "first": In(1),
            "i": self.expander.signature.members["i"],
            "weight": In(signed(w_width)), "other": In(signed(w_width)),
            "sum": Out(signed(w_width + 5)), "busy": Out(1), "ends": Out(2),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.expander = expander = self.expander
        m.submodules.lanes = lanes = self.lanes
        wiring.connect(m, wiring.flipped(self.i), expander.i)
        digit = expander.o.p
        ours = expander.o.valid & digit.base
        m.d.comb += [expander.o.ready.eq(1), lanes.shift.eq(digit.shift),
                     lanes.negative.eq(digit.negative)]

        issued = [ours if self.marked else ours & ~digit.end]
        if self.marked:
            m.d.comb += lanes.valid.eq(~digit.none)
        with m.If(self.first):
            m.d.sync += self.ends.eq(0)
        with m.Elif(ours & (digit.end | self.ends.any()) & ~self.ends.all()):
            m.d.sync += self.ends.eq(self.ends + 1)
        for cycle in range(Lanes.latency):
            issued.append(pipe(m, issued[-1], 1, f"issued_{cycle}"))
        m.d.comb += [lanes.weights[0].eq(Mux(issued[2], self.weight, self.other)),
                     self.busy.eq(ours | Cat(issued).any())]

        # As in qblif.hw.core.accumulators: the carry enters as a bit below both operands.
        sum_, addend = Cat(C(1, 1), self.sum), Cat(lanes.carry, lanes.addends[0])
        with m.If(self.first):
            m.d.sync += self.sum.eq(0)
        with m.Elif(issued[-1]):
            m.d.sync += self.sum.eq((sum_.as_signed() + addend.as_signed()) >> 1)
        return m


class BurstMiter(wiring.Component):
    """Two ways to spend one event: the sums must be the same, and complete in ``cycles``; and its
    last transfer alone must have its ``end``.

    Parameters
    ----------
    levels : every level of the source, in order
    w_width : int
    marked : bool
        ``end`` marks an event, and level 0 is one too.

    Members
    -------
    level, end, weight : the event, in the first cycle
    other_valid, other_end, other_level, other_weight : what follows it, as it likes
    sum_shift, sum_repeat : what each way has added
    """

    def __init__(self, levels, w_width, marked=False):
        self.levels = levels[0 if marked else 1:]
        self.ways = {mode: Spender(levels, mode, w_width, marked) for mode in MODES}
        self.marked = marked
        self.cycles = 1 + levels[-1] + Lanes.latency + 1
        level, weight, sum_ = range(levels[-1] + 1), signed(w_width), signed(w_width + 5)
        super().__init__({
            "first": In(1), "level": In(level), "end": In(1), "weight": In(weight),
            "other_valid": In(1), "other_end": In(1), "other_level": In(level),
            "other_weight": In(weight),
            "sum_shift": Out(sum_), "sum_repeat": Out(sum_), "assume": Out(1), "differ": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        kept, kept_end = Signal.like(self.weight), Signal()
        weight, end = Mux(self.first, self.weight, kept), Mux(self.first, self.end, kept_end)
        m.d.sync += [kept.eq(weight), kept_end.eq(end)]

        ready = []
        for mode, way in self.ways.items():
            m.submodules[mode] = way
            m.d.comb += [
                way.first.eq(self.first), way.weight.eq(weight), way.other.eq(self.other_weight),
                way.i.valid.eq(self.first | self.other_valid), way.i.p.base.eq(self.first),
                way.i.p.end.eq(Mux(self.first, self.end, self.other_end)),
                way.i.p.level.eq(Mux(self.first, self.level, self.other_level))]
            ready += [way.i.ready, ~way.busy]

        shift, repeat = (self.ways[mode] for mode in MODES)
        legal = Cat(self.level == level for level in self.levels).any()
        legal = legal if self.marked else legal | self.end
        m.d.comb += [
            self.assume.eq(~self.first | legal & Cat(ready).all()),
            self.sum_shift.eq(shift.sum), self.sum_repeat.eq(repeat.sum),
            self.differ.eq(shift.busy | repeat.busy | (shift.sum != repeat.sum)
                           | (shift.ends != end) | (repeat.ends != end))]
        return m


class LeakMiter(wiring.Component):
    """A quadratic leak, and its formula in plain arithmetic."""

    def __init__(self, neuron):
        self.neuron = neuron
        self.leak = Leak(neuron.leak, neuron.v_width)
        self.cycles = 1 + self.leak.latency
        super().__init__({"first": In(1), "v": In(signed(neuron.v_width)),
                          "start": In(1), "o": Out(self.leak.o.shape()),
                          "assume": Out(1), "differ": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.leak = leak = self.leak
        spec = self.neuron.leak
        v = Mux(self.start, 0, self.v)
        eighths = v.as_signed() >> spec.bits - spec.FRACTION
        x = Mux(eighths < spec.X_MIN, spec.X_MIN, Mux(eighths > spec.X_MAX, spec.X_MAX, eighths))
        product = spec.gain * (x - spec.low) * (x - spec.high) << spec.bits
        expected = v + (product >> 2 * spec.FRACTION + spec.GAIN_FRACTION)
        m.d.comb += [leak.v.eq(self.v), leak.first.eq(self.start), self.o.eq(leak.o),
                     self.assume.eq(1),
                     self.differ.eq(leak.o != pipe(m, expected, leak.latency, "expected"))]
        return m
