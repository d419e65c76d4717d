"""Our own networks as NIR files, and back without loss.

Nodes and edges are NIR's, in units of each population's own integers and one timestep, so that
other tools can draw the graph and run the nearest neuron that they have.  What NIR cannot say
(levels, soft resets, gates, widths) stands in the graph's metadata under ``qblif``: the whole
description, by which :func:`read` gives back the same network to the bit.
"""

import io
import json
import math
from typing import Any

import numpy as np

from ..spec import Decay, Input, Network, as_map
from ..spec.errors import InvalidValue, QblifError
from ..spec.files import write_atomically
from ..spec.trained import Trained
from . import nir_graph

__all__ = ["read", "unseen", "write"]

METADATA = "qblif"  # Of the graph.
VERSION = 1  # Of the metadata.


def write(trained, path):
    """Write a :class:`~qblif.golden.spec.artifact.Trained` to the NIR file at ``path``, whole or
    not at all.  Raises :class:`QblifError` where the ``nir`` package is missing."""
    nir = nir_graph.nir_package()
    about = {"version": VERSION, "spec": trained.spec.to_dict(), "notes": trained.notes,
             "weights_digest": trained.weights_digest}
    nodes, edges = _Graph(nir, trained).build()
    graph = nir.NIRGraph(nodes, edges, metadata={METADATA: json.dumps(about)}, type_check=False)
    data: Any = io.BytesIO()  # nir takes any file, whatever it declares.
    nir.write(data, graph)
    write_atomically(path, data.getvalue())


