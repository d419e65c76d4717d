"""The scatter engine: every event adds its weights to the accumulators in its fan-out.

Dense synapses and convolutions alike.  :class:`qblif.hw.layout.scatter.ScatterMap` is the geometry,
:class:`qblif.hw.core.engine.ScatterEngineCore` the component.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...golden.spec import Conv2d, Dense, Input, Population
from ...golden.spec.burst import digits
from .engine import Cost, Engine, LoadBank
from .latency import COMPLETE_LATENCY, SUMS_READ_LATENCY
from .memories import WeightGeometry, is_distributed, pack
from .plan import StagePlan
from .scatter import ScatterMap

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ScatterClock", "ScatterEngine"]


@dataclass(frozen=True, kw_only=True)
class ScatterEngine(Engine):
    """One synapse with its own lanes, weights and accumulators."""

    synapse: Dense | Conv2d
    source: Input | Population
    target: Population
    static: bool
    scatter: ScatterMap
    plan: StagePlan

    @property
    def name(self) -> str:
        return self.synapse.name

    @property
    def lanes(self) -> int:
        return self.scatter.lanes

    @property
    def unread(self) -> int:
        return self.scatter.unread

    @property
    def read_latency(self) -> int:
        return SUMS_READ_LATENCY[self.scatter.sums]

    @cached_property
    def weights(self) -> WeightGeometry:
        """The :class:`~qblif.hw.layout.memories.WeightGeometry` of its weight memory."""
        return WeightGeometry(depth=self.scatter.depth, lanes=self.lanes,
                              w_width=self.synapse.w_width, memory=self.plan.memory)

    @cached_property
    def load_banks(self) -> tuple[LoadBank, ...]:
        weights = self.weights
        return tuple(LoadBank(kind="weights", owner=self.name, first=k * weights.slice_lanes,
                              lanes=weights.slice_lanes, depth=weights.depth,
                              width=weights.slice_width) for k in range(weights.slices))

    def memory_image(self, weights: np.ndarray) -> list[list[int]]:
        words = self.scatter.weight_words(weights).tolist()
        return [[pack(word, self.synapse.w_width, bank.first, bank.lanes) for word in words]
                for bank in self.load_banks]

    def clock(self, stage: Any) -> ScatterClock:
        return ScatterClock(self, stage)

    def operations(self, words: float) -> float:
        return words / self.scatter.slots * self.scatter.share

    def describe(self) -> dict[str, str | int]:
        return {"source": self.source.name, "lanes": self.lanes, "slices": self.weights.slices,
                "slice_lanes": self.weights.slice_lanes, "depth": self.weights.depth,
                "accumulators": self.scatter.sums, "buffers": self.scatter.banks}

    @property
    def cost(self) -> Cost:
        """Memories, and LUTs of the lanes, accumulators and multiplexers behind memory parts."""
        weights, scatter = self.weights, self.scatter
        blocks, distributed = list(weights.memories()), list(weights.memories(distributed=True))
        single_port = blocks if self.plan.memory == "spram" else []
        blocks = [] if single_port else blocks
        for rows, width in self._accumulator_memories():
            small = scatter.sums == "memory" and is_distributed(self.plan.memory, rows)
            (distributed if small else blocks).append((rows, width))
        luts = (len(weights.parts) - 1) * self.lanes * self.synapse.w_width
        return Cost(tuple(blocks), tuple(distributed), tuple(single_port),
                    luts=luts + self.lanes * self._lane_luts())

    def _accumulator_memories(self):
        """``(rows, width)`` of the memories that hold accumulators."""
        words = self.scatter.positions * self.scatter.groups
        width = self.lanes * self.target.sum_width
        if self.scatter.sums == "map":
            return [(words, width)] * self.scatter.banks
        # Two ping-pong buffers and the zero row, duplicated for a second read port.
        return [(2 * words + 1, width)] * 2 if self.scatter.sums == "memory" else []

    def _lane_luts(self):
        """About how many LUTs one lane and its accumulators take: layers of multiplexers over an
        addend's bits, then adders and the read multiplexer over the accumulator's bits."""
        found = [digit for level in self.source.levels for digit in digits(level, self.plan.burst)]
        shift = max(digit.shift for digit in found)
        layers = (shift > 0) + (shift > 1) + any(digit.negative for digit in found)
        words = self.scatter.groups if self.scatter.sums == "registers" else 1
        each = {"registers": 1.4 + words, "memory": 1.75, "map": 2.5 + 1.5 * self.scatter.banks}
        return (layers * (self.synapse.w_width + shift)
                + each[self.scatter.sums] * self.target.sum_width)


class ScatterClock:
    """The state of one engine as cycle numbers, for :mod:`qblif.hw.layout.cycles`.

    Transfers must come in order.  ``free`` is the first cycle in which the next one can be
    expanded, ``ready`` the one in which an update pass can use the currents that an EOT marker
    completed, ``None`` before that.
    """

    def __init__(self, engine, stage):
        scatter = engine.scatter
        self.source, self.stage, self.static = engine.source.name, stage, engine.static
        self.steps = scatter.steps().tolist()
        self.digits = [len(digits(level, engine.plan.burst))
                       for level in range(engine.source.emit_max + 1)]
        self.cleared = scatter.positions * scatter.groups if scatter.sums == "map" else 0
        self.holds = scatter.banks == 1  # Events wait for an update pass, too.
        self.registered = scatter.needs_tables  # Address decode is a register stage.
        self.entry = self.free = 0
        self.releases = deque([0] * scatter.unread, maxlen=scatter.unread)  # Recent passes'.
        self.ready = None

    def event(self, present, neuron, level):
        """Accept an event that is offered from cycle ``present`` on; returns when."""
        accepted, expanded = self.accept(present)
        steps = self.steps[neuron] * self.digits[level]
        first = max(expanded + 1, self.releases[0]) if self.holds and steps else expanded + 1
        self.free = first + max(0, steps - 1)
        return accepted

    def accept(self, present):
        if not self.registered:
            accepted = max(present, self.free)
            return accepted, accepted
        accepted = max(present, self.entry)
        self.entry = max(accepted + 1, self.free)
        return accepted, self.entry

    def end(self, present):
        """Accept an EOT marker, and run the update passes that it starts."""
        accepted, expanded = self.accept(present)
        self.free = max(expanded + 1, self.releases[0])
        self.ready = self.free + COMPLETE_LATENCY
        self.stage.run()
        return accepted
