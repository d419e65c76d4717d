"""The nodes of a network: its input, and populations of equal neurons.  Standard library only; the
conversion of images needs numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .axes import LEVEL_LIMIT, WIDTH_LIMIT, Neuron
from .checks import as_tuple, check_int, check_name, check_shape, check_thresholds, check_type
from .errors import InvalidValue
from .synapses import as_map

__all__ = ["Input", "Population"]


@dataclass(frozen=True, kw_only=True)
class Input:
    """The network's input: ``shape`` pixels or channels with levels 0..n_max.

    ``static``: one frame of levels is the input of every timestep (an image); otherwise each
    timestep brings its own.  ``thresholds``, in ascending order, make a thermometer code of an
    image: the input is as many images of levels 0 and 1 behind one another
    (:func:`~qblif.golden.spec.pixels.to_levels`).
    """

    shape: tuple[int, ...]
    n_max: int
    static: bool = True
    thresholds: tuple[int, ...] = ()

    name = "input"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_tuple("Input shape", self.shape))
        check_shape("Input", self.shape)
        check_int("Input N_max", self.n_max, 1, LEVEL_LIMIT)
        check_type("Input static", self.static, bool)
        self._check_thresholds()

    def _check_thresholds(self) -> None:
        found = check_thresholds(self.thresholds)
        object.__setattr__(self, "thresholds", found)
        if found and (self.n_max != 1 or not self.static or self.size % len(found)):
            raise InvalidValue(f"Input thresholds are of images, with N_max 1 and {len(found)} "
                               f"levels a pixel, not N_max {self.n_max} and {self.size} levels"
                               + " in each timestep" * (not self.static))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def pixels(self) -> int:
        """Pixels of an image, all channels."""
        return self.size // max(1, len(self.thresholds))

    @property
    def levels(self) -> tuple[int, ...]:
        """Every level that there is, in order."""
        return tuple(range(self.n_max + 1))

    @property
    def emit_max(self) -> int:
        """Largest level, as of a :class:`Population`."""
        return self.n_max

    def levels_of(self, images: Any) -> Any:
        """:func:`~qblif.golden.spec.pixels.to_levels` of images, or of counts of events."""
        from .pixels import to_levels
        return to_levels(images, self.n_max, self.thresholds)


@dataclass(frozen=True, kw_only=True)
class Population:
    """A set of equal neurons.

    A shape of three axes is a map, ``(channels, rows, columns)``; neurons count in this order.
    ``sum_width`` is the signed width in which one timestep's weights are accumulated; it must
    hold every sum that the weights can make (checked where the weights are).  ``bias_width`` is
    the signed width of each channel's bias, 0 for none; without a map each neuron is a channel.
    With ``thetas`` each channel has a threshold of its own, 1 to the quantiser's theta, which is
    their largest; it stands with weights and biases (``Trained.thetas``).
    """

    name: str
    shape: tuple[int, ...]
    neuron: Neuron
    sum_width: int
    bias_width: int = 0
    thetas: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_tuple("Population shape", self.shape))
        check_name("Population name", self.name)
        if self.name == Input.name:
            raise InvalidValue(f"Population name must not be {Input.name!r}")
        check_shape(f"Population {self.name}", self.shape)
        check_type("Neuron", self.neuron, Neuron)
        check_int("Sum width", self.sum_width, 2, WIDTH_LIMIT)
        check_int("Bias width", self.bias_width, 0, WIDTH_LIMIT)
        check_type("Population thetas", self.thetas, bool)
        if self.thetas and (self.neuron.quantiser is None or self.neuron.leak.kind == "quadratic"):
            what = "are a read-out" if self.neuron.quantiser is None else "have a quadratic leak"
            raise InvalidValue(f"Population {self.name} must not have thresholds for each channel, "
                               f"as its neurons {what}")

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def channels(self) -> int:
        return as_map(self.shape)[0]

    @property
    def levels(self) -> tuple[int, ...]:
        """Every level that can leave, in order."""
        return self.neuron.levels

    @property
    def emit_max(self) -> int:
        """Largest level that can leave."""
        return self.neuron.emit_max

    def score_width(self, timesteps: int) -> int:
        """Signed width of its scores in a frame of so many timesteps: of sums of levels, or of a
        read-out the membrane's."""
        if self.neuron.quantiser is None:
            return self.neuron.v_width
        return (self.emit_max * timesteps).bit_length() + 1
