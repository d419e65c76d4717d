"""Address generation unit (AGU) of a synapse: the weights and accumulators that a digit visits."""

from typing import NamedTuple

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .address_decoder import FanOut

__all__ = ["AddressGenerator"]


class Loop(NamedTuple):
    """One of the nested counters: ``most`` iterations, the last when it counts ``last``; each adds
    a stride to the address of the weights and to that of the accumulators."""

    name: str
    most: int
    last: Value
    weight_stride: int
    word_stride: int


class AddressGenerator(wiring.Component):
    """Nested counters over the rows and columns of the target that a digit reaches, and over the
    words of ``lanes`` channels at each position, innermost.

    The addresses of a digit's first step come from its base address; each ``step`` moves on::

        t      base given, addresses of the first step; step
        t + 1  addresses of the second step; step
        ...
        t + n  last, step: the next digit may come in the next cycle

    The base must hold until the step that is ``last``.  ``addresses = base + offset``, modulo the
    memory: a step on one counter adds its stride to the offset at which its iteration began, and
    restarts the counters inside of it there.

    Example: a convolution with a kernel of 3x3, stride 2, padding 1, from one channel to one of the
    target, in one lane.  Source row r reaches target row y through tap r + 1 - 2 y.  The event at
    row 3, column 4 reaches rows 1 and 2, through taps 2 and 0; and column 2, through tap 1.  The
    first weight is tap (2, 1), word 2*3 + 1 = 7 of the weight memory; the first accumulator of a
    target 4 columns wide is 1*4 + 2 = 6.  The next row lies 4 accumulators further, but its tap
    lower by the stride, 2 rows of 3 words::

        step  row  column  weight      word
        0     0    0       7           6
        1     1    0       7 - 6 = 1   6 + 4 = 10, last

    Parameters
    ----------
    scatter : :class:`qblif.hw.layout.scatter.ScatterMap`

    Members
    -------
    base : ``In(FanOut(scatter))``
    step : ``In(1)``
    weight : ``Out(index_shape(scatter.depth))``
    word : ``Out(index_shape(accumulator words))``
    last : ``Out(1)``
        The addresses are those of the digit's last step.
    """

    def __init__(self, scatter):
        self.scatter = scatter
        fan_out = FanOut(scatter)
        super().__init__({
            "base": In(fan_out), "step": In(1), "last": Out(1),
            "weight": Out(fan_out["weight"].shape), "word": Out(fan_out["word"].shape)})

    def loops(self):
        """The counters, the innermost first; without those that never count."""
        scatter = self.scatter
        per_tap = scatter.slots * scatter.source[0]
        down, right = scatter.synapse.stride
        found = [
            Loop("slot", scatter.slots, C(scatter.slots - 1), scatter.source[0], 1),
            Loop("column", max(span.count for span in scatter.columns), self.base.columns,
                 -right * per_tap, scatter.groups),
            Loop("row", max(span.count for span in scatter.rows), self.base.rows,
                 -down * scatter.synapse.kernel[1] * per_tap, scatter.target[2] * scatter.groups)]
        return [loop for loop in found if loop.most > 1]

    def elaborate(self, platform):
        m = Module()
        offset = data.StructLayout({"weight": self.weight.shape(), "word": self.word.shape()})
        starts = []  # Offset at which the current iteration of each counter began.
        done = C(1)  # All counters inside stand on their last iteration.
        for loop in self.loops():
            count = Signal(range(loop.most), name=loop.name)
            start = Signal(offset, name=f"{loop.name}_start")
            starts.append(start)
            at_last = count == loop.last
            with m.If(self.step & done):
                m.d.sync += count.eq(0)
                with m.If(~at_last):
                    m.d.sync += count.eq(count + 1)
                    for inner in starts:
                        m.d.sync += [inner.weight.eq(start.weight + loop.weight_stride),
                                     inner.word.eq(start.word + loop.word_stride)]
            done = done & at_last
        with m.If(self.step & done):
            m.d.sync += [start.as_value().eq(0) for start in starts]

        # The innermost counter's offset is the current one.
        m.d.comb += [self.last.eq(done), self.weight.eq(self.base.weight),
                     self.word.eq(self.base.word)]
        if starts:
            m.d.comb += [self.weight.eq(self.base.weight + starts[0].weight),
                         self.word.eq(self.base.word + starts[0].word)]
        return m
