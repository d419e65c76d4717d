"""The largest of several scores at once.  The golden twin is
:func:`qblif.golden.integer.argmax`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..core.payloads import index_shape

__all__ = ["ArgMaxTree"]


class ArgMaxTree(wiring.Component):
    """Index of the largest score, the lowest on a tie: rows of comparators of two, each with a
    register, so that it is there ``(size - 1).bit_length()`` clocks later.

    Members
    -------
    scores : ``In(ArrayLayout(signed(width), size))``
    label : ``Out(index_shape(size))``
    """

    def __init__(self, size, width):
        self.size, self.width = size, width
        super().__init__({"scores": In(data.ArrayLayout(signed(width), size)),
                          "label": Out(index_shape(size))})

    def elaborate(self, platform):
        m = Module()
        index = self.label.shape()
        row, rows = [(self.scores[k], C(k, index)) for k in range(self.size)], 0
        while len(row) > 1:
            found, rows = [], rows + 1
            for k in range(0, len(row), 2):
                score, label = row[k]
                better = Signal(signed(self.width), name=f"score_{rows}_{k}", reset_less=True)
                where = Signal(index, name=f"label_{rows}_{k}", reset_less=True)
                m.d.sync += [better.eq(score), where.eq(label)]
                if k + 1 < len(row):
                    other, second = row[k + 1]
                    with m.If(other > score):
                        m.d.sync += [better.eq(other), where.eq(second)]
                found.append((better, where))
            row = found
        m.d.comb += self.label.eq(row[0][1])
        return m
