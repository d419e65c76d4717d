"""What an engine is: it takes AER streams and offers each neuron's current of a timestep.

Everything that the rest of the project asks of an engine is in one class: its clock for the cycle
model, its cost, its memory image and what it counts; its component is the class's twin in
:data:`qblif.hw.core.engine.ENGINES`.  A stage adds the currents of its engines.
:class:`qblif.hw.layout.scatter_engine.ScatterEngine` is the one kind that there is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ...golden.spec import Input, Population

__all__ = ["Cost", "Engine", "LoadBank"]


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
    in block RAM only where there is no distributed RAM.  ``luts`` estimates the rest, in LUTs of
    an ECP5.
    """

    memories: tuple[tuple[int, int], ...] = ()
    distributed: tuple[tuple[int, int], ...] = ()
    single_port: tuple[tuple[int, int], ...] = ()
    small: tuple[tuple[int, int], ...] = ()
    luts: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field) + getattr(other, field)
                      for field in self.__dataclass_fields__))


class Engine(ABC):
    """From AER streams to completed currents; frozen, and without Amaranth.

    ``name`` is that of its synapse, ``source`` where its events come from, ``lanes`` its synaptic
    operations a cycle.  ``static``: its source sends one timestep a frame, whose currents serve all
    timesteps.  ``unread`` completed timesteps may wait for their update pass, or are being read.
    ``read_latency`` is the cycles from ``read_en`` to the currents.
    """

    name: str
    source: Input | Population
    lanes: int
    static: bool
    unread: int
    read_latency: int

    @property
    @abstractmethod
    def load_banks(self) -> tuple[LoadBank, ...]:
        """The :class:`LoadBank` of each weight memory, in the order of the load port."""

    @abstractmethod
    def memory_image(self, weights: np.ndarray) -> list[list[int]]:
        """The words of each load bank, lists of integers, for a tensor of the synapse's shape."""

    @abstractmethod
    def clock(self, stage: Any) -> Any:
        """Its clock for the cycle model; it reports completed currents to ``stage``."""

    @property
    @abstractmethod
    def cost(self) -> Cost:
        """Its :class:`Cost`."""

    @abstractmethod
    def operations(self, words: float) -> float:
        """Synaptic operations for a count of lane-cycles, the hardware's counter ``words``."""

    @abstractmethod
    def describe(self) -> dict[str, str | int]:
        """Its part of the manifest: a dictionary of strings and integers."""
