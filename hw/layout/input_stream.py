"""Frames of levels as the network's AER stream: the only place where a frame becomes events.

The contract of order.  A source without a map: each timestep's events, then an end marker.  A map:
events by ascending address, which is raster order, then an end marker.  Where timesteps are
innermost and the input is not static, an address has the timestep as a field, and one marker ends
the frame; where they are outermost, each timestep has its own marker.  A static input has one
timestep a frame; with timesteps outermost it is sent again in each.

Inside of the network the marker ends a *step*, a position in one timestep, and its address says
which position: the framer (:class:`qblif.hw.core.framer.Framer`) puts these markers in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...golden.spec import Input, as_map
from .addressing import address_bits

__all__ = ["AerStream", "InputFormat"]


class AerStream(NamedTuple):
    """Transfers in order, one entry each, int64 arrays ``(transfers,)``.

    ``frame`` is the frame's number; ``neuron`` and ``address`` are those of the source, -1 and 0 in
    an end marker; ``level`` is 0 there; ``eot`` is 1 in a marker.
    """

    frame: np.ndarray
    neuron: np.ndarray
    address: np.ndarray
    level: np.ndarray
    eot: np.ndarray


@dataclass(frozen=True)
class InputFormat:
    """The order and the addresses in which a network takes its input.

    ``interleaved``: timesteps that share a position; ``repeats``: how often a static frame is sent;
    ``ends``: end markers in a frame.
    """

    source: Input
    interleaved: int = 1
    repeats: int = 1
    ends: int = 1

    @classmethod
    def of(cls, network, order) -> InputFormat:
        """That of ``network`` with the loop over timesteps at ``order``, one of
        :data:`qblif.hw.layout.passes.ORDERS`."""
        source, timesteps = network.input, network.timesteps
        inner = order == "inner"
        framed = as_map(source.shape)[1:] != (1, 1)
        return cls(source, interleaved=timesteps if inner and framed and not source.static else 1,
                   repeats=timesteps if source.static and not inner else 1,
                   ends=timesteps if not inner or not framed and not source.static else 1)

    @property
    def framed(self) -> bool:
        """Whether the input is a map, which a framer puts markers into."""
        return as_map(self.source.shape)[1:] != (1, 1)

    @property
    def timestep_bits(self) -> int:
        return (self.interleaved - 1).bit_length()

    @property
    def address_space(self) -> int:
        """One more than the largest address."""
        channels, rows, columns = as_map(self.source.shape)
        return int(self._address(channels - 1, rows - 1, columns - 1, self.interleaved - 1)) + 1

    def _address(self, channel, row, column, timestep):
        low, middle, _ = address_bits(self.source.shape)
        above = low + self.timestep_bits
        return channel | timestep << low | column << above | row << above + middle

    def describe(self) -> dict[str, int | bool | list[int]]:
        """The manifest's ``input``: how often a frame ends, whether it is a map, and the bits of an
        address's fields, from the lowest: channel, timestep, column, row."""
        channel, column, row = address_bits(self.source.shape)
        return {"ends": self.ends, "map": self.framed, "repeats": self.repeats,
                "address_bits": [channel, self.timestep_bits, column, row]}

    @property
    def transfers(self) -> int:
        """Most transfers of a frame."""
        return self.ends * (self.source.size * self.interleaved + 1)

    def by_address(self, levels: np.ndarray) -> np.ndarray:
        """Frames of levels as they travel: ``(frames, ends, addresses)``, 0 at unused addresses."""
        transfers = self.stream(levels)
        found = np.zeros((len(levels), self.ends, self.address_space), np.asarray(levels).dtype)
        end = np.cumsum(transfers.eot) - transfers.eot - transfers.frame * self.ends
        event = transfers.eot == 0
        found[transfers.frame[event], end[event], transfers.address[event]] = transfers.level[event]
        return found

    def by_neuron(self, found: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`by_address` for one frame, ``(ends, addresses)``: levels as the
        integer model takes them."""
        channel, row, column = np.indices(as_map(self.source.shape)).reshape(3, -1)
        if self.interleaved > 1:
            return np.stack([found[0, self._address(channel, row, column, t)]
                             for t in range(self.interleaved)])
        steps = found[:, self._address(channel, row, column, 0)]
        return steps[0] if self.source.static else steps

    def addresses(self, neurons: np.ndarray) -> np.ndarray:
        """Addresses of neurons where timesteps come one after the other."""
        channel, row, column = np.unravel_index(neurons, as_map(self.source.shape))
        return self._address(channel, row, column, 0)

    @property
    def steps(self) -> int:
        """Steps between two end markers."""
        _, rows, columns = as_map(self.source.shape)
        return rows * columns * self.interleaved

    def step_of(self, address: int) -> int:
        """The step of an address, counted from 0."""
        low, middle, _ = address_bits(self.source.shape)
        place = address >> low
        timestep, place = place % (1 << self.timestep_bits), place >> self.timestep_bits
        column, row = place % (1 << middle), place >> middle
        return (row * as_map(self.source.shape)[2] + column) * self.interleaved + timestep

    def stream(self, levels: np.ndarray) -> AerStream:
        """The :class:`AerStream` of ``levels`` ``(frames, neurons)``, or ``(frames, timesteps,
        neurons)``."""
        levels = np.asarray(levels)
        steps = levels if levels.ndim == 3 else levels[:, None]
        if self.repeats > 1:
            steps = np.repeat(steps, self.repeats, 1)
        frame, timestep, neuron = np.nonzero(steps)
        channel, row, column = np.unravel_index(neuron, as_map(self.source.shape))
        apart = self.ends > 1  # Timesteps come one after the other.
        address = self._address(channel, row, column, 0 if apart else timestep)
        part = frame * self.ends + (timestep if apart else 0)
        markers = np.arange(len(steps) * self.ends)
        order = np.lexsort((np.concatenate([address, markers * 0]),
                            np.concatenate([address * 0, markers * 0 + 1]),
                            np.concatenate([part, markers])))
        none = np.zeros(len(markers), np.int64)

        def joined(events, marker):
            return np.concatenate([np.asarray(events, np.int64), marker])[order]
        return AerStream(
            frame=joined(part, markers) // self.ends, neuron=joined(neuron, none - 1),
            address=joined(address, none), level=joined(steps[frame, timestep, neuron], none),
            eot=joined(neuron * 0, none + 1))
