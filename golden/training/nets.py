"""Named networks: dense, chains written as text, and QB-LIF ResNets; untrained, for any data.

A population's current is the sum of its edges, so a residual addition is one more edge.  Every
block's shortcut is the identity, or a 1x1 convolution with norm where shapes change (option B).
"""

import contextlib
import math
import re

import torch
from torch import nn

from ..spec import Input, as_map
from ..spec.errors import InvalidValue
from .input_levels import Thermometer
from .modules import QBLIF, BurstNet, Edge, Stage
from .powers import PowerGrid, constrain

__all__ = ["CHAINS", "RESNETS", "Builder", "build", "dense", "names"]

# <channels>c<kernel>[s<stride>][g<groups>]: a convolution, padded to keep the size at stride 1;
# p<size>: average pool; d<neurons>[r]: dense, and recurrent.  A dense read-out follows.
CHAINS = {
    "lenet": "6c5-p2-16c5-p2-d120-d84",
    "mnist-cnn": "16c5s2-32c3s2-64c3-p2",
    "vgg-small": "32c3s2-64c3-64c3-96c3s2-128c3-p8",
}

# Stem's channels, then (blocks, channels, stride) of each group.
RESNETS = {
    "resnet20": (16, ((3, 16, 1), (3, 32, 2), (3, 64, 2)), ()),
    "resnet19": (128, ((3, 128, 1), (3, 256, 2), (2, 512, 2)), (256,)),
    "resnet18": (64, ((2, 64, 1), (2, 128, 2), (2, 256, 2), (2, 512, 2)), ()),
    "resnet34": (64, ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)), ()),
}
BACK_SPREAD = 0.5  # Of recurrent weights at first, times the neurons: a loop that dies away.
LARGE = 64  # Images of more rows get ImageNet's stem: 7x7 of stride 2, then a pool of 2.

_PART = re.compile(r"(?P<channels>N)c(?P<kernel>N)(?:s(?P<stride>N))?(?:g(?P<groups>N))?"
                   r"|p(?P<pool>N)|d(?P<neurons>N)(?P<recurrent>r)?".replace("N", r"[1-9]\d{0,4}"))


def names():
    """Every name that :func:`build` knows; a chain may also be written out."""
    return ("dense", *CHAINS, *RESNETS)


def build(config, shape, classes, static=True):
    """The untrained network that a :class:`~qblif.golden.training.config.TrainConfig` asks for.

    ``shape`` is that of an image, ``(rows, columns)`` or ``(channels, rows, columns)``; ``static``
    says whether one image is the input of every timestep.  Raises :class:`ValueError` for a network
    that there is not, or that does not fit the image.
    """
    kind = dense if config.net == "dense" else resnet if config.net in RESNETS else chain
    copies = len(config.input_thresholds)
    if copies:
        if not static:
            raise InvalidValue("Input thresholds are of images, and not of recordings: "
                               f"{config.input_thresholds}")
        channels, *extents = (1, *shape) if len(shape) == 2 else shape
        shape = (copies * math.prod(shape),) if kind is dense else (copies * channels, *extents)
    net = kind(config, shape, classes)
    net.static = static
    if copies:
        net.encoder = Thermometer(config.input_thresholds, config.learn_thresholds)
    if config.small_epochs:
        _check_small(net, config, shape)
    return net


def _check_small(net, config, shape):
    side = config.small
    if side <= min(shape[-2:]):
        lead = () if net.static else (net.timesteps,)
        levels = torch.zeros(1, *lead, *net.input_shape[:-2], side, side)
        with contextlib.suppress(RuntimeError), torch.no_grad():
            net.eval()(levels)
            net.train()
            return
    raise InvalidValue(f"Network {config.net} on images of {shape} does not take small images of "
                       f"{side} x {side}")


