"""What is between two populations, node by node, as one synapse: pools, Linear, Affine, Conv2d and
Scale, with Flatten anywhere."""

from __future__ import annotations

import math

import numpy as np

from ..spec import Conv2d, Dense, as_map
from ..spec.errors import InvalidValue
from .compose import Weights, compose, dilate

__all__ = ["Way", "real_numbers"]

LARGEST_SCALE = 1 << 12  # Places of a Scale, which is a matrix.
LARGEST = 1 << 30  # No integer of the model is above it.
# Kinds that are known and have no exact form here, and why.
REFUSED = {
    **dict.fromkeys(("CubaLI", "LI"), "is a leaky read-out; a last Linear or Affine without "
                    "neurons is summed over timesteps"),
    "I": "is an integrator; a last Linear or Affine without neurons is summed over timesteps",
    "Conv1d": "is a convolution of one axis; write it as Conv2d with a kernel of one column",
    "Delay": "delays spikes, which the integer model does not do",
    "Threshold": "is a neuron without a state, which the integer model does not have",
}


class Way:
    """From ``source``, of ``shape``, to ``target``.  ``loose``: the shape may have batch or time
    before it.

    ``names`` are those of the nodes from the weights on.  With :meth:`finish` there are
    ``synapse``, ``weight`` over ``divisor``, ``bias`` and ``source_shape``, that of the source
    without batch or time.
    """

    def __init__(self, source, target, shape, loose):
        self.source, self.target, self.shape, self.loose = source, target, shape, loose
        self.pool, self.pooled, self.divisor, self.flat = (1, 1), 1, 1, False
        self.names: tuple[str, ...] = ()
        self.synapse: Dense | Conv2d | None = None

    @property
    def label(self) -> str:
        """The node that has the weights, or "" where none has."""
        return self.names[0] if self.names else ""

    @property
    def bare(self) -> bool:
        """Whether there is neither a pool nor weights."""
        return self.synapse is None and self.pool == (1, 1)

    @property
    def map_shape(self):
        """(channels, rows, columns) of what is before the next node, or ``None``."""
        return self.shape[-3:] if len(self.shape) == 3 or self.loose and len(self.shape) > 3 else (
            None)

    def take(self, name, kind, node):
        """The next node; refuses, by its name, what has no exact form."""
        if kind in self.TAKERS:
            self.TAKERS[kind](self, name, node)
        elif kind == "Flatten":
            self.flat = True
        else:
            raise InvalidValue(f"Node {name} is a {kind}, which "
                               + REFUSED.get(kind, "is not known here"))
        if self.synapse is not None:
            self.names = (*self.names, name)

    def take_pool2d(self, name, node):
        kernel, stride, padding = map(_pair, (node.kernel_size, node.stride, node.padding))
        divisor = math.prod(kernel) if type(node).__name__ == "AvgPool2d" else 1
        if self.bare and stride == kernel and padding == (0, 0):
            self.pool, self.pooled = kernel, divisor
            return
        shape = self.map_shape
        if shape is None:
            raise InvalidValue(f"Node {name} is a pool, which needs a map (channels, rows, "
                               f"columns), not {'x'.join(map(str, self.shape))}")
        synapse = Conv2d(source=self.source, target=self.target, kernel=kernel, stride=stride,
                         padding=padding, groups=shape[0], pool=self.pool)
        self.weigh(name, None, synapse, np.ones((shape[0], 1, *kernel)), shape,
                   synapse.output_shape(shape, shape[0]), divisor)

    def take_scale(self, name, node):
        scale, ends = _finite(name, "scale", node.scale), {"source": self.source,
                                                           "target": self.target}
        shape = self.map_shape
        if shape is not None:
            synapse = Conv2d(**ends, kernel=(1, 1), groups=shape[0], pool=self.pool)
            made = synapse.output_shape(shape, shape[0])
            if math.prod(made) == scale.size:
                every = scale.reshape(shape[0], -1)
                if (every != every[:, :1]).any():
                    raise InvalidValue(f"Node {name} scales the places of a map differently; only "
                                       "one factor for each channel has an exact form")
                self.weigh(name, None, synapse, every[:, :1].reshape(-1, 1, 1, 1), shape, made)
                return
        if (self.pool != (1, 1) or scale.size > LARGEST_SCALE
                or _suffix(self.shape, lambda s: math.prod(s) == scale.size) is None):
            raise InvalidValue(f"Node {name} scales {scale.size} places, which must be those "
                               f"before it, {'x'.join(map(str, self.shape))}, and at most "
                               f"{LARGEST_SCALE} where they are no map")
        size = (scale.size,)
        self.weigh(name, None, Dense(**ends), np.diag(scale.ravel()), size, size)

    def take_linear(self, name, node):
        weight = _finite(name, "weight", node.weight)
        if weight.ndim != 2:
            raise InvalidValue(f"Node {name} must have a weight of two axes, not {weight.ndim}")
        targets, sources = weight.shape
        synapse = Dense(source=self.source, target=self.target)
        if self.pool == (1, 1) and (self.synapse is None or self.synapse.kind == "dense"):
            shape = _suffix(self.shape, lambda s: math.prod(s) == sources)
            shape = (sources,) if shape and len(shape) != 3 else shape
        else:
            # Behind a pool or a convolution it is one whose kernel is the whole map.
            channels, *extents = as_map(self.shape[-3:])
            kernel = extents[0] // self.pool[0], extents[1] // self.pool[1]
            shape = self.shape[-3:] if channels * math.prod(kernel) == sources else None
            if shape:
                synapse = Conv2d(source=self.source, target=self.target, kernel=kernel,
                                 pool=self.pool)
                weight = weight.reshape(targets, channels, *kernel)
        self.weigh(name, node, synapse, weight, shape, (targets,))

    def take_conv2d(self, name, node):
        weight = _finite(name, "weight", node.weight)
        if weight.ndim != 4:
            raise InvalidValue(f"Node {name} must be a Conv2d of a weight with four axes, not "
                               f"{weight.ndim}")
        dilation, stride = _pair(node.dilation), _pair(node.stride)
        if min(dilation) < 1:
            raise InvalidValue(f"Node {name} must have a dilation above 0, not {min(dilation)}")
        weight, groups = dilate(weight, dilation), int(node.groups)
        padding = node.padding.decode() if isinstance(node.padding, bytes) else node.padding
        if isinstance(padding, str):
            if padding == "same" and stride != (1, 1):
                raise InvalidValue(f"Node {name} pads to the same size, which needs a stride of 1")
            if padding == "same":  # Of an even kernel torch pads one more behind than before.
                even = [1 - size % 2 for size in weight.shape[2:]]
                weight = np.pad(weight, ((0, 0), (0, 0), *((more, 0) for more in even)))
            padding = tuple(size // 2 * (padding == "same") for size in weight.shape[2:])
        kernel = weight.shape[2:]
        channels = weight.shape[1] * groups
        shape = _suffix(self.shape, lambda s: len(s) == 3 and s[0] == channels)
        if shape is None and node.input_shape is not None:
            shape = (channels, *_pair(node.input_shape))
        synapse = Conv2d(source=self.source, target=self.target, kernel=_pair(kernel),
                         stride=stride, padding=_pair(padding), groups=groups,
                         pool=self.pool)
        self.weigh(name, node, synapse, weight, shape,
                   shape and synapse.output_shape(shape, len(weight)))

    TAKERS = {"Linear": take_linear, "Affine": take_linear, "Conv2d": take_conv2d,
              "AvgPool2d": take_pool2d, "SumPool2d": take_pool2d, "Scale": take_scale}

    def weigh(self, name, node, synapse, weight, source_shape, shape, divisor=1):
        """One more linear map, behind those before it."""
        if source_shape is None or not self.loose and source_shape != self.shape:
            raise InvalidValue(f"Node {name} has a weight of {'x'.join(map(str, weight.shape))}, "
                               f"which does not fit the {'x'.join(map(str, self.shape))} before it")
        bias = getattr(node, "bias", None)
        bias = np.zeros(len(weight)) if bias is None else _finite(name, "bias", bias)
        if bias.shape != (len(weight),):
            raise InvalidValue(f"Node {name} must have {len(weight)} biases, not {bias.shape}")
        made = Weights(synapse=synapse, weight=weight, bias=bias, divisor=divisor * self.pooled)
        if self.synapse is None:
            self.source_shape = source_shape
        else:
            if self.synapse.kind != synapse.kind:
                raise InvalidValue(f"Node {name} is a convolution behind {self.label} without "
                                   "neurons between them, whose weights are no map")
            made = compose(name, Weights(synapse=self.synapse, weight=self.weight, bias=self.bias,
                                         divisor=self.divisor), made)
        self.synapse, self.weight, self.bias, self.divisor = (
            made.synapse, made.weight, made.bias, made.divisor)
        self.shape, self.loose, self.pool, self.pooled = shape, False, (1, 1), 1

    def scale(self, name, factor, offset):
        """Each channel's weights and bias times ``factor``, and ``offset`` more: batch norm."""
        axes = (-1, *(1,) * (self.weight.ndim - 1))
        with np.errstate(invalid="ignore"):  # No number, as 0 times infinity, is refused.
            weight, bias = self.weight * factor.reshape(axes), self.bias * factor + offset
        self.weight = _finite(name, "scaled weight", weight)
        self.bias = _finite(name, "scaled bias", bias)

    def finish(self, name, flat):
        """``(channels, shape)`` of what arrives at the node ``name``.  Spikes that pass no weights
        arrive as they are: one to one, or, where maps are to stay, channel by channel."""
        if self.synapse is None:
            if self.loose:
                raise InvalidValue(f"Node {name} has no Linear, Affine or Conv2d between it and "
                                   "the input")
            ends = {"source": self.source, "target": self.target}
            self.source_shape = self.shape
            if self.pool == (1, 1) and (flat or self.flat or len(self.shape) != 3):
                size = math.prod(self.shape)
                self.synapse, self.weight, self.shape = Dense(**ends), np.eye(size), (size,)
            else:
                channels = as_map(self.shape)[0]
                self.synapse = Conv2d(**ends, kernel=(1, 1), groups=channels, pool=self.pool)
                self.weight = np.ones((channels, 1, 1, 1))
                self.shape = self.synapse.output_shape(self.shape, channels)
            self.bias, self.divisor = np.zeros(len(self.weight)), self.pooled
        return len(self.weight), self.shape


def _finite(name, what, values):
    values = real_numbers(name, what, values)
    if not values.size or not (np.abs(values) < LARGEST).all():
        raise InvalidValue(f"Node {name} must have a {what} of finite numbers below {LARGEST}")
    return values


def real_numbers(name, what, values):
    """A field of the node ``name`` in float64."""
    values = np.asarray(values)
    if values.dtype.kind not in "iuf":
        raise InvalidValue(f"Node {name} must have a {what} of numbers, not of {values.dtype}")
    return values.astype(np.float64)


def _suffix(shape, fits):
    """The longest trailing part of ``shape`` that fits: exporters put batch or time before it."""
    return next((shape[k:] for k in range(len(shape)) if fits(shape[k:])), None)


def _pair(value):
    """(rows, columns) of one number or two."""
    values = [int(v) for v in np.atleast_1d(np.asarray(value))]
    return (values[0], values[-1])
