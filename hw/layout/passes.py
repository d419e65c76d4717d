"""The order in which a population's neurons are updated, and in which its events leave.

A *step* is one position in one timestep.  With timesteps innermost, all steps of a position come
before the next position; with timesteps outermost, all positions of a timestep before the next
timestep.  Positions are in raster order.  A population without a map has one position, so that both
are the same.  A step takes an update pass for each word of channels.
"""

from dataclasses import dataclass

import numpy as np

from ...golden.spec import as_map
from .addressing import vector_order

__all__ = ["ORDERS", "Passes"]

ORDERS = ("inner", "outer")  # Where the loop over timesteps is.


@dataclass(frozen=True, kw_only=True)
class Passes:
    """Update passes of one population: ``fire_lanes`` neurons a vector, ``width`` channels a pass.

    ``order`` is one of :data:`ORDERS`.
    """

    shape: tuple[int, ...]
    fire_lanes: int
    width: int
    timesteps: int
    order: str = "inner"

    @property
    def positions(self) -> int:
        _, rows, columns = as_map(self.shape)
        return rows * columns

    @property
    def channel_vectors(self) -> int:
        """Vectors of one position."""
        return -(-as_map(self.shape)[0] // self.fire_lanes)

    @property
    def words(self) -> int:
        """Passes of a step."""
        return -(-as_map(self.shape)[0] // self.width)

    @property
    def vectors(self) -> int:
        """Vectors of a pass."""
        return min(self.channel_vectors, -(-self.width // self.fire_lanes))

    @property
    def last_vectors(self) -> int:
        """Vectors of the last pass of a step."""
        return self.channel_vectors - (self.words - 1) * self.vectors

    @property
    def all_vectors(self) -> int:
        """Vectors of the whole population."""
        return self.positions * self.channel_vectors

    @property
    def inner(self) -> bool:
        """Whether timesteps are innermost; also where there is one position."""
        return self.order == "inner" or self.positions == 1

    @property
    def state_rows(self) -> int:
        """Vectors whose membranes must be remembered from one timestep to the next."""
        if self.timesteps == 1:
            return 0
        return self.channel_vectors if self.inner else self.all_vectors

    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """Timestep and position of each step of a frame, in order."""
        count = np.arange(self.timesteps * self.positions)
        if self.inner:
            return count % self.timesteps, count // self.timesteps
        return count // self.positions, count % self.positions

    def neurons(self) -> np.ndarray:
        """Neuron in each lane of each vector, ``(positions, channel_vectors, fire_lanes)``; -1 for
        padding."""
        return vector_order(self.shape, self.fire_lanes).reshape(
            self.positions, self.channel_vectors, self.fire_lanes)

    def unpack(self, values: np.ndarray) -> np.ndarray:
        """Values in the order of the vectors, ``(frames * steps * channel_vectors, fire_lanes)``,
        as ``(frames, timesteps, neurons)``."""
        steps = self.timesteps * self.positions
        values = values.reshape(-1, steps, self.channel_vectors, self.fire_lanes)
        timestep, position = self.steps()
        ordered = np.empty((len(values), self.timesteps, self.positions, *values.shape[2:]),
                           values.dtype)
        ordered[:, timestep, position] = values
        order = self.neurons()
        found = np.empty((*ordered.shape[:2], int(order.max()) + 1), values.dtype)
        found[..., order[order >= 0]] = ordered[..., order >= 0]
        return found
