"""Compressor trees with registers between their levels.  The golden twin is
:func:`qblif.golden.integer.weighted_sum`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .pipeline import ClockedValues, levels_layout

__all__ = ["CompressorPipeline", "TreeCore"]


class CompressorPipeline(wiring.Component):
    """Weighted sums of a vector of levels, a vector a clock: a tree a sum.

    Parameters
    ----------
    schedule : :class:`qblif.hw.logic.layout.Schedule`
        Of :class:`~qblif.hw.logic.compressor_tree.CompressorTrees`.
    sources : list of :class:`qblif.golden.spec.Population` or ``Input``
        Whose levels the trees' inputs are, in order.

    Members
    -------
    i : ``In(StructLayout)``, by source :func:`~qblif.hw.logic.pipeline.levels_layout`
    o : ``Out(ArrayLayout(..., sums))``, without their offsets, ``schedule.latency`` clocks later
    """

    def __init__(self, schedule, sources):
        self.schedule, self.sources = schedule, sources
        trees = schedule.graph
        super().__init__({
            "i": In(data.StructLayout({s.name: levels_layout(s) for s in sources})),
            "o": Out(data.ArrayLayout(Shape(*trees.shape), len(trees.trees)))})

    def elaborate(self, platform):
        m = Module()
        levels = [self.i[source.name][k] for source in self.sources for k in range(source.size)]
        for k, tree in enumerate(self.schedule.graph.trees):
            m.submodules[f"tree_{k}"] = core = TreeCore(tree, self.schedule, len(self.o[k]))
            m.d.comb += [core.i.eq(Cat(self.leaf(levels, leaf) for leaf in tree.leaves)),
                         self.o[k].eq(core.o)]
        return m

    def leaf(self, levels, leaf):
        if leaf.input is None:
            return C(1, 1)
        bit = levels[leaf.input][leaf.bit]
        return ~bit if leaf.inverted else bit


class TreeCore(wiring.Component):
    """One tree.

    Parameters
    ----------
    tree : :class:`qblif.hw.logic.compressor_tree.CompressorTree`
    schedule : :class:`qblif.hw.logic.layout.Schedule`
    width : int
        Of the sum; what does not fit is no part of it.

    Members
    -------
    i : ``In(leaves)``
    o : ``Out(width)``, ``schedule.latency`` clocks later
    """

    def __init__(self, tree, schedule, width):
        self.tree, self.schedule = tree, schedule
        super().__init__({"i": In(len(tree.leaves)), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        tree, schedule = self.tree, self.schedule
        bits = ClockedValues(m, "b")
        for node in range(len(tree.leaves)):
            bits.put(node, 0, self.i[node])
        for node, triple in zip(range(len(tree.leaves), len(tree.levels), 2), tree.full_adders,
                                strict=True):
            clock = schedule.clock(tree.levels[node])
            a, b, c = (bits.at(operand, clock) for operand in triple)
            total, carry = Signal(name=f"sum{node}"), Signal(name=f"carry{node}")
            m.d.comb += [total.eq(a ^ b ^ c), carry.eq(a & b | c & (a | b))]
            bits.put(node, clock, total)
            bits.put(node + 1, clock, carry)
        last = schedule.latency - 1
        first, second = (Cat(bits.at(column[row], last) if row < len(column) else C(0, 1)
                             for column in tree.columns) for row in range(2))
        m.d.sync += self.o.eq(first + second)
        return m
