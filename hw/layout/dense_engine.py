"""The dense engine: every event adds its weights to all accumulators of a population without a map.

:class:`qblif.hw.layout.dense.DenseMap` is the geometry,
:class:`qblif.hw.core.dense_engine.DenseEngineCore` the component.
"""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...golden.spec import Conv2d, Dense, Input, Population
from ...golden.spec.burst import digits
from .dense import DenseMap
from .engine import Cost, Engine
from .latency import COMPLETE_LATENCY, MEMORY_SUMS_WORDS, SUMS_READ_LATENCY
from .memories import WeightGeometry, is_distributed
from .plan import StagePlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = ["DenseClock", "DenseEngine"]


@dataclass(frozen=True, kw_only=True)
class DenseEngine(Engine):
    """One synapse with its own lanes, weights and accumulators.

    ``recurrent``: its source comes a timestep later, see :mod:`qblif.hw.core.recurrence`.
    ``sets``: timesteps whose currents are accumulated side by side, all of a frame where the source
    is a map with timesteps innermost, else 1.
    """

    synapses: tuple[Dense | Conv2d]
    sources: tuple[Input | Population]
    target: Population
    static: bool
    dense: DenseMap
    sets: int
    plan: StagePlan
    recurrent: bool = False

    unread = 1

    @property
    def synapse(self) -> Dense | Conv2d:
        return self.synapses[0]

    @property
    def source(self) -> Input | Population:
        return self.sources[0]

    @property
    def lanes(self) -> int:
        return self.dense.lanes

    @property
    def decodes(self) -> bool:
        """Whether addresses and markers go through a register that decodes them."""
        return self.dense.needs_tables or self.sets > 1

    @property
    def accumulators(self) -> str:
        """The kind of accumulators: ``"registers"`` or ``"memory"``."""
        return "registers" if self.dense.words < MEMORY_SUMS_WORDS else "memory"

    @property
    def read_latency(self) -> int:
        return SUMS_READ_LATENCY[self.accumulators]

    @cached_property
    def weights(self) -> WeightGeometry:
        return WeightGeometry(depth=self.dense.depth, lanes=self.lanes, w_width=self.w_width,
                              memory=self.plan.memory)

    @property
    def width(self) -> int:
        """All channels, in whole vectors."""
        return -(-self.target.channels // self.plan.fire_lanes) * self.plan.fire_lanes

    def weight_words(self, weights: Mapping[str, np.ndarray]) -> list[list[int]]:
        return self.dense.weight_words(weights[self.name]).tolist()

    def clock(self, stage: Any) -> DenseClock:
        return DenseClock(self, stage)

    def operations(self, synapse: Dense | Conv2d, words: float) -> float:
        return words / self.dense.words * self.dense.target[0]

    def most_words(self, synapse: Dense | Conv2d) -> int:
        most = max(len(digits(level, self.plan.burst)) for level in self.source.levels)
        return int(self.dense.steps().sum()) * most

    def describe(self) -> list[dict[str, str | int]]:
        return [{"source": self.source.name, "lanes": self.lanes, "slices": self.weights.slices,
                 "slice_lanes": self.weights.slice_lanes, "depth": self.weights.depth,
                 "accumulators": self.accumulators, "buffers": 2, "sets": self.sets}]

    @property
    def cost(self) -> Cost:
        """Memories, and LUTs of the lanes: adders, and the read multiplexer over the accumulator's
        bits."""
        each = {"registers": 1.1 + 0.9 * self.dense.words * self.sets, "memory": 2.0}
        luts, _ = self.digit_luts(self.plan.burst)
        lane = luts + each[self.accumulators] * self.target.sum_width
        # Two ping-pong buffers and the zero row, duplicated for a second read port.
        rows = 2 * self.sets * self.dense.words + 1
        memories = ((rows, self.lanes * self.target.sum_width),) * 2
        kind = "distributed" if is_distributed(self.plan.memory, rows) else "memories"
        held = {kind: memories} if self.accumulators == "memory" else {}
        return self.weight_cost + Cost(**held, luts=self.lanes * lane)


class DenseClock:
    """The state of one dense engine as cycle numbers, for :mod:`qblif.hw.layout.cycles`.

    Transfers must come in order.  ``free`` is the first cycle in which the next one can be
    expanded, ``ready`` the one in which an update pass can use the currents that are complete,
    ``None`` before that.
    """

    def __init__(self, engine, stage):
        self.source, self.stage, self.static = engine.source.name, stage, engine.static
        self.recurrent = engine.recurrent
        self.steps = engine.dense.steps().tolist()
        self.digits = [len(digits(level, engine.plan.burst))
                       for level in range(engine.source.emit_max + 1)]
        self.registered = engine.decodes  # Address decode is a register stage.
        self.sets, self.set = engine.sets, 0
        self.entry = self.free = 0
        self.releases = deque([0] * engine.unread, maxlen=engine.unread)  # Recent passes'.
        self.ready = None
        self.done = array("q")

    def sinks(self):
        """What takes the transfers of each source."""
        return [RecurrenceClock(self, self.stage.timesteps) if self.recurrent else self]

    def event(self, present, neuron, level):
        """Accept an event that is offered from cycle ``present`` on; returns when."""
        accepted, expanded = self.accept(present)
        steps = self.steps[neuron] * self.digits[level]
        if self.stage.keep:
            self.done.extend((expanded + 1, expanded + 1 + steps, steps))
        self.free = expanded + 1 + max(0, steps - 1)
        return accepted

    def accept(self, present):
        if not self.registered:
            accepted = max(present, self.free)
            return accepted, accepted
        accepted = max(present, self.entry)
        self.entry = max(accepted + 1, self.free)
        return accepted, self.entry

    def end(self, present, final):
        """Accept a marker; the last of a timestep starts update passes."""
        accepted, expanded = self.accept(present)
        self.free = expanded + 1
        self.set = (self.set + 1) % self.sets
        if final and not self.set:
            self.free = max(self.free, self.releases[0])
            self.ready = self.free + COMPLETE_LATENCY
            self.stage.run()
        return accepted

    def full(self):
        """It takes what comes, sooner or later."""
        return ""

    def unread(self):
        """Whether currents are complete that no update pass has read, as it waits for another
        synapse."""
        return self.ready is not None

    def run(self):
        """It has done all that it can, with each transfer."""
        return False


class RecurrenceClock:
    """What is in front of an engine that reads a source a timestep later."""

    def __init__(self, engine, timesteps):
        self.engine, self.source = engine, engine.source
        self.timesteps, self.timestep = timesteps, 0
        engine.end(0, True)  # The marker that goes ahead.

    def event(self, present, neuron, level):
        if self.timestep == self.timesteps - 1:
            return present
        return self.engine.event(present, neuron, level)

    def end(self, present, final):
        self.timestep = (self.timestep + 1) % self.timesteps
        return self.engine.end(present, final)

    def full(self):
        return ""

    def unread(self):
        """As of the engine; a population does not wait for what it sends to itself."""
        return self.source != self.engine.stage.name and self.engine.unread()
