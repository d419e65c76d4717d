"""Sums of weighted levels as a graph of adders: constant weights are shifts, and shifts are wires.

Partial sums that several neurons need are there only once; da4ml's solver (arXiv:2507.04535) finds
them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...golden.spec.errors import InvalidValue, QblifError

__all__ = ["Adder", "AdderGraph", "Term", "shared_adders"]


class Term(NamedTuple):
    """What a weighted sum is made of: the value of ``node``, shifted left by ``shift`` bits (right
    where that is negative; no bit is lost), and negated where it is ``negative``."""

    node: int
    shift: int = 0
    negative: bool = False


class Adder(NamedTuple):
    """A node: ``(left << left_shift) + (right << right_shift)``, or the difference of them."""

    left: int
    left_shift: int
    right: int
    right_shift: int
    minus: bool


@dataclass(frozen=True)
class AdderGraph:
    """Weighted sums of inputs.

    ``inputs`` are the largest levels of the inputs, which are the first nodes; ``adders`` are the
    nodes behind them, in order of computation; ``outputs`` has the :class:`Term` of each sum, or
    ``None`` for one without weights.
    """

    inputs: tuple[int, ...]
    adders: tuple[Adder, ...]
    outputs: tuple[Term | None, ...]

    closing = 0
    """Clocks behind the last adder."""

    @property
    def offsets(self):
        """What is still to be added to each sum: nothing."""
        return np.zeros(len(self.outputs), np.int64)

    @property
    def size(self):
        """Adders."""
        return len(self.adders)

    @cached_property
    def ranges(self):
        """Least and largest value of each node, both of which some levels give."""
        weights = self._nodes(np.eye(len(self.inputs), dtype=np.int64))
        low, high = (part @ np.array(self.inputs, np.int64) for part in (
            np.minimum(weights, 0), np.maximum(weights, 0)))
        return tuple(zip(low.tolist(), high.tolist(), strict=True))

    @cached_property
    def shape(self):
        """``(width, signed)`` of the sums."""
        width = 1
        for term in filter(None, self.outputs):
            for value in self.ranges[term.node]:
                value = -value if term.negative else value
                value = value << term.shift if term.shift >= 0 else value >> -term.shift
                width = max(width, 1 + max(value, ~value).bit_length())
        return width, True

    @cached_property
    def levels(self):
        """How many adders in a row each node has behind it."""
        found = [0] * len(self.inputs)
        for adder in self.adders:
            found.append(1 + max(found[adder.left], found[adder.right]))
        return tuple(found)

    @cached_property
    def depth(self):
        """Most adders in a row from an input to a sum."""
        return max((self.levels[term.node] for term in self.outputs if term), default=0)

    def sums(self, levels):
        """The weighted sums ``(frames, outputs)`` of ``levels`` ``(frames, inputs)``, int64."""
        nodes = self._nodes(levels)
        found = np.zeros((len(levels), len(self.outputs)), np.int64)
        for k, term in enumerate(self.outputs):
            if term is not None:
                node = nodes[term.node]
                value = node << term.shift if term.shift >= 0 else node >> -term.shift
                found[:, k] = -value if term.negative else value
        return found

    def _nodes(self, levels):
        """The value ``(nodes, frames)`` of each node."""
        nodes = np.zeros((len(self.inputs) + len(self.adders), len(levels)), np.int64)
        nodes[:len(self.inputs)] = np.asarray(levels).T
        for k, (left, left_shift, right, right_shift, minus) in enumerate(self.adders):
            second = nodes[right] << right_shift
            nodes[len(self.inputs) + k] = (nodes[left] << left_shift) + (-second if minus
                                                                         else second)
        return nodes


class _Builder:
    """Nodes under construction; a :class:`Term` stands for each value."""

    def __init__(self, inputs):
        self.inputs, self.adders = inputs, []

    def add(self, one, other):
        """The sum of two terms; signs move outwards, so that no node only negates."""
        shift = min(one.shift, other.shift)
        if one.negative and not other.negative:
            one, other = other, one
        minus = one.negative != other.negative
        self.adders.append(Adder(one.node, one.shift - shift, other.node, other.shift - shift,
                                 minus))
        return Term(len(self.inputs) + len(self.adders) - 1, shift, one.negative)

    def graph(self, outputs):
        return AdderGraph(self.inputs, tuple(self.adders), tuple(outputs))


def shared_adders(matrix, inputs):
    """The :class:`AdderGraph` of ``matrix``, integer weights ``(sums, inputs)``, that da4ml's
    solver finds, in two steps of which the second reads the first one's sums.

    Raises :class:`ValueError` where da4ml is not installed.
    """
    solve = _solver()
    builder = _Builder(inputs)
    if not matrix.any():
        return builder.graph([None] * len(matrix))
    # da4ml reads the array as it lies in memory.  Its search over all delay constraints takes
    # twenty times as long and found nothing better.
    kernel = np.ascontiguousarray(matrix.T, np.float32)
    solution = solve(kernel, search_all_decompose_dc=False, qintervals=[
        (0.0, float(largest), 1.0) for largest in inputs])
    terms = [Term(k) for k in range(len(inputs))]
    for step in solution.solutions:
        terms = _follow(builder, step, terms)
    return builder.graph(terms)


COPY, ADD, SUBTRACT = -1, 0, 1  # da4ml's operations of which a product with constants is made.


def _follow(builder, step, terms):
    """The output terms of one of da4ml's steps, whose inputs are ``terms``."""
    found = []
    for op in step.ops:
        if op.opcode == COPY:
            found.append(_scaled(terms[op.id0], step.inp_shifts[op.id0]))
        elif op.opcode in (ADD, SUBTRACT):
            found.append(_sum(builder, found[op.id0], _scaled(
                found[op.id1], op.data, op.opcode == SUBTRACT)))
        else:
            raise QblifError(f"da4ml uses an operation {op.opcode} that is not known here: "
                             "use the version in constraints.txt")
    return [_scaled(found[index], shift, negative) if index >= 0 else None
            for index, shift, negative in zip(step.out_idxs, step.out_shifts, step.out_negs,
                                              strict=True)]


def _scaled(term, shift, negative=False):
    return term and Term(term.node, term.shift + int(shift), term.negative != bool(negative))


def _sum(builder, one, other):
    """Of terms, where ``None`` is 0."""
    return builder.add(one, other) if one and other else one or other


def _solver():
    try:
        from da4ml.cmvm import solve
    except ImportError as error:
        raise InvalidValue("Shared adders need da4ml: pip install 'qblif[logic]', or choose "
                           "compressors") from error
    return solve
