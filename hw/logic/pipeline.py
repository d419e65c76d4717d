"""What pipelines of adders have in common."""

from amaranth import *
from amaranth.lib import data

__all__ = ["ClockedValues", "levels_layout"]


def levels_layout(node):
    """The levels of a population, or of the input, side by side; neuron 0 in the lowest bits."""
    return data.ArrayLayout(range(node.emit_max + 1), node.size)


class ClockedValues:
    """The values of a graph's nodes in the clock in which they are computed, and behind as many
    registers as are needed in every later one that reads them.

    Parameters
    ----------
    m : ``Module``
    name : str
        With which the registers' names begin.
    """

    def __init__(self, m, name):
        self.m, self.name, self.values = m, name, {}

    def put(self, node, clock, value):
        """``node`` is ``value`` in ``clock``."""
        self.values[node, clock] = value

    def at(self, node, clock):
        """The node's value in ``clock``."""
        if (node, clock) not in self.values:
            before = self.at(node, clock - 1)
            self.values[node, clock] = register = Signal(
                before.shape(), name=f"{self.name}{node}_{clock}", reset_less=True)
            self.m.d.sync += register.eq(before)
        return self.values[node, clock]
