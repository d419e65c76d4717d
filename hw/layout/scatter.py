"""The scatter map of a synapse: the accumulators and weights in the fan-out of each event.

A convolution, its stride, padding and groups, the pooling before it
and a dense synapse (whose kernel is the whole source) all become the same three tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...golden.spec import Conv2d, Dense, Network, as_map
from .latency import MEMORY_SUMS_GROUPS

__all__ = ["ScatterMap", "Span"]


@dataclass(frozen=True)
class Span:
    """The fan-out on one axis: ``count`` targets from ``first`` on, the first with weight ``tap``.

    The tap of each further target is lower by the stride.  With a ``count`` of 0 nothing is
    reached.
    """

    first: int
    tap: int
    count: int


@dataclass(frozen=True)
class ScatterMap:
    """Targets and weights of each source neuron, for ``lanes`` channels of the target a word.

    An event from (channel, row, column) goes to a box of the target, ``rows[row].count`` rows times
    ``columns[column].count`` columns times ``slots`` words from word ``words[channel]`` on.  A
    position of the target has ``groups`` words; they are numbered by row, column and group.

    The weights from one source channel for one tap and slot are one word of the weight memory, at
    ``((tap row * kernel columns + tap column) * slots + slot) * channels + channel``.

    ``banks`` is the number of accumulator buffers: the update pass reads one while the others hold
    the timesteps that follow; with a single buffer the two alternate.
    """

    synapse: Conv2d
    source: tuple[int, int, int]
    target: tuple[int, int, int]
    lanes: int
    banks: int = 2

    @classmethod
    def of(cls, network: Network, synapse: Dense | Conv2d, lanes: int) -> ScatterMap:
        """The scatter map of a synapse of ``network`` for ``lanes`` synaptic operations a cycle."""
        source = network.source(synapse.source).shape
        conv = synapse.as_conv(source) if synapse.kind == "dense" else synapse
        return cls(conv, as_map(source), as_map(network.source(synapse.target).shape), lanes)

    @property
    def groups(self) -> int:
        """Accumulator words at one position of the target."""
        return -(-self.target[0] // self.lanes)

    @property
    def positions(self) -> int:
        return self.target[1] * self.target[2]

    @property
    def depth(self) -> int:
        """Words of the weight memory."""
        rows, columns = self.synapse.kernel
        return rows * columns * self.slots * self.source[0]

    @cached_property
    def words(self) -> list[int]:
        """First word for each source channel, which a grouped convolution restricts."""
        low = np.arange(self.source[0]) * self.synapse.groups // self.source[0] * self.share
        return np.minimum(low // self.lanes, self.groups - self.slots).tolist()

    @cached_property
    def slots(self) -> int:
        """Words in an event's fan-out at each position, the same for every source channel."""
        low = np.arange(self.synapse.groups) * self.share
        return int(((low + self.share - 1) // self.lanes - low // self.lanes).max()) + 1

    @property
    def share(self) -> int:
        """Channels of the target that an event reaches: those of its group."""
        return self.target[0] // self.synapse.groups

    @cached_property
    def rows(self) -> list[Span]:
        return self._axis(0)

    @cached_property
    def columns(self) -> list[Span]:
        return self._axis(1)

    def _axis(self, axis):
        """A :class:`Span` for each source row (0) or column (1)."""
        size, targets = self.source[1 + axis], self.target[1 + axis]
        pool, kernel, stride, padding = (pair[axis] for pair in (
            self.synapse.pool, self.synapse.kernel, self.synapse.stride, self.synapse.padding))
        spans = []
        for place in range(size):
            taps = [place // pool + padding - stride * target for target in range(targets)]
            found = [k for k, tap in enumerate(taps) if 0 <= tap < kernel]
            if place // pool >= size // pool or not found:
                spans.append(Span(0, 0, 0))
            else:
                spans.append(Span(found[0], taps[found[0]], len(found)))
        return spans

    def steps(self) -> np.ndarray:
        """Words that one digit of each source neuron visits, one a cycle: ``(neurons,)``."""
        rows, columns = (np.array([s.count for s in spans]) for spans in (self.rows, self.columns))
        return np.tile(np.outer(rows, columns).reshape(-1) * self.slots, self.source[0])

    def operations(self) -> np.ndarray:
        """Synaptic operations of one digit of each source neuron, ``(neurons,)``."""
        return self.steps() // self.slots * self.share

    def weight_words(self, weights: np.ndarray) -> np.ndarray:
        """The weight memory's words for a tensor of the synapse's shape: ``(depth, lanes)``."""
        rows, columns = self.synapse.kernel
        channels, share = self.source[0], self.share
        before = channels // self.synapse.groups
        weights = np.asarray(weights).reshape(self.target[0], before, rows, columns)
        full = np.zeros((self.groups * self.lanes, channels, rows, columns), weights.dtype)
        for k in range(self.synapse.groups):
            group = slice(k * share, (k + 1) * share)
            full[group, k * before:(k + 1) * before] = weights[group]
        full = full.reshape(self.groups, self.lanes, channels, rows, columns)
        slots = np.array(self.words)[:, None] + np.arange(self.slots)
        found = full[slots, :, np.arange(channels)[:, None]]
        return found.transpose(3, 4, 1, 0, 2).reshape(self.depth, self.lanes)

    @property
    def sums(self) -> str:
        """The kind of accumulators: ``"registers"``, ``"memory"`` or ``"map"`` (see
        qblif.hw.core.accumulators).

        The first two require every digit to visit every word.
        """
        if self.positions > 1 or self.slots < self.groups:
            return "map"
        return "registers" if self.groups < MEMORY_SUMS_GROUPS else "memory"

    @property
    def unread(self) -> int:
        """Completed timesteps that may wait for their update pass, or are being read."""
        return max(1, self.banks - 1)

    @property
    def returns_soon(self) -> bool:
        """Whether a word may be visited again before it is written, so that it needs a bypass."""
        return self.slots < MEMORY_SUMS_GROUPS or any(word % self.slots for word in self.words)

    @property
    def needs_tables(self) -> bool:
        """Whether addresses need decoding to find the weights and the accumulators."""
        here = [Span(0, 0, 1)]
        return (self.rows != here or self.columns != here or self.positions > 1
                or any(self.words))
