"""The windows of a convolution: what each target reads of its source, and where its weights lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...golden.spec import Conv2d, Dense, Network, as_map

__all__ = ["Span", "Window", "as_maps"]


def as_maps(network: Network, synapse: Dense | Conv2d) -> tuple[
        Conv2d, tuple[int, int, int], tuple[int, int, int]]:
    """A synapse as a convolution, and its source and target as maps."""
    source = network.source(synapse.source).shape
    conv = synapse.as_conv(source) if isinstance(synapse, Dense) else synapse
    return conv, as_map(source), as_map(network.source(synapse.target).shape)


@dataclass(frozen=True)
class Span:
    """Source rows (or columns) ``first`` to ``end`` that one target row (column) reads.

    ``low`` is where the window begins, which is outside of the map where padding is read.
    """

    first: int
    end: int
    low: int

    @property
    def count(self) -> int:
        return self.end - self.first


@dataclass(frozen=True)
class Window:
    """Windows and weights of one synapse, for words of ``width`` channels of the target.

    A position of the target is computed word by word.  The weights of one word from one source
    channel through one tap are one word of the weight memory, at ``((word * kernel rows + tap row)
    * kernel columns + tap column) * reach + channel - lows[word]``.
    """

    synapse: Conv2d
    source: tuple[int, int, int]
    target: tuple[int, int, int]
    width: int

    @classmethod
    def of(cls, network: Network, synapse: Dense | Conv2d, width: int) -> Window:
        """The windows of a synapse of ``network``; a dense one's is the whole source."""
        return cls(*as_maps(network, synapse), width)

    @property
    def words(self) -> int:
        """Words of ``width`` channels at one position of the target."""
        return -(-self.target[0] // self.width)

    @property
    def taps(self) -> int:
        return self.synapse.kernel[0] * self.synapse.kernel[1]

    @cached_property
    def rows(self) -> list[Span]:
        """A :class:`Span` for each target row."""
        return self._axis(0)

    @cached_property
    def columns(self) -> list[Span]:
        """A :class:`Span` for each target column."""
        return self._axis(1)

    def _axis(self, axis):
        pool, kernel, stride, padding = (pair[axis] for pair in (
            self.synapse.pool, self.synapse.kernel, self.synapse.stride, self.synapse.padding))
        size = self.source[1 + axis] // pool * pool  # What is left at the end is dropped.
        found = []
        for target in range(self.target[1 + axis]):
            low = (target * stride - padding) * pool
            first = min(max(low, 0), size)
            found.append(Span(first, max(first, min(low + kernel * pool, size)), low))
        return found

    @cached_property
    def drops(self) -> list[int]:
        """Source rows that no target row after this one reads, counted from the one before."""
        firsts = [span.first for span in self.rows] + [self.source[1]]
        return [after - first for first, after in zip(firsts, firsts[1:], strict=False)]

    @cached_property
    def least_rows(self) -> int:
        """Rows of the source that the tallest window reads, at least 1."""
        return max(1, *(span.count for span in self.rows))

    def last_read(self) -> np.ndarray:
        """Raster index of the last source position that each target position needs, itself or one
        before it: ``(positions,)``.  In the first row it is at least the first."""
        rows = np.array([span.end - 1 if span.count else -1 for span in self.rows])
        columns = np.array([span.end - 1 if span.count else -1 for span in self.columns])
        last = rows[:, None] * self.source[2] + columns
        last[(rows < 0)[:, None] | (columns < 0)] = -1
        last[0] = np.maximum(rows[0], 0) * self.source[2] + np.maximum(columns, 0)
        return np.maximum.accumulate(last.reshape(-1))

    @cached_property
    def _reached(self) -> list[tuple[int, int]]:
        """Source channels, first and end, that reach each word."""
        share = self.target[0] // self.synapse.groups
        before = self.source[0] // self.synapse.groups
        return [(word * self.width // share * before,
                 ((min((word + 1) * self.width, self.target[0]) - 1) // share + 1) * before)
                for word in range(self.words)]

    @cached_property
    def reach(self) -> int:
        """Source channels with weights in each word; groups restrict them."""
        return max(end - first for first, end in self._reached)

    @cached_property
    def lows(self) -> list[int]:
        """First source channel with weights in each word: 0 where a word has weights from all of
        them.  The last word's places may be more than there are channels from it on."""
        whole = self.reach == self.source[0]
        return [0 if whole else first for first, _ in self._reached]

    @cached_property
    def visits(self) -> list[int]:
        """Words that an event of each source channel is read for: ``(channels,)``."""
        return [sum(0 <= channel - low < self.reach for low in self.lows)
                for channel in range(self.source[0])]

    @property
    def depth(self) -> int:
        """Words of the weight memory."""
        return self.words * self.taps * self.reach

    def weight_words(self, weights: np.ndarray) -> np.ndarray:
        """The weight memory's words for a tensor of the synapse's shape: ``(depth, width)``."""
        channels, groups = self.source[0], self.synapse.groups
        share, before = self.target[0] // groups, channels // groups
        weights = np.asarray(weights).reshape(self.target[0], before, *self.synapse.kernel)
        full = np.zeros((self.words * self.width, channels + self.reach, *self.synapse.kernel),
                        weights.dtype)
        for k in range(groups):
            targets = slice(k * share, (k + 1) * share)
            full[targets, k * before:(k + 1) * before] = weights[targets]
        full = full.reshape(self.words, self.width, -1, *self.synapse.kernel)
        words = [part[:, low:low + self.reach].transpose(2, 3, 1, 0)
                 for part, low in zip(full, self.lows, strict=True)]
        return np.stack(words).reshape(self.depth, self.width)
