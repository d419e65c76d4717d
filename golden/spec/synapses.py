"""The kinds of synapses: what leads from one population to the next.  Standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .checks import as_tuple, check_int, check_type
from .errors import InvalidValue

__all__ = ["Conv2d", "Dense", "Synapse", "as_map"]


def as_map(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """``(channels, rows, columns)`` of a population's shape: anything but three axes is flat, one
    channel a neuron."""
    return (*shape,) if len(shape) == 3 else (math.prod(shape), 1, 1)


class Synapse:
    """What the two kinds of synapses share."""

    source: str
    target: str
    w_width: int
    kind: str
    pool: tuple[int, int] = (1, 1)

    @property
    def name(self) -> str:
        return f"{self.source}->{self.target}"

    def __post_init__(self) -> None:
        check_type("Synapse source", self.source, str)
        check_type("Synapse target", self.target, str)
        check_int("Weight width", self.w_width, 2, 16)


@dataclass(frozen=True, kw_only=True)
class Dense(Synapse):
    """All-to-all synapses from ``source`` to ``target``, signed weights of ``w_width`` bits."""

    source: str
    target: str
    w_width: int = 8

    kind = "dense"

    def weight_shape(self, source_shape: tuple[int, ...],
                     target_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the weight tensor: ``(targets, sources)``; :class:`ValueError` for a map as
        target."""
        if as_map(target_shape)[1:] != (1, 1):
            raise InvalidValue(f"Synapse {self.name} is dense, so its target must be flat, "
                               f"not {tuple(target_shape)}")
        return math.prod(target_shape), math.prod(source_shape)

    def as_conv(self, source_shape: tuple[int, ...]) -> Conv2d:
        """The same synapses as a convolution whose kernel is the whole source."""
        return Conv2d(source=self.source, target=self.target, w_width=self.w_width,
                      kernel=as_map(source_shape)[1:])


@dataclass(frozen=True, kw_only=True)
class Conv2d(Synapse):
    """Convolution of the source's map, after average pooling, signed weights of ``w_width`` bits.

    Pairs are (rows, columns); one integer stands for two equal ones.  ``pool`` sums the source's
    levels over windows that do not overlap (what is left at the end of an axis is dropped); the
    average's factor belongs in the weights.  ``groups = channels`` with a kernel of 1 is the
    identity, a residual edge.
    """

    source: str
    target: str
    w_width: int = 8
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    pool: tuple[int, int] = (1, 1)

    kind = "conv2d"

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, low in (("kernel", 1), ("stride", 1), ("padding", 0), ("pool", 1)):
            value = getattr(self, field)
            value = (value, value) if isinstance(value, int) else value
            value = as_tuple(f"Conv2d {field}", value)
            if len(value) != 2:
                raise InvalidValue(f"Conv2d {field} must be one integer or a pair, not {value!r}")
            for extent in value:
                check_int(f"Conv2d {field}", extent, low, 1 << 10)
            object.__setattr__(self, field, value)
        check_int("Conv2d groups", self.groups, 1, 1 << 16)

    def output_shape(self, source_shape: tuple[int, ...], channels: int) -> tuple[int, ...]:
        """``(channels, rows, columns)`` of the target; :class:`ValueError` where none is left."""
        extents = [(size // p + 2 * pad - k) // s + 1 for size, p, pad, k, s in zip(
            as_map(source_shape)[1:], self.pool, self.padding, self.kernel, self.stride,
            strict=True)]
        if min(extents) < 1:
            raise InvalidValue(f"Synapse {self.name} has a kernel of {self.kernel[0]}x"
                               f"{self.kernel[1]}, larger than its pooled and padded source")
        return channels, *extents

    def weight_shape(self, source_shape: tuple[int, ...],
                     target_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the weight tensor: ``(channels out, channels in / groups, rows, columns)``.

        Raises :class:`ValueError` where source and target do not fit the convolution.
        """
        channels, before = as_map(target_shape)[0], as_map(source_shape)[0]
        if channels % self.groups or before % self.groups:
            raise InvalidValue(f"Synapse {self.name} has {self.groups} groups, which do not divide "
                               f"its {before} and {channels} channels")
        expected = self.output_shape(source_shape, channels)
        if as_map(target_shape) != expected:
            raise InvalidValue(f"Synapse {self.name} makes a map of {expected}, but its target is "
                               f"{tuple(target_shape)}")
        return channels, before // self.groups, *self.kernel
