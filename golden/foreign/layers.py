"""The layers of :mod:`qblif.golden.foreign.graph`, built from NIR nodes one by one.

The nodes come from :mod:`qblif.golden.foreign.nir_graph`; what their neurons mean is
:mod:`qblif.golden.foreign.readings`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..spec import Input, as_map
from ..spec.errors import InvalidValue
from .compose import add
from .graph import Connection, Graph, Layer, Node
from .thresholds import common_threshold
from .way import Way, real_numbers

__all__ = ["PARAMETERS", "Builder", "read_neurons"]

PARAMETERS = {"IF": ("r", "v_threshold", "v_reset"),
              "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
              "CubaLIF": ("tau_mem", "tau_syn", "w_in", "r", "v_leak", "v_threshold", "v_reset")}


class Builder:
    """The populations so far.  ``shape`` is the input's, which exporters may write with batch or
    time before it; the first weights that read it tell."""

    def __init__(self, shape):
        sizes = np.atleast_1d(np.asarray(shape))
        if sizes.dtype.kind not in "iu" or not sizes.size or sizes.min() < 1:
            raise InvalidValue("Input must have a shape of integers above 0, not "
                               f"{' '.join(map(str, sizes.ravel()[:8])) or 'none'}")
        self.shapes = {Input.name: tuple(int(size) for size in sizes)}
        self.layers: dict[str, Layer] = {}
        self.biases: dict[str, dict] = {}
        self.known = False

    def way(self, source, target=None) -> Way:
        """A way from a population or the input to ``target``, by default the next population."""
        return Way(source, target or self.next_name, self.shapes[source],
                   source == Input.name and not self.known)

    @property
    def next_name(self) -> str:
        """Neurons are counted; a max pool has its source's name, so that it does not shift them."""
        nodes = [layer.node for layer in self.layers.values() if layer.node is not None]
        return f"population{sum(node.kind != 'MaxPool2d' for node in nodes) + 1}"

    def add(self, name, ways, node=None) -> str:
        """The next population: the neurons ``node``, or the read-out, behind the sum of ``ways``.
        Returns what it is called."""
        target = self.next_name if node else "output"
        if node and node.kind == "MaxPool2d":
            target = f"{ways[0].source}_pool"
        channels, shape = ways[0].finish(name, node is None)
        self.layers[target] = Layer(name=target, label=name, connections=(),
                                    bias=np.zeros(channels), shape=shape, node=node)
        self.shapes[target], self.biases[target] = shape, {}
        for way in ways:
            self.connect(name, way, target)
        return target

    def connect(self, name, way, target, recurrent=False):
        """One more way to a population, called ``name`` in messages; recurrent ones bring the
        levels of the timestep before."""
        layer = self.layers[target]
        channels, shape = way.finish(name, layer.node is None)
        if recurrent and (way.synapse.kind != "dense" or 3 in (len(shape), len(way.source_shape))):
            raise InvalidValue(f"Node {way.label or name} leads back in a loop, which only a "
                               "Linear or Affine between neurons without a map can")
        if (channels, shape) != (len(layer.bias), layer.shape):
            raise InvalidValue(f"Node {name} takes {_times(shape)} from {way.label or way.source}, "
                               f"but is {_times(layer.shape)}")
        if way.source == Input.name:
            if self.known and way.source_shape != self.shapes[Input.name]:
                raise InvalidValue(f"Node {way.label} reads an input of "
                                   f"{_times(way.source_shape)}, others one of "
                                   f"{_times(self.shapes[Input.name])}")
            self.shapes[Input.name], self.known = way.source_shape, True
        # A node that is on several ways adds its bias once for each way on from there.
        self.biases[target].setdefault(way.names, way.bias)
        made = Connection(synapse=replace(way.synapse, target=target), weight=way.weight,
                          divisor=way.divisor, recurrent=recurrent)
        self.layers[target] = replace(layer, connections=self.join(name, layer.connections, made))

    def join(self, name, connections, made):
        """``connections`` and one more; one from the same source as another adds to its weights."""
        for k, other in enumerate(connections):
            if other.synapse.source != made.synapse.source:
                continue
            both = add(other, made, *(self.shapes[end] for end in (
                made.synapse.source, made.synapse.target)))
            if both is None:
                raise InvalidValue(f"Node {name} takes the same spikes in two ways, which are not "
                                   "of one geometry and so do not add up to one synapse")
            synapse, weight, divisor = both
            both = replace(other, synapse=synapse, weight=weight, divisor=divisor)
            return (*connections[:k], both, *connections[k + 1:])
        return (*connections, made)

    def add_bias(self, target, name, values):
        """More that is added to every timestep's current of a population, a value each neuron or
        channel."""
        self.biases[target]["", name] = values

    def finish(self, name, ways) -> Graph:
        """The graph with its output, the node ``name``, which is the last neurons themselves or a
        read-out behind the sum of ``ways``."""
        *_, last = self.shapes
        flat = as_map(self.shapes[last])[1:] == (1, 1)
        if len(ways) > 1 or ways[0].source != last or not ways[0].bare or not flat:
            last = self.add(name, ways)
        layers = self.layers.values()
        if not any(layer.node for layer in layers) or as_map(self.shapes[last])[1:] != (1, 1):
            raise InvalidValue("Graph must have neurons, and end with them or with a Linear or "
                               "an Affine")
        made = []
        for layer in layers:
            biases = self.biases[layer.name]
            labels = dict.fromkeys(names[0] for names in biases if names and names[0])
            made.append(_scaled(replace(layer, bias=sum(biases.values()),
                                        label=", ".join(labels) or layer.label)))
        return Graph(self.shapes[Input.name], tuple(made))


