"""Float layers in a row: each a synapse and the neurons behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..spec import Conv2d, Dense

__all__ = ["Chain", "Layer", "Node"]


@dataclass(frozen=True, kw_only=True)
class Node:
    """Parameters of a neuron node, in the file's units.  ``kind`` is IF, LIF or CubaLIF.  An IF has
    no leak: ``tau`` is infinite and ``v_leak`` 0.  Only a CubaLIF has a synaptic current, with
    ``tau_syn`` and ``w_in``.  ``recurrent``: the neurons have weights to themselves."""

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One synapse and the neurons behind it.

    ``synapse`` has the geometry, its width means nothing yet.  ``weight`` is float64 of the
    synapse's ``weight_shape``, ``bias`` ``(channels,)``.  ``mean`` says whether its pool averages,
    otherwise it sums.  ``node`` is ``None`` for a last layer without neurons.  ``back`` are weights
    ``(neurons, neurons)`` of the layer's own spikes of the timestep before.
    """

    name: str
    synapse: Dense | Conv2d
    weight: np.ndarray
    bias: np.ndarray
    mean: bool
    shape: tuple[int, ...]
    node: Node | None = None
    back: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Chain:
    """Layers in order; only the last may lack neurons."""

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]

    @property
    def nodes(self) -> list[Node]:
        """The neuron nodes, in order."""
        return [layer.node for layer in self.layers if layer.node is not None]
