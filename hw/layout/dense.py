"""Geometry of a dense engine: the weights of every source neuron, for a target of one position."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...golden.spec import Conv2d, Dense, Network, as_map
from .window import as_maps

__all__ = ["DenseMap"]


@dataclass(frozen=True)
class DenseMap:
    """Weights of a synapse whose target is one position, for words of ``lanes`` channels.

    A dense synapse, or a convolution without groups that has one window.  Each event adds
    ``words`` words of weights, from address ``rows[row] + columns[column] + channel`` on, each
    further one ``source[0]`` addresses later; ``None`` in ``rows`` or ``columns`` drops it.
    """

    synapse: Conv2d
    source: tuple[int, int, int]
    target: tuple[int, int, int]
    lanes: int

    @classmethod
    def of(cls, network: Network, synapse: Dense | Conv2d, lanes: int) -> DenseMap:
        """That of a synapse of ``network`` for ``lanes`` synaptic operations a cycle."""
        return cls(*as_maps(network, synapse), lanes)

    @staticmethod
    def serves(network: Network, synapse: Dense | Conv2d) -> bool:
        """Whether every event of the source adds to all channels of a target of one position."""
        flat = as_map(network.source(synapse.target).shape)[1:] == (1, 1)
        return flat and (synapse.kind == "dense" or synapse.groups == 1)

    @property
    def words(self) -> int:
        """Words of accumulators."""
        return -(-self.target[0] // self.lanes)

    @property
    def depth(self) -> int:
        """Words of the weight memory."""
        rows, columns = self.synapse.kernel
        return rows * columns * self.words * self.source[0]

    @cached_property
    def rows(self) -> list[int | None]:
        """Offset of the weights of each source row."""
        return self._axis(0, self.synapse.kernel[1] * self.words * self.source[0])

    @cached_property
    def columns(self) -> list[int | None]:
        """Offset of the weights of each source column."""
        return self._axis(1, self.words * self.source[0])

    def _axis(self, axis, stride):
        size, pool, kernel, padding = self.source[1 + axis], *(pair[axis] for pair in (
            self.synapse.pool, self.synapse.kernel, self.synapse.padding))
        taps = [place // pool + padding if place // pool < size // pool else kernel
                for place in range(size)]
        return [tap * stride if tap < kernel else None for tap in taps]

    @property
    def needs_tables(self) -> bool:
        """Whether an address needs decoding to find the weights."""
        return self.rows != [0] or self.columns != [0]

    def steps(self) -> np.ndarray:
        """Words that one digit of each source neuron visits, one a cycle: ``(neurons,)``."""
        rows, columns = (np.array([place is not None for place in places])
                         for places in (self.rows, self.columns))
        return np.tile(np.outer(rows, columns).reshape(-1) * self.words, self.source[0])

    def weight_words(self, weights: np.ndarray) -> np.ndarray:
        """The weight memory's words for a tensor of the synapse's shape: ``(depth, lanes)``."""
        rows, columns = self.synapse.kernel
        weights = np.asarray(weights).reshape(self.target[0], self.source[0], rows, columns)
        full = np.zeros((self.words * self.lanes, self.source[0], rows, columns), weights.dtype)
        full[:self.target[0]] = weights
        full = full.reshape(self.words, self.lanes, self.source[0], rows, columns)
        return full.transpose(3, 4, 0, 2, 1).reshape(self.depth, self.lanes)
