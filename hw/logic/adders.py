"""Adders of a graph, with registers between them.  The golden twin is
:func:`qblif.golden.integer.weighted_sum`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AdderPipeline", "levels_layout"]


def levels_layout(node):
    """The levels of a population, or of the input, side by side; neuron 0 in the lowest bits."""
    return data.ArrayLayout(range(node.emit_max + 1), node.size)


def fitting(low, high):
    """The narrowest shape that holds ``low..high``."""
    width = max(high, ~low).bit_length()
    return signed(width + 1) if low < 0 else unsigned(width)


class AdderPipeline(wiring.Component):
    """Weighted sums of a vector of levels, a vector a clock; no weight is stored anywhere.

    An adder reads its operands in the clock that its schedule says; one that was computed earlier
    comes through as many registers.  Every node is as wide as its values need.

    Parameters
    ----------
    schedule : :class:`qblif.hw.logic.layout.Schedule`
    sources : list of :class:`qblif.golden.spec.Population` or ``Input``
        Whose levels the graph's inputs are, in order.
    width : int
        Signed width of a sum.

    Members
    -------
    i : ``In(StructLayout)``, by source :func:`levels_layout`
    o : ``Out(ArrayLayout(signed(width), sums))``, ``schedule.latency`` clocks later
    """

    def __init__(self, schedule, sources, width):
        self.schedule, self.sources = schedule, sources
        super().__init__({
            "i": In(data.StructLayout({s.name: levels_layout(s) for s in sources})),
            "o": Out(data.ArrayLayout(signed(width), len(schedule.graph.outputs)))})

    def elaborate(self, platform):
        m = Module()
        graph, clocks = self.schedule.graph, self.schedule.clocks
        shapes = [fitting(*bounds) for bounds in graph.ranges]
        levels = [self.i[source.name][k] for source in self.sources for k in range(source.size)]
        values = {(node, 0): level for node, level in enumerate(levels)}

        def at(node, clock):
            """The node's value in a clock, behind registers where it was computed before that."""
            if (node, clock) not in values:
                values[node, clock] = Signal(shapes[node], name=f"n{node}_{clock}",
                                             reset_less=True)
                m.d.sync += values[node, clock].eq(at(node, clock - 1))
            return values[node, clock]

        for node, adder in enumerate(graph.adders, len(levels)):
            clock = clocks[node]
            left = at(adder.left, clock) << adder.left_shift
            right = at(adder.right, clock) << adder.right_shift
            values[node, clock] = Signal(shapes[node], name=f"n{node}")
            m.d.comb += values[node, clock].eq(left - right if adder.minus else left + right)
        for k, term in enumerate(graph.outputs):
            if term is not None:
                value = at(term.node, self.schedule.latency)
                value = value << term.shift if term.shift >= 0 else value >> -term.shift
                m.d.comb += self.o[k].eq(-value if term.negative else value)
        return m