def read(path) -> Trained:
    """The network in a NIR file that :func:`write` wrote.

    Raises :class:`ValueError` for a file that is damaged, of other origin or edited.
    """
    graph = nir_graph.open_graph(path)
    try:
        return _parse(graph)
    except (QblifError, AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        reason = f"its metadata lack {error}" if isinstance(error, KeyError) else error
        raise InvalidValue(f"{path}: {' '.join(str(reason).split())}") from error


def _parse(graph):
    text = (getattr(graph, "metadata", None) or {}).get(METADATA)
    if not isinstance(text, str):
        raise InvalidValue("a NIR file, but not one that qblif wrote: it has no metadata of ours")
    try:
        about = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidValue(f"its metadata are not JSON ({error})") from error
    if about["version"] != VERSION:
        raise InvalidValue(f"its metadata must be of version {VERSION}, not {about['version']!r}")
    spec = Network.from_dict(about["spec"])
    weights, biases, thetas = {}, {}, {}
    for synapse in spec.synapses:
        weights[synapse.name] = _integers(graph, synapse.name, "weight")
    for population in spec.populations:
        if population.bias_width:
            first = spec.synapses_to(population.name)[0]
            biases[population.name] = _integers(graph, first.name, "bias")
        if population.thetas:
            found = _integers(graph, population.name, "v_threshold")
            thetas[population.name] = found.reshape(population.channels, -1)[:, 0]
    trained = Trained(spec, weights, biases, about["notes"], thetas=thetas)
    if trained.weights_digest != about["weights_digest"]:
        raise InvalidValue("the weights were edited: their digest does not match")
    return trained


def _integers(graph, name, field):
    node = graph.nodes.get(name)
    if node is None or not hasattr(node, field):
        raise InvalidValue(f"it has no node {name} with a {field}")
    values = np.asarray(getattr(node, field))
    if values.dtype.kind not in "iuf" or not (
            np.isfinite(values).all() and (values == np.rint(values)).all()
            and (np.abs(values) < 1 << 31).all()):
        raise InvalidValue(f"node {name} must have a {field} of integers")
    return values.astype(np.int32)


def unseen(spec) -> list[str]:
    """What other readers of the file will not see, in words."""
    found = []
    neurons = [p.neuron for p in spec.populations if p.neuron.quantiser is not None]
    most = max(p.emit_max for p in (spec.input, *spec.populations))
    if most > 1:
        found.append(f"levels above 1 (up to {most})")
    found += [f"the reset {kind}" for kind in dict.fromkeys(n.reset.kind for n in neurons)
              if kind != "zero"]
    if any(n.leak.kind == "quadratic" for n in neurons):
        found.append("a quadratic leak")
    last = spec.populations[-1].neuron
    if last.leak != Decay() or last.synaptic is not None:
        found.append("the read-out's decay")
    if any(p.neuron.floor is not None for p in spec.populations):
        found.append("a floor of the membrane")
    return [*found, "spikes at the threshold itself", "saturation and rounding"]


class _Graph:
    """Nodes and edges of one network."""

    def __init__(self, nir, trained):
        self.nir, self.trained, self.spec = nir, trained, trained.spec
        self.nodes, self.edges = {}, []

    def build(self):
        spec = self.spec
        self.nodes[Input.name] = self.nir.Input(np.array(spec.input.shape))
        for population in spec.populations:
            self.nodes[population.name] = _neurons(
                self.nir, population, self.trained.thetas.get(population.name))
            for k, synapse in enumerate(spec.synapses_to(population.name)):
                self.add_synapse(synapse, population, k == 0)
        last = spec.populations[-1]
        self.chain([last.name, self.node(f"{last.name}->", self.nir.Output(np.array(last.shape)))])
        return self.nodes, self.edges

    def node(self, name, node):
        self.nodes[name] = node
        return name

    def chain(self, names):
        self.edges += zip(names, names[1:], strict=False)

    def add_synapse(self, synapse, population, first):
        """Pool, weights and what flattens a map, from source to target; the population's bias goes
        to the first synapse."""
        source = self.spec.source(synapse.source)
        way, shape = [source.name], as_map(source.shape)
        bias = self.trained.biases.get(population.name) if first else None
        weight = _floats(self.trained.weights[synapse.name])
        if synapse.kind == "dense":
            if len(source.shape) > 1:
                way.append(self.node(f"{synapse.name} flatten", self.flatten(source.shape)))
            linear = (self.nir.Linear(weight) if bias is None
                      else self.nir.Affine(weight, _floats(bias)))
            way.append(self.node(synapse.name, linear))
        else:
            pool = np.array(synapse.pool)
            if synapse.pool != (1, 1):
                way.append(self.node(f"{synapse.name} pool", self.nir.SumPool2d(
                    kernel_size=pool, stride=pool, padding=np.array([0, 0]))))
            rows, columns = (size // p for size, p in zip(shape[1:], synapse.pool, strict=True))
            way.append(self.node(synapse.name, self.nir.Conv2d(
                input_shape=(rows, columns), weight=weight, stride=synapse.stride,
                padding=synapse.padding, dilation=(1, 1), groups=synapse.groups,
                bias=_floats(np.zeros(len(weight)) if bias is None else bias))))
            if len(population.shape) == 1:
                way.append(self.node(f"{synapse.name} flatten",
                                     self.flatten((population.size, 1, 1))))
        self.chain([*way, population.name])

    def flatten(self, shape):
        return self.nir.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1)


def _neurons(nir, population, thetas):
    """The nearest node of NIR, its timestep 1; a read-out integrates."""
    def full(value):
        return np.full(population.shape, value, np.float64)
    neuron = population.neuron
    if neuron.quantiser is None:
        return nir.I(r=full(1))
    threshold = full(neuron.quantiser.theta)
    if thetas is not None:
        threshold = np.broadcast_to(_floats(thetas).reshape(-1, *[1] * (threshold.ndim - 1)),
                                    threshold.shape).copy()
    potentials = {"v_threshold": threshold, "v_reset": full(neuron.reset.value)}
    factor = getattr(neuron.leak, "factor", 1.0)
    tau = math.inf if factor == 1 else 1 / (1 - factor)
    if neuron.synaptic is not None:
        kept = neuron.synaptic.decay.factor
        tau_syn = math.inf if kept == 1 else 1 / (1 - kept)
        return nir.CubaLIF(tau_mem=full(tau), r=full(tau), tau_syn=full(tau_syn),
                           w_in=full(tau_syn), v_leak=full(0), **potentials)
    if factor == 1:
        return nir.IF(r=full(1), **potentials)
    return nir.LIF(tau=full(tau), r=full(tau), v_leak=full(0), **potentials)


def _floats(integers):
    """float32 where it is exact."""
    exact = np.abs(integers).max(initial=0) <= 1 << 24
    return np.asarray(integers, np.float32 if exact else np.float64)
