"""The streaming engine: a map's currents position by position, from line buffers of its sources.

Convolutions of every kind, and all synapses of a population together.
:class:`qblif.hw.layout.window.Window` is the geometry,
:class:`qblif.hw.core.stream_engine.StreamEngineCore` the component.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import mean
from typing import TYPE_CHECKING, Any

from ...golden.spec import Conv2d, Dense, Input, Population
from ...golden.spec.burst import digits
from .engine import Cost, Engine
from .latency import SUMS_READ_LATENCY, TOKEN_ROOM
from .memories import SMALL_ROWS, TABLE_ROWS, WeightGeometry
from .plan import StagePlan
from .stream_clock import StreamClock
from .window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = ["LineBufferLayout", "StreamEngine"]

# LUTs of an ECP5, by the stages of the designs in docs/results.md: of a bit of an accumulator with
# its part of the read multiplexer; of an adder of two ports' weights, a bit; of what each port, and
# each synapse, takes besides its lanes.
ACCUMULATOR_LUTS, ADDER_LUTS, PORT_LUTS, SYNAPSE_LUTS = 2.0, 0.8, 260, 300


@dataclass(frozen=True, kw_only=True)
class LineBufferLayout:
    """The line buffer of one synapse: ``rows`` rows of its source's events, for each of ``regions``
    timesteps, in one bank for each of ``ports`` events that are read at once.

    An entry is an event's channel, its level less 1, and the low bits of its column.  ``base`` is
    the address of the synapse's weights in the engine's memory.  ``memory`` is the plan's.
    """

    synapse: Dense | Conv2d
    source: Input | Population
    window: Window
    rows: int
    regions: int
    ports: int
    base: int
    memory: str

    @property
    def region_depth(self) -> int:
        """Entries of one row and timestep in a bank."""
        channels, _, columns = self.window.source
        return -(-channels * columns // self.ports)

    @property
    def depth(self) -> int:
        """Entries of a bank."""
        return self.rows * self.regions * self.region_depth

    @property
    def column_bits(self) -> int:
        """Low bits of a column that tell the columns of a window apart."""
        return (self.window.synapse.kernel[1] * self.window.synapse.pool[1] - 1).bit_length()

    @property
    def entry_column_bits(self) -> int:
        """Those of an entry, as many as the map's columns have."""
        return min(self.column_bits, (self.window.source[2] - 1).bit_length())

    @property
    def entry_width(self) -> int:
        channels = self.window.source[0]
        return (max(1, (channels - 1).bit_length()) + self.entry_column_bits
                + max(1, (self.source.emit_max - 1).bit_length()))

    @property
    def table_depth(self) -> int:
        """Rows of the tables of first and last entries: a power of two for each field."""
        bits = max(1, (self.window.source[2] - 1).bit_length())
        bits += (self.regions - 1).bit_length()
        return self.rows << bits

    @property
    def table_memory(self) -> str:
        """Where they are, as a field of :class:`~qblif.hw.layout.engine.Cost`."""
        if self.memory == "mixed" and self.table_depth <= TABLE_ROWS:
            return "distributed"
        return "small" if self.table_depth <= SMALL_ROWS else "memories"

    @property
    def position_width(self) -> int:
        """Bits of a count of entries in a row."""
        return (self.region_depth * self.ports).bit_length()


@dataclass(frozen=True, kw_only=True)
class StreamEngine(Engine):
    """All synapses of a population, with its lanes, weights and accumulators.

    A position is computed in words of ``width`` channels; ``ports`` events add to them at once, so
    that ``lanes = width * ports``.  ``steps`` timesteps of a position are accumulated one after the
    other.  Completed words wait in ``unread`` registers for their update pass.
    """

    synapses: tuple[Dense | Conv2d, ...]
    sources: tuple[Input | Population, ...]
    target: Population
    static: bool
    steps: int
    width: int
    buffers: tuple[LineBufferLayout, ...]
    plan: StagePlan

    read_latency = SUMS_READ_LATENCY["registers"]

    @property
    def ports(self) -> int:
        return self.plan.ports

    @property
    def lanes(self) -> int:
        return self.width * self.ports

    @property
    def unread(self) -> int:
        return self.plan.buffers

    @property
    def words(self) -> int:
        """Words of channels at one position."""
        return self.buffers[0].window.words

    @property
    def segment_depth(self) -> int:
        """Depth of the segments' FIFO: those of two steps, and those that may be under way."""
        most = sum(buffer.window.least_rows for buffer in self.buffers)
        return 1 << (2 * most + TOKEN_ROOM - 1).bit_length()

    @property
    def levels(self) -> tuple[int, ...]:
        """Every level of any source, in order."""
        return tuple(sorted({level for source in self.sources for level in source.levels}))

    @cached_property
    def weights(self) -> WeightGeometry:
        return WeightGeometry(depth=sum(buffer.window.depth for buffer in self.buffers),
                              lanes=self.width, w_width=self.w_width, memory=self.plan.memory,
                              ports=self.ports)

    def weight_words(self, weights: Mapping[str, np.ndarray]) -> list[list[int]]:
        return [word for buffer in self.buffers
                for word in buffer.window.weight_words(weights[buffer.synapse.name]).tolist()]

    def clock(self, stage: Any) -> StreamClock:
        return StreamClock(self, stage)

    def _buffer(self, synapse):
        return next(buffer for buffer in self.buffers if buffer.synapse is synapse)

    def counts_evenly(self, synapse: Dense | Conv2d) -> bool:
        return len(set(self._buffer(synapse).window.visits)) == 1

    def operations(self, synapse: Dense | Conv2d, words: float) -> float:
        """A digit counts in each word that its channel is read for."""
        window = self._buffer(synapse).window
        return words / mean(window.visits) * (window.target[0] // window.synapse.groups)

    def most_words(self, synapse: Dense | Conv2d) -> int:
        buffer = self._buffer(synapse)
        window = buffer.window
        reads = sum(span.count for span in window.rows) * sum(span.count for span in window.columns)
        digits_ = max(len(digits(level, self.plan.burst)) for level in buffer.source.levels)
        return reads * window.source[0] * digits_ * self.words

    def describe(self) -> list[dict[str, str | int]]:
        return [{"source": buffer.source.name, "lanes": self.lanes, "ports": self.ports,
                 "slices": self.weights.slices, "slice_lanes": self.weights.slice_lanes,
                 "depth": buffer.window.depth, "accumulators": "registers",
                 "buffers": self.plan.buffers, "rows": buffer.rows} for buffer in self.buffers]

    @property
    def cost(self) -> Cost:
        """Memories, and LUTs of the lanes, accumulators, reader and multiplexers."""
        held = {"memories": [], "distributed": [], "small": []}
        for buffer in self.buffers:
            held["memories"] += [(buffer.depth, buffer.entry_width)] * self.ports
            held[buffer.table_memory] += [(buffer.table_depth, buffer.position_width)] * 2
        luts, addend = self.digit_luts(self.plan.burst)
        lane = luts * self.ports + ADDER_LUTS * (self.ports - 1) * (addend - 1)
        lane += ACCUMULATOR_LUTS * self.target.sum_width
        return self.weight_cost + Cost(
            **{kind: tuple(memories) for kind, memories in held.items()},
            luts=self.width * lane + PORT_LUTS * self.ports + SYNAPSE_LUTS * len(self.buffers))
