"""The layers of :mod:`qblif.golden.foreign.chain`, built from NIR nodes one by one.

The nodes come from :mod:`qblif.golden.foreign.nir_graph`; what their neurons mean is
:mod:`qblif.golden.foreign.readings`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..spec import Conv2d, Dense, Input, as_map
from ..spec.errors import InvalidValue
from .chain import Chain, Layer, Node

__all__ = ["PARAMETERS", "Builder"]

PARAMETERS = {"IF": ("r", "v_threshold", "v_reset"),
              "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
              "CubaLIF": ("tau_mem", "tau_syn", "w_in", "r", "v_leak", "v_threshold", "v_reset")}
LARGEST = 1 << 30  # No integer of the model is above it.
# Kinds that are known and have no exact form here, and why.
REFUSED = {
    **dict.fromkeys(("CubaLI", "LI"), "is a leaky read-out; a last Linear or Affine without "
                    "neurons is summed over timesteps"),
    "I": "is an integrator; a last Linear or Affine without neurons is summed over timesteps",
    "Conv1d": "is a convolution of one axis; write it as Conv2d with a kernel of one column",
    "Delay": "delays spikes, which the integer model does not do",
    "Scale": "scales each neuron's input; fold it into the weights before it",
    "Threshold": "is a neuron without a state, which the integer model does not have",
}


class Builder:
    """The layers so far, and the pool and synapse since the last neurons.

    ``shape`` is the input's, which exporters may write with batch or time before it.
    """

    def __init__(self, shape):
        self.shape = tuple(int(extent) for extent in np.atleast_1d(np.asarray(shape)))
        self.input_shape: tuple[int, ...] = ()
        self.layers: list[Layer] = []
        self.pool, self.mean = (1, 1), False
        self.open: Layer | None = None

    def take(self, name, kind, node):
        """The next node along the chain; refuses, by its name, what has no exact form."""
        if kind in PARAMETERS:
            self.close(_neuron(name, kind, node), name)
        elif kind in self.TAKERS:
            if self.open is not None:
                raise InvalidValue(f"Node {name} is a {kind} behind {self.open.name} without "
                                   "neurons between them")
            self.TAKERS[kind](self, name, node)
        elif kind != "Flatten":
            raise InvalidValue(f"Node {name} is a {kind}, which "
                               + REFUSED.get(kind, "is not known here"))

    def take_recurrent(self, name, node):
        """Weights from the last neurons to themselves; their bias is added in every timestep."""
        layer = self.layers[-1]
        size = math.prod(layer.shape)
        weight = _finite(name, "weight", node.weight)
        if weight.shape != (size, size) or len(layer.shape) == 3:
            raise InvalidValue(f"Node {name} must lead from {size} neurons without a map to "
                               f"themselves, but has a weight of "
                               f"{'x'.join(map(str, weight.shape))}")
        bias = getattr(node, "bias", None)
        bias = np.zeros(size) if bias is None else _finite(name, "bias", bias)
        if bias.shape != (size,):
            raise InvalidValue(f"Node {name} must have {size} biases, not {bias.shape}")
        assert layer.node is not None
        self.layers[-1] = replace(layer, back=weight, bias=layer.bias + bias,
                                  node=replace(layer.node, recurrent=True))

    def take_pool2d(self, name, node):
        kernel, stride = _pair(node.kernel_size), _pair(node.stride)
        if self.pool != (1, 1) or stride != kernel or _pair(node.padding) != (0, 0):
            raise InvalidValue(f"Node {name} is a pool whose windows overlap, are padded or follow "
                               "another pool; only a stride of the kernel's size is read")
        self.pool, self.mean = kernel, type(node).__name__ == "AvgPool2d"

    def take_linear(self, name, node):
        weight = _finite(name, "weight", node.weight)
        if weight.ndim != 2:
            raise InvalidValue(f"Node {name} must have a weight of two axes, not {weight.ndim}")
        targets, sources = weight.shape
        synapse = Dense(source=self.source, target=self.target)
        if self.pool == (1, 1):
            shape = _suffix(self.shape, lambda s: math.prod(s) == sources)
            shape = (sources,) if shape and len(shape) != 3 else shape
        else:
            # Behind a pool the synapse is a convolution whose kernel is the whole pooled map.
            channels, *extents = as_map(self.shape[-3:])
            kernel = extents[0] // self.pool[0], extents[1] // self.pool[1]
            shape = self.shape[-3:] if channels * math.prod(kernel) == sources else None
            if shape:
                synapse = Conv2d(source=self.source, target=self.target, kernel=kernel,
                                 pool=self.pool)
                weight = weight.reshape(targets, channels, *kernel)
        self.add(name, node, synapse, weight, shape, (targets,))

    def take_conv2d(self, name, node):
        weight = _finite(name, "weight", node.weight)
        if weight.ndim != 4 or _pair(node.dilation) != (1, 1):
            raise InvalidValue(f"Node {name} must be a Conv2d of a weight with four axes and no "
                               "dilation")
        groups, kernel = int(node.groups), weight.shape[2:]
        padding = node.padding.decode() if isinstance(node.padding, bytes) else node.padding
        if isinstance(padding, str):
            if padding == "same" and (_pair(node.stride) != (1, 1) or not all(
                    k % 2 for k in kernel)):
                raise InvalidValue(f"Node {name} pads to the same size, which needs an odd kernel "
                                   "and a stride of 1")
            padding = tuple(k // 2 for k in kernel) if padding == "same" else (0, 0)
        channels = weight.shape[1] * groups
        shape = _suffix(self.shape, lambda s: len(s) == 3 and s[0] == channels)
        if shape is None and node.input_shape is not None:
            shape = (channels, *_pair(node.input_shape))
        synapse = Conv2d(source=self.source, target=self.target, kernel=_pair(kernel),
                         stride=_pair(node.stride), padding=_pair(padding), groups=groups,
                         pool=self.pool)
        self.add(name, node, synapse, weight, shape,
                 shape and synapse.output_shape(shape, len(weight)))

    TAKERS = {"Linear": take_linear, "Affine": take_linear, "Conv2d": take_conv2d,
              "AvgPool2d": take_pool2d, "SumPool2d": take_pool2d}

    @property
    def source(self):
        return f"population{len(self.layers)}" if self.layers else Input.name

    @property
    def target(self):
        return f"population{len(self.layers) + 1}"

    def add(self, name, node, synapse, weight, source_shape, shape):
        if source_shape is None or (self.layers and source_shape != self.shape):
            raise InvalidValue(f"Node {name} has a weight of {'x'.join(map(str, weight.shape))}, "
                               f"which does not fit the {'x'.join(map(str, self.shape))} before it")
        self.input_shape = self.input_shape or source_shape
        bias = getattr(node, "bias", None)
        bias = np.zeros(len(weight)) if bias is None else _finite(name, "bias", bias)
        if bias.shape != (len(weight),):
            raise InvalidValue(f"Node {name} must have {len(weight)} biases, not {bias.shape}")
        self.open = Layer(name=name, synapse=synapse, weight=weight, bias=bias, mean=self.mean,
                          shape=shape)
        self.pool, self.mean, self.shape = (1, 1), False, shape

    def close(self, node, name):
        """Neurons, or the end, behind the open synapse."""
        if self.open is None:
            raise InvalidValue(f"Node {name} is neurons without a Linear, Affine or Conv2d before "
                               "it")
        self.layers.append(replace(self.open, node=node))
        self.open = None

    def finish(self) -> Chain:
        """The chain, at the output."""
        if self.open is not None:
            self.close(None, "output")
        last = self.layers[-1] if self.layers else None
        if last is None or self.layers[0].node is None or self.pool != (1, 1) or (
                last.node is None and len(last.shape) != 1):
            raise InvalidValue("Graph must have neurons, and end with them or with a Linear or "
                               "an Affine")
        return Chain(self.input_shape, tuple(self.layers))


def _neuron(name, kind, node):
    """The node's parameters, each of which must be one number for all neurons."""
    found = {}
    for field in PARAMETERS[kind]:
        values = np.unique(_real(name, field, getattr(node, field)))
        if values.size > 1:
            raise InvalidValue(f"Node {name} has {field} of {values.min():g}..{values.max():g}; "
                               "all neurons of a population must have the same")
        if not values.size or np.isnan(values[0]):
            raise InvalidValue(f"Node {name} has no {field}")
        found[field] = float(values[0])
    for field in ("v_threshold", "v_reset", "v_leak"):
        if not math.isfinite(found.get(field, 0.0)):
            raise InvalidValue(f"Node {name} must have a finite {field}, not {found[field]}")
    for field in ("v_threshold", "tau", "tau_mem", "tau_syn", "w_in", "r"):
        if found.get(field, 1.0) <= 0:
            raise InvalidValue(f"Node {name} must have a {field} above 0, not {found[field]:g}")
    if "tau_mem" in found:
        found["tau"] = found.pop("tau_mem")
    return Node(name=name, kind=kind, **found)


def _finite(name, what, values):
    values = _real(name, what, values)
    if not values.size or not (np.abs(values) < LARGEST).all():
        raise InvalidValue(f"Node {name} must have a {what} of finite numbers below {LARGEST}")
    return values


def _real(name, what, values):
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
