"""A user's own torch layers as a network of populations; what has no integer form is refused."""

import math

from torch import nn

from ..spec import Conv2d, Input, as_map
from ..spec.checks import check_int
from ..spec.errors import InvalidValue
from .modules import QBLIF, BurstNet, Edge, Stage

__all__ = ["from_torch"]

# What people write, and the nearest form that stays exact and accumulate-only.
NEAREST = {
    "MaxPool2d": "AvgPool2d, or a stride in the convolution before it",
    "AdaptiveMaxPool2d": "AvgPool2d of the map's size",
    "AdaptiveAvgPool2d": "AvgPool2d of the map's size",
    "ReLU": "QBLIF", "ReLU6": "QBLIF", "LeakyReLU": "QBLIF", "GELU": "QBLIF", "SiLU": "QBLIF",
    "Sigmoid": "QBLIF", "Tanh": "QBLIF", "Softmax": "nothing: the class is the arg-max",
    "LayerNorm": "BatchNorm2d or BatchNorm1d", "GroupNorm": "BatchNorm2d",
    "InstanceNorm2d": "BatchNorm2d", "Dropout": "nothing, or the activity penalty",
    "Dropout2d": "nothing, or the activity penalty",
    "Conv1d": "Conv2d with a kernel of (k, 1)", "ConvTranspose2d": "Conv2d",
    "LSTM": "QBLIF over timesteps", "GRU": "QBLIF over timesteps", "RNN": "QBLIF over timesteps",
}


def from_torch(model, input_shape, timesteps, input_n_max, static=True):
    """A :class:`~qblif.golden.training.modules.BurstNet` that shares the layers of ``model``.

    ``model`` is an :class:`~torch.nn.Sequential`, nested or not, of Conv2d, Linear, BatchNorm,
    AvgPool2d, Flatten, Identity and QBLIF.  Each QBLIF closes a population of one convolution or
    linear layer; the last such layer has none and is the read-out.  Its input is the levels over
    ``input_n_max``.  Raises :class:`ValueError` that names the layer which cannot be converted, and
    the nearest form.
    """
    Input(shape=input_shape, n_max=input_n_max, static=static)  # It checks them.
    check_int("Timesteps", timesteps, 1, 1024)
    stages, parts, source = [], _Parts(as_map(input_shape)), Input.name
    for name, layer in _flat(model, ""):
        if isinstance(layer, QBLIF):
            if any(layer is stage.neuron for stage in stages):
                raise InvalidValue(f"Layer {name} is a neuron that is there before; each "
                                   "population needs one of its own")
            stages.append(Stage(f"population{len(stages) + 1}", [parts.edge(source, name)], layer))
            source, parts = stages[-1].name, _Parts(parts.shape)
        else:
            parts.take(name, layer)
    if parts.synapse is None:
        raise InvalidValue("Model must end with a linear layer or a convolution, its read-out, "
                           "and no neuron behind it")
    stages.append(Stage("output", [parts.edge(source, "the end")]))
    return BurstNet(stages, input_shape, timesteps, input_n_max, static)


class _Parts:
    """The layers since the last neuron: pool, synapse and norm; ``shape``, (channels, rows,
    columns), is that of what they give."""

    def __init__(self, shape):
        self.pool, self.synapse, self.norm, self.shape = (1, 1), None, None, shape

    def take(self, name, layer):
        if isinstance(layer, (nn.Flatten, nn.Identity)):
            return
        if isinstance(layer, nn.AvgPool2d):
            self._check_order(name, layer, self.pool == (1, 1) and self.synapse is None)
            self.pool = _checked_pool(name, layer)
            self.shape = _pooled(name, self.pool, self.shape)
        elif type(layer) in (nn.Conv2d, nn.Linear):
            self._check_order(name, layer, self.synapse is None)
            self.synapse = _checked_convolution(name, layer)
            self.shape = _made(name, layer, self.shape)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            self._check_order(name, layer, self.synapse is not None and self.norm is None)
            self.norm = _checked_norm(name, layer, self.shape[0])
        else:
            kind = type(layer).__name__
            nearest = NEAREST.get(kind, "Conv2d, Linear, BatchNorm, AvgPool2d, Flatten or QBLIF")
            raise InvalidValue(f"Layer {name} is a {kind}, which has no exact integer form; "
                               f"the nearest is {nearest}")

    def edge(self, source, name):
        if self.synapse is None:
            raise InvalidValue(f"Layer {name} is a neuron without a convolution or a linear layer "
                               "before it")
        return Edge(source, self.synapse, self.norm, self.pool)

    @staticmethod
    def _check_order(name, layer, right):
        if not right:
            raise InvalidValue(f"Layer {name} is a {type(layer).__name__} out of place: a "
                               "population is AvgPool2d, then Conv2d or Linear, then BatchNorm, "
                               "then QBLIF, "
                               "one of each at most")


def _flat(model, prefix):
    if not isinstance(model, nn.Sequential):
        raise InvalidValue(f"Model must be a Sequential, not a {type(model).__name__}; other "
                           "graphs are built from Stage and Edge")
    for name, layer in model._modules.items():  # Named children are without repetitions.
        if isinstance(layer, nn.Sequential):
            yield from _flat(layer, f"{prefix}{name}.")
        else:
            yield prefix + name, layer


def _checked_pool(name, layer):
    def pair(value):
        return tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if pair(layer.stride) != pair(layer.kernel_size) or pair(layer.padding) != (0, 0) \
            or layer.ceil_mode or layer.divisor_override:
        raise InvalidValue(f"Layer {name} is an AvgPool2d whose windows overlap, are padded or "
                           "rounded up; the nearest is one with a stride of its kernel size")
    return pair(layer.kernel_size)


def _pooled(name, pool, shape):
    channels, rows, columns = shape
    if pool[0] > rows or pool[1] > columns:
        raise InvalidValue(f"Layer {name} has windows of {pool[0]} x {pool[1]}, which must not be "
                           f"larger than its map of {rows} x {columns}")
    return channels, rows // pool[0], columns // pool[1]


def _made(name, layer, shape):
    """The shape of what a synapse gives; :class:`ValueError` where its source does not fit."""
    what, takes, there = (("inputs", layer.in_features, math.prod(shape))
                          if isinstance(layer, nn.Linear)
                          else ("channels", layer.in_channels, shape[0]))
    if takes != there:
        raise InvalidValue(f"Layer {name} takes {takes} {what}, but what is before it gives "
                           f"{there}")
    if isinstance(layer, nn.Linear):
        return layer.out_features, 1, 1
    return Conv2d(source=Input.name, target=f"layer {name}", kernel=layer.kernel_size,
                  stride=layer.stride, padding=layer.padding).output_shape(shape,
                                                                           layer.out_channels)


def _checked_norm(name, layer, channels):
    if layer.running_mean is None:
        raise InvalidValue(f"Layer {name} is a {type(layer).__name__} without running statistics, "
                           "which its integers are made of; the nearest is one with them")
    if layer.num_features != channels:
        raise InvalidValue(f"Layer {name} takes {layer.num_features} channels, but what is before "
                           f"it gives {channels}")
    return layer


def _checked_convolution(name, layer):
    if isinstance(layer, nn.Conv2d) and (layer.dilation != (1, 1) or layer.padding_mode != "zeros"
                                         or isinstance(layer.padding, str)):
        raise InvalidValue(f"Layer {name} is a Conv2d with dilation, or padding other than a "
                           "number of zeros; the nearest is a Conv2d with a larger kernel and a "
                           "number of zeros")
    return layer
