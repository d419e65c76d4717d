"""Float layers and what joins them: each is the neurons of one population behind the sum of its
connections."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..spec import Conv2d, Dense, Input

__all__ = ["Connection", "Graph", "Layer", "Node"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """Parameters of a neuron node, in the file's units.  ``kind`` is IF, LIF, CubaLIF, or MaxPool2d
    (:mod:`qblif.golden.foreign.max_pool`).  An IF has no leak: ``tau`` is infinite and ``v_leak``
    0.  Only a CubaLIF has a synaptic current, with ``tau_syn`` and ``w_in``.  ``recurrent``: the
    neurons have weights to themselves.  ``factors``: the neurons' own, on their weights and biases,
    where their thresholds differ (:mod:`qblif.golden.foreign.thresholds`)."""

    name: str
    kind: str
    r: float
    v_threshold: float
    v_reset: float
    tau: float = math.inf
    v_leak: float = 0.0
    tau_syn: float | None = None
    w_in: float = 1.0
    recurrent: bool = False
    factors: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection:
    """One synapse with its weights.

    ``synapse`` has the geometry and what it leads from and to, its width means nothing yet.
    ``weight`` is float64 of the synapse's ``weight_shape``, over ``divisor``, which is that of
    averages.  ``recurrent``: it brings the levels of the timestep before.
    """

    synapse: Dense | Conv2d
    weight: np.ndarray
    divisor: int = 1
    recurrent: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """A population.  ``label`` names the nodes that weights and biases are from; ``bias`` is
    ``(channels,)``; ``node`` is ``None`` for the read-out, which has no neurons."""

    name: str
    label: str
    connections: tuple[Connection, ...]
    bias: np.ndarray
    shape: tuple[int, ...]
    node: Node | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """Layers in order of computation; only the last may be a read-out, without neurons.
    ``input_name`` is what the file calls the input."""

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    input_name: str = Input.name

    @property
    def nodes(self) -> list[Node]:
        """The neuron nodes, in order."""
        return [layer.node for layer in self.layers if layer.node is not None]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the input and of each layer, by name."""
        return {Input.name: self.input_shape} | {layer.name: layer.shape for layer in self.layers}
