"""The largest of several scores at once.  The golden twin is
:func:`qblif.golden.integer.argmax`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..core.payloads import index_shape, pipe

__all__ = ["ArgMaxTree"]


class ArgMaxTree(wiring.Component):
    """Index of the largest score, the lowest on a tie,
    :func:`~qblif.hw.logic.layout.argmax_latency` clocks later: rows of comparators of two, each
    with a register before and behind its multiplexer.

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
        row, rows = [Cat(self.scores[k], C(k, index)) for k in range(self.size)], 0
        while len(row) > 1:
            rows += 1
            row = [self.better(m, row[k:k + 2], f"{rows}_{k}") for k in range(0, len(row), 2)]
        m.d.comb += self.label.eq(row[0][self.width:])
        return m

    def better(self, m, pair, name):
        """Of one or two scores, each with its index above it, the larger."""
        held = [pipe(m, entry, 1, f"held_{name}_{k}") for k, entry in enumerate(pair)]
        if len(pair) == 1:
            return pipe(m, held[0], 1, f"alone_{name}")
        score, other = (entry[:self.width].as_signed() for entry in pair)
        larger = Signal(name=f"larger_{name}", reset_less=True)
        m.d.sync += larger.eq(other > score)
        return pipe(m, Mux(larger, held[1], held[0]), 1, f"better_{name}")