class Builder:
    """Stages under construction: names, shapes and neurons of one configuration.

    ``source`` and ``shape`` are the population that the next one reads by default.
    """

    def __init__(self, config, shape):
        self.config, self.stages = config, []
        self.shapes = {Input.name: shape if len(shape) != 2 or config.net == "dense"
                       else (1, *shape)}
        self.source = Input.name

    @property
    def shape(self):
        return self.shapes[self.source]

    def width(self, channels):
        """Channels times the configuration's width factor, at least 1."""
        return max(1, round(channels * self.config.width))

    def conv(self, channels, kernel, *, source=None, stride=1, groups=1, pool=1):
        """``(edge, shape)`` of a convolution with norm, padded so that stride 1 keeps the size."""
        source = source or self.source
        before, *extents = self.shapes[source]
        if before % groups or channels % groups:
            raise InvalidValue(f"Network {self.config.net} has a convolution of {groups} groups, "
                               f"which must divide {before} channels before it and {channels} "
                               "behind it")
        synapse = nn.Conv2d(before, channels, kernel, stride, kernel // 2, groups=groups,
                            bias=False)
        extents = [(size // pool + 2 * (kernel // 2) - kernel) // stride + 1 for size in extents]
        if min(extents) < 1:
            raise InvalidValue(f"Network {self.config.net} does not fit images of "
                               f"{self.shapes[Input.name]}")
        return Edge(source, self._constrained(synapse), self._norm(nn.BatchNorm2d(channels)),
                    (pool, pool)), (channels, *extents)

    def linear(self, neurons, *, norm=True, pool=1):
        """``(edge, shape)`` of a dense synapse; without ``norm`` it has a bias."""
        channels, *extents = as_map(self.shape)
        size = channels * math.prod(extent // pool for extent in extents)
        if not size:
            raise InvalidValue(f"Network {self.config.net} does not fit images of "
                               f"{self.shapes[Input.name]}")
        synapse = self._constrained(nn.Linear(size, neurons, bias=not norm), shared=not norm)
        return Edge(self.source, synapse, self._norm(nn.BatchNorm1d(neurons)) if norm else None,
                    (pool, pool)), (neurons,)

    def back(self, name, shape):
        """``(edge, shape)`` of the recurrent synapses of the dense population ``name``."""
        synapse = nn.Linear(shape[0], shape[0], bias=False)
        nn.init.normal_(synapse.weight, std=BACK_SPREAD / shape[0])
        return Edge(name, synapse), shape

    def add(self, name, *parts):
        """A firing population fed by ``parts``, ``(edge, shape)`` each; it is the next source."""
        config = self.config
        if config.w_spacing == "powers" and len(parts) > 1:
            raise InvalidValue(f"Network {config.net} cannot have weights that are powers, as "
                               f"population {name} has {len(parts)} synapses, and one threshold a "
                               "channel takes the norm of one")
        neuron = QBLIF(config.n_max_of(len(self.stages)), config.leak, config.reset,
                       config.surrogate, config.gamma, config.spacing, config.output,
                       config.rounding, config.gamma_range, config.learn_n_max)
        neuron.log_gamma.requires_grad_(config.learn_gamma)
        self.stages.append(Stage(name, [edge for edge, _ in parts], neuron))
        self.shapes[name], self.source = parts[0][1], name

    def finish(self, classes, pool=1):
        """The network, its read-out dense."""
        config, hidden = self.config, len(self.stages)
        if not hidden:
            raise InvalidValue(f"Network {config.net} must have a hidden population, such as d64")
        edge, _ = self.linear(classes, norm=False, pool=pool)
        if isinstance(config.n_max, tuple) and len(config.n_max) != hidden:
            several = f" or {hidden}, one a hidden population" if hidden > 1 else ""
            raise InvalidValue(f"N_max must be 1 number{several}, not {len(config.n_max)}")
        if isinstance(config.fan_in, tuple) and len(config.fan_in) != hidden + 1:
            raise InvalidValue(f"Fan-in must be 1 number or {hidden + 1}, one a population, "
                               f"not {len(config.fan_in)}")
        return BurstNet([*self.stages, Stage("output", [edge])], self.shapes[Input.name],
                        config.timesteps, config.input_n_max)

    def _constrained(self, synapse, shared=False):
        """A synapse of the next population with such weights as the configuration wants."""
        config = self.config
        if config.w_spacing == "uniform":
            return synapse
        return constrain(synapse, PowerGrid(config.fan_in_of(len(self.stages)), config.w_width,
                                            shared))

    def _norm(self, norm):
        nn.init.constant_(norm.weight, self.config.gain)
        return norm


def dense(config, shape, classes):
    """Hidden populations of ``config.hidden`` neurons, all-to-all."""
    builder = Builder(config, shape)
    for i, size in enumerate(config.hidden):
        builder.add(f"hidden{i + 1}", builder.linear(builder.width(size)))
    return builder.finish(classes)


def chain(config, shape, classes):
    """One of :data:`CHAINS`, or a chain in their notation."""
    builder, pool = Builder(config, shape), 1
    counts = {"conv": 0, "dense": 0}
    for text in (CHAINS.get(config.net) or config.net).split("-"):
        part = _PART.fullmatch(text)
        if not part:
            raise InvalidValue(f"Network must be one of {', '.join(names())}, or a chain like "
                               f"16c3s2-p2-d64 with numbers of 1..99999, not {config.net!r}")
        recurrent = part["recurrent"] is not None
        part = {k: int(v) for k, v in part.groupdict().items() if v and k != "recurrent"}
        if "pool" in part:
            pool *= part["pool"]
            continue
        if "neurons" in part:
            kind, made = "dense", builder.linear(builder.width(part["neurons"]), pool=pool)
        elif len(builder.shape) != 3:
            raise InvalidValue(f"Network {config.net} has a convolution after a dense population")
        else:
            kind, made = "conv", builder.conv(
                builder.width(part["channels"]), part["kernel"], pool=pool,
                stride=part.get("stride", 1), groups=part.get("groups", 1))
        counts[kind], pool = counts[kind] + 1, 1
        name = f"{kind}{counts[kind]}"
        builder.add(name, made, *([builder.back(name, made[1])] if recurrent else []))
    return builder.finish(classes, pool)


def resnet(config, shape, classes):
    """One of :data:`RESNETS`, with CIFAR's stem or, for large images, ImageNet's."""
    stem, groups, hidden = RESNETS[config.net]
    builder = Builder(config, shape)
    large = builder.shape[1] > LARGE
    builder.add("stem", builder.conv(builder.width(stem), 7 if large else 3, stride=1 + large))
    pool = 1 + large
    for g, (blocks, channels, stride) in enumerate(groups):
        for b in range(blocks):
            _block(builder, f"group{g + 1}block{b + 1}", builder.width(channels),
                   1 if b else stride, pool)
            pool = 1
    pool = min(builder.shape[1:])
    for i, size in enumerate(hidden):
        builder.add(f"dense{i + 1}", builder.linear(builder.width(size), pool=pool))
        pool = 1
    return builder.finish(classes, pool)


def _block(builder, name, channels, stride, pool):
    """Two 3x3 convolutions; the shortcut adds to the second one's current."""
    start, before = builder.source, builder.shape
    builder.add(f"{name}a", builder.conv(channels, 3, stride=stride, pool=pool))
    second = builder.conv(channels, 3)
    if second[1] == before:
        shortcut = Edge(start, nn.Identity()), before
    elif stride == 1 and channels == before[0]:
        shortcut = Edge(start, nn.Identity(), pool=(pool, pool)), second[1]
    else:
        shortcut = builder.conv(channels, 1, source=start, stride=stride, pool=pool)
    builder.add(f"{name}b", second, shortcut)

