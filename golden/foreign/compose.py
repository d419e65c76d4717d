"""Linear maps one behind the other without neurons between, as one: windows of windows are windows.

A convolution of kernel K and stride S behind one of kernel k and stride s is one of kernel
``k + (K - 1) s`` and stride ``S s``, if it pads nothing: behind the first, a zero around the map is
not what the first gives there.  A pool is a convolution of ones, channel by channel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..spec import Conv2d, Dense, as_map
from ..spec.errors import InvalidValue

__all__ = ["Weights", "add", "compose", "dilate"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """A synapse with its ``weight`` over ``divisor``, and ``bias`` ``(channels,)``."""

    synapse: Dense | Conv2d
    weight: np.ndarray
    bias: np.ndarray
    divisor: int = 1


def compose(name, first, second) -> Weights:
    """``second`` behind ``first``, which are both dense or both convolutions.

    Raises :class:`ValueError`, that calls ``second`` ``name``, where it pads.
    """
    divisor = first.divisor * second.divisor
    if first.synapse.kind == "dense":
        bias = second.weight @ first.bias / second.divisor + second.bias
        return Weights(synapse=first.synapse, weight=second.weight @ first.weight, bias=bias,
                       divisor=divisor)
    before, behind = first.synapse, second.synapse
    alone = (before.kernel, before.stride, before.padding) == ((1, 1), (1, 1), (0, 0))
    if behind.padding != (0, 0) and not (alone and not first.bias.any()):
        raise InvalidValue(f"Node {name} pads what weights or a pool before it give, without "
                           "neurons between; only a padding of 0 has an exact form there")
    one, two = (_ungrouped(part.weight, part.synapse.groups) for part in (first, second))
    down, across = before.stride
    _, _, rows, columns = two.shape
    _, _, height, width = one.shape
    weight = np.zeros((len(two), one.shape[1], height + (rows - 1) * down,
                       width + (columns - 1) * across))
    for i, j in np.ndindex(rows, columns):
        weight[:, :, i * down:i * down + height, j * across:j * across + width] += np.einsum(
            "om,mikl->oikl", two[:, :, i, j], one)
    bias = two.sum((2, 3)) @ first.bias / second.divisor + second.bias
    stride = tuple(s * t for s, t in zip(before.stride, behind.stride, strict=True))
    padding = tuple(p + q for p, q in zip(before.padding, behind.padding, strict=True))
    synapse = replace(before, kernel=weight.shape[2:], stride=stride, padding=padding, groups=1)
    return Weights(synapse=synapse, weight=weight, bias=bias, divisor=divisor)


def add(first, second, source_shape, target_shape):
    """``(synapse, weight, divisor)`` of two from one source to one target, which have these, or
    ``None`` where they are of no common geometry.  Zeros around a kernel change nothing where
    padding grows with them."""
    divisor = math.lcm(first.divisor, second.divisor)
    parts = [(part.synapse, part.weight * (divisor // part.divisor)) for part in (first, second)]
    synapse = parts[0][0]
    if synapse != parts[1][0]:
        if any(getattr(s, field, None) != getattr(synapse, field, None) for s, _ in parts
               for field in ("kind", "stride", "pool")) or synapse.kind == "dense":
            return None
        padding = tuple(map(max, *(s.padding for s, _ in parts)))
        before = [[p - q for p, q in zip(padding, s.padding, strict=True)] for s, _ in parts]
        kernel = [max(s.kernel[k] + 2 * more[k] for (s, _), more in zip(parts, before, strict=True))
                  for k in range(2)]
        parts = [(s, _in_kernel(_ungrouped(weight, s.groups), more, kernel))
                 for (s, weight), more in zip(parts, before, strict=True)]
        synapse = replace(synapse, kernel=kernel, padding=padding, groups=1)
        shape = as_map(target_shape)
        if synapse.output_shape(source_shape, shape[0]) != shape:
            return None
    return synapse, parts[0][1] + parts[1][1], divisor


def _in_kernel(weight, before, kernel):
    """The weight within a larger kernel, behind ``before`` zeros."""
    return np.pad(weight, ((0, 0), (0, 0), *(
        (more, size - own - more)
        for more, size, own in zip(before, kernel, weight.shape[2:], strict=True))))


def dilate(weight, dilation):
    """A kernel with zeros between its places."""
    rows, columns = ((size - 1) * step + 1
                     for size, step in zip(weight.shape[2:], dilation, strict=True))
    made = np.zeros((*weight.shape[:2], rows, columns))
    made[:, :, ::dilation[0], ::dilation[1]] = weight
    return made


def _ungrouped(weight, groups) -> np.ndarray:
    """The weights of all channels, with zeros for those of other groups."""
    outputs, inputs = len(weight) // groups, weight.shape[1]
    made = np.zeros((len(weight), inputs * groups, *weight.shape[2:]))
    for k in range(groups):
        made[k * outputs:(k + 1) * outputs, k * inputs:(k + 1) * inputs] = weight[
            k * outputs:(k + 1) * outputs]
    return made
