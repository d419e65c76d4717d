"""What an engine is: it takes AER streams and offers each neuron's current of a timestep.

Everything that the rest of the project asks of an engine is in one class: its clock for the cycle
model, its cost, its memory image and what it counts; its component is the class's twin in
:data:`qblif.hw.core.stage.ENGINES`.  There are two kinds:
:class:`qblif.hw.layout.dense_engine.DenseEngine` serves one synapse of a population without a map,
and a stage adds the currents of several;
:class:`qblif.hw.layout.stream_engine.StreamEngine` serves all synapses of a map.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...golden.spec.burst import digits
from .memories import WeightGeometry, pack

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from ...golden.spec import Conv2d, Dense, Input, Population

__all__ = ["Cost", "Engine", "LoadBank"]

DIGIT_LUTS = 0.8  # Of a bit of a layer that shifts or inverts: some go into the adder behind it.


@dataclass(frozen=True)
class LoadBank:
    """One memory behind a stage's load port: ``depth`` words of ``width`` bits.

    ``kind`` is ``"weights"`` or ``"biases"``, ``owner`` the name of the synapse or population.  A
    word holds ``lanes`` values, from lane ``first`` on, the first in the lowest bits.
    """

    kind: str
    owner: str
    first: int
    lanes: int
    depth: int
    width: int


@dataclass(frozen=True)
class Cost:
    """Estimated resources of a component, before anything is synthesised.

    Memories are ``(rows, width)``: ``memories`` in block RAM, or in what a device has instead for
    small ones; ``distributed`` in distributed RAM; ``single_port`` in single-port RAM; ``small``
    in block RAM only where there is no distributed RAM; ``dual`` in block RAM with two read ports,
    one of which has the address of the write port.  ``luts`` estimates the rest, in LUTs of an
    ECP5.
    """

    memories: tuple[tuple[int, int], ...] = ()
    distributed: tuple[tuple[int, int], ...] = ()
    single_port: tuple[tuple[int, int], ...] = ()
    small: tuple[tuple[int, int], ...] = ()
    dual: tuple[tuple[int, int], ...] = ()
    luts: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field) + getattr(other, field)
                      for field in self.__dataclass_fields__))


class Engine(ABC):
    """From AER streams to completed currents; frozen, and without Amaranth.

    ``synapses`` and ``sources`` are what it serves, ``target`` the population.  ``lanes`` are its
    synaptic operations a cycle, ``width`` the channels whose currents are completed together.
    ``static``: currents that were completed once serve all timesteps of a position.  ``unread``
    completions may wait for their update pass, or are being read.  ``read_latency`` is the cycles
    from ``read_en`` to the currents.  ``recurrent``: its source comes a timestep later.  ``ports``
    of its events are added at once.
    """

    synapses: tuple[Dense | Conv2d, ...]
    sources: tuple[Input | Population, ...]
    target: Population
    lanes: int
    width: int
    static: bool
    unread: int
    read_latency: int
    recurrent = False
    ports = 1

    @property
    def name(self) -> str:
        """Names of its synapses."""
        return ", ".join(synapse.name for synapse in self.synapses)

    @property
    def w_width(self) -> int:
        """Bits of a weight in its memory: those of the widest synapse."""
        return max(synapse.w_width for synapse in self.synapses)

    @property
    @abstractmethod
    def weights(self) -> WeightGeometry:
        """The :class:`~qblif.hw.layout.memories.WeightGeometry` of its weight memory."""

    @cached_property
    def load_banks(self) -> tuple[LoadBank, ...]:
        """The :class:`LoadBank` of each slice of its weight memory, in the order of the load
        port."""
        weights = self.weights
        return tuple(LoadBank(kind="weights", owner=self.name, first=lanes.start, lanes=len(lanes),
                              depth=weights.depth, width=len(lanes) * weights.w_width)
                     for lanes in map(weights.lanes_of, range(weights.slices)))

    @abstractmethod
    def weight_words(self, weights: Mapping[str, np.ndarray]) -> list[list[int]]:
        """Words of its weight memory, lists of the lanes' weights, for the tensors by synapse."""

    def memory_image(self, weights: Mapping[str, np.ndarray]) -> list[list[int]]:
        """The words of each load bank, lists of integers, for the tensors by synapse."""
        words = self.weight_words(weights)
        return [[pack(word, self.w_width, bank.first, bank.lanes) for word in words]
                for bank in self.load_banks]

    @abstractmethod
    def clock(self, stage: Any) -> Any:
        """Its clock for the cycle model; it reports completed currents to ``stage``."""

    @property
    @abstractmethod
    def cost(self) -> Cost:
        """Its :class:`Cost`."""

    @property
    def weight_cost(self) -> Cost:
        """Of its weight memory, and of the multiplexers behind the memory's parts."""
        weights = self.weights
        blocks = tuple(weights.memories())
        kind = ("single_port" if weights.memory == "spram" else
                "dual" if weights.ports > 1 else "memories")
        return Cost(**{kind: blocks}, distributed=tuple(weights.memories(distributed=True)),
                    luts=(len(weights.parts) - 1) * self.lanes * self.w_width)

    def digit_luts(self, burst: str) -> tuple[float, int]:
        """LUTs of a lane that shifts and inverts weights by the digits of all sources' levels, and
        bits of what comes out."""
        found = {digit for source in self.sources for level in source.levels
                 for digit in digits(level, burst)}
        shift = max(digit.shift for digit in found)
        layers = (shift > 0) + (shift > 1) + any(digit.negative for digit in found)
        return DIGIT_LUTS * layers * (self.w_width + shift), self.w_width + shift

    def counts_evenly(self, synapse: Dense | Conv2d) -> bool:
        """Whether all digits of ``synapse`` take equally many lane-cycles at each position of the
        target that they reach, so that :meth:`operations` has no error."""
        return True

    @abstractmethod
    def operations(self, synapse: Dense | Conv2d, words: float) -> float:
        """Synaptic operations of ``synapse`` for a count of lane-cycles, its counter ``words``;
        where digits do not count evenly, as if their channels were used alike."""

    @abstractmethod
    def most_words(self, synapse: Dense | Conv2d) -> int:
        """Most lane-cycles that one timestep of ``synapse`` can take."""

    @abstractmethod
    def describe(self) -> list[dict[str, str | int]]:
        """Its part of the manifest: a dictionary of strings and integers for each synapse."""
