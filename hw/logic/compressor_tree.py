"""Weighted sums of bits as compressor trees, one a sum.

Every bit of an input stands in the column of its weight, a power of two, once for each signed digit
of its synapse's weight.  Full adders make of three bits of a column one bit of it and a carry into
the next one, all columns at once, until none has more than two (Wallace 1964,
doi:10.1109/PGEC.1964.263830); one adder adds these two rows.  A full adder is two LUTs of four
inputs and takes one bit away.

A negative digit inverts its bits, as ``-x = ~x - 1``; what that adds is one constant a sum, its
``offset``.  So no bit is a sign, and nothing is subtracted.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...golden.spec.burst import naf

__all__ = ["CompressorTree", "CompressorTrees", "Leaf", "compressor_trees"]


class Leaf(NamedTuple):
    """Bit ``bit`` of an input, ``inverted`` or not; the constant 1 where ``input`` is ``None``."""

    input: int | None
    bit: int = 0
    inverted: bool = False


@dataclass(frozen=True)
class CompressorTree:
    """One sum.  Nodes are bits: the ``leaves``, then two of each full adder, its sum and its carry.

    ``full_adders`` are the three nodes that each reads, in order of computation; ``levels`` how
    many full adders in a row each node has behind it; ``columns`` the nodes that are left, at most
    two for each power of two.  They add up to the sum less ``offset``.
    """

    leaves: tuple[Leaf, ...]
    full_adders: tuple[tuple[int, int, int], ...]
    levels: tuple[int, ...]
    columns: tuple[tuple[int, ...], ...]
    offset: int

    @cached_property
    def depth(self):
        return max(self.levels, default=0)

    @cached_property
    def width(self):
        """Bits of the two rows' sum."""
        return sum(len(nodes) << k for k, nodes in enumerate(self.columns)).bit_length()

    def rows_of(self, levels):
        """What the two rows add up to, ``(frames,)`` int64, of input levels ``(frames, inputs)``.
        """
        nodes = [np.ones(len(levels), np.int64) if leaf.input is None
                 else levels[:, leaf.input] >> leaf.bit & 1 ^ leaf.inverted for leaf in self.leaves]
        for a, b, c in self.full_adders:
            total = nodes[a] + nodes[b] + nodes[c]
            nodes += total & 1, total >> 1
        return sum((nodes[node] << k for k, column in enumerate(self.columns) for node in column),
                   np.zeros(len(levels), np.int64))


@dataclass(frozen=True)
class CompressorTrees:
    """Weighted sums of inputs with levels up to ``inputs``: a tree each.

    With a ``width`` the offsets are among the leaves, and sums are of so many signed bits;
    otherwise they are not negative, and ``offsets`` are still to be added.
    """

    inputs: tuple[int, ...]
    trees: tuple[CompressorTree, ...]
    width: int | None

    closing = 1
    """Clocks behind the last full adder: the adder of the two rows."""

    @property
    def offsets(self):
        return np.array([tree.offset for tree in self.trees], np.int64)

    @property
    def size(self):
        """Full adders."""
        return sum(len(tree.full_adders) for tree in self.trees)

    @cached_property
    def depth(self):
        """Most full adders in a row."""
        return max((tree.depth for tree in self.trees), default=0)

    @cached_property
    def shape(self):
        """``(width, signed)`` of the sums without offsets."""
        widest = max((tree.width for tree in self.trees), default=0)
        return (widest, False) if self.width is None else (self.width, True)

    def sums(self, levels):
        """The weighted sums ``(frames, outputs)`` of ``levels`` ``(frames, inputs)``, int64."""
        levels = np.asarray(levels, np.int64)
        found = np.stack([tree.rows_of(levels) + tree.offset for tree in self.trees], 1)
        if self.width is None:
            return found
        half = 1 << self.width - 1
        return (found + half & 2 * half - 1) - half


def compressor_trees(matrix, inputs, width=None):
    """The :class:`CompressorTrees` of ``matrix``, integer weights ``(sums, inputs)``."""
    return CompressorTrees(inputs, tuple(_tree(row, inputs, width) for row in matrix), width)


def _tree(weights, inputs, width):
    leaves, columns, offset = [], {}, 0
    for k in np.flatnonzero(weights).tolist():
        for digit in naf(abs(int(weights[k]))):
            negative = digit.negative != bool(weights[k] < 0)
            for bit in range(inputs[k].bit_length()):
                columns.setdefault(digit.shift + bit, []).append(len(leaves))
                leaves.append(Leaf(k, bit, negative))
                offset -= negative << digit.shift + bit
    if width is not None:
        for k in range(width):
            if offset >> k & 1:
                columns.setdefault(k, []).append(len(leaves))
                leaves.append(Leaf(None))
        columns, offset = {k: nodes for k, nodes in columns.items() if k < width}, 0
    full_adders, levels = [], [0] * len(leaves)
    while any(len(nodes) > 2 for nodes in columns.values()):
        columns = _compressed(columns, full_adders, levels, width)
    rows = tuple(tuple(columns.get(k, ())) for k in range(max(columns, default=-1) + 1))
    return CompressorTree(tuple(leaves), tuple(full_adders), tuple(levels), rows, offset)


def _compressed(columns, full_adders, levels, width):
    """The columns behind one more level of full adders; a carry out of ``width`` is none."""
    found = {}
    for k, nodes in sorted(columns.items()):
        whole = len(nodes) // 3 * 3
        for triple in zip(*[iter(nodes[:whole])] * 3, strict=True):
            full_adders.append(triple)
            level = 1 + max(levels[node] for node in triple)
            found.setdefault(k, []).append(len(levels))
            if width is None or k + 1 < width:
                found.setdefault(k + 1, []).append(len(levels) + 1)
            levels += level, level
        found.setdefault(k, []).extend(nodes[whole:])
    return found