def _scaled(layer):
    """The layer with its neurons' factors in weights and biases."""
    factors = layer.node and layer.node.factors
    if factors is None:
        return layer
    if factors.size not in (len(layer.bias), math.prod(layer.shape)):
        raise InvalidValue(f"Node {layer.node.name} has {factors.size} thresholds, but "
                           f"{math.prod(layer.shape)} neurons")
    every = factors.reshape(len(layer.bias), -1)
    if (every != every[:, :1]).any():
        raise InvalidValue(f"Node {layer.node.name} has a v_threshold that differs within a "
                           "channel; only one for each channel has an exact form")
    scale = every[:, 0]
    return replace(layer, bias=layer.bias * scale, connections=tuple(
        replace(c, weight=c.weight * scale.reshape(-1, *(1,) * (c.weight.ndim - 1)))
        for c in layer.connections))


def _times(shape):
    return "x".join(map(str, shape))


def read_neurons(name, kind, node, recurrent=False) -> Node:
    """The node's parameters, each of which but the threshold must be one number for all neurons."""
    found, factors = {}, None
    for field in PARAMETERS[kind]:
        every = real_numbers(name, field, getattr(node, field))
        values = np.unique(every)
        if not values.size or np.isnan(values[-1]):
            raise InvalidValue(f"Node {name} has no {field}")
        if values.size > 1 and field != "v_threshold":
            raise InvalidValue(f"Node {name} has {field} of {values[0]:g}..{values[-1]:g}; "
                               "all neurons of a population must have the same")
        if field in ("v_threshold", "v_reset", "v_leak") and not np.isfinite(values).all():
            raise InvalidValue(f"Node {name} must have a finite {field}, not "
                               f"{values[~np.isfinite(values)][0]}")
        if field not in ("v_reset", "v_leak") and values[0] <= 0:
            raise InvalidValue(f"Node {name} must have a {field} above 0, not {values[0]:g}")
        found[field] = float(values[0])
        if values.size > 1:
            found[field], factors = common_threshold(every.ravel())
    if factors is not None and (found["v_reset"] or found.get("v_leak")):
        raise InvalidValue(f"Node {name} has a v_threshold of its own for each neuron around a "
                           f"rest or reset other than 0, which has no exact form")
    if "tau_mem" in found:
        found["tau"] = found.pop("tau_mem")
    return Node(name=name, kind=kind, recurrent=recurrent, factors=factors, **found)
