"""Adders of a graph, with registers between them.  The golden twin is
:func:`qblif.golden.integer.weighted_sum`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .pipeline import ClockedValues, levels_layout

__all__ = ["AdderPipeline"]


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

    Members
    -------
    i : ``In(StructLayout)``, by source :func:`~qblif.hw.logic.pipeline.levels_layout`
    o : ``Out(ArrayLayout(signed(...), sums))``, ``schedule.latency`` clocks later
    """

    def __init__(self, schedule, sources):
        self.schedule, self.sources = schedule, sources
        super().__init__({
            "i": In(data.StructLayout({s.name: levels_layout(s) for s in sources})),
            "o": Out(data.ArrayLayout(Shape(*schedule.graph.shape), len(schedule.graph.outputs)))})

    def elaborate(self, platform):
        m = Module()
        graph, schedule = self.schedule.graph, self.schedule
        shapes = [fitting(*bounds) for bounds in graph.ranges]
        nodes = ClockedValues(m, "n")
        levels = [self.i[source.name][k] for source in self.sources for k in range(source.size)]
        for node, level in enumerate(levels):
            nodes.put(node, 0, level)
        for node, adder in enumerate(graph.adders, len(levels)):
            clock = schedule.clock(graph.levels[node])
            left = nodes.at(adder.left, clock) << adder.left_shift
            right = nodes.at(adder.right, clock) << adder.right_shift
            found = Signal(shapes[node], name=f"n{node}")
            m.d.comb += found.eq(left - right if adder.minus else left + right)
            nodes.put(node, clock, found)
        for k, term in enumerate(graph.outputs):
            if term is not None:
                value = nodes.at(term.node, schedule.latency)
                value = value << term.shift if term.shift >= 0 else value >> -term.shift
                m.d.comb += self.o[k].eq(-value if term.negative else value)
        return m
