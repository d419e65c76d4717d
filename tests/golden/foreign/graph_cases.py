"""Random NIR graphs that are no chains, with the spikes of snnTorch's equations."""

import numpy as np
import pytest
from foreign_cases import DT, STEPS

from qblif.golden.foreign import nir_graph
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked
from qblif.golden.foreign.record import Record

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

__all__ = ["BETA", "FRAMES", "NETS", "THRESHOLD", "TIMESTEPS", "Net", "neurons", "nir"]

TIMESTEPS, FRAMES = 5, 12
BETA, THRESHOLD = 0.5, 4.0


def neurons(*shape):
    """``snn.Leaky`` as its exporter writes it."""
    def full(value):
        return np.full(shape, value, np.float32)
    return nir.LIF(tau=full(DT / (1 - BETA)), r=full(1 / (1 - BETA)), v_leak=full(0),
                   v_threshold=full(THRESHOLD), v_reset=full(0))


# Populations in order of computation, with their sizes, and what leads from one to another; "=" is
# an edge without weights between.  An edge to one that stands no later brings the spikes before.
NETS = {
    "loop of two": ({"a": 4, "b": 3}, ["input a", "a b", "b a", "b output"]),
    "loop at the end": ({"a": 3, "b": 3}, ["input a", "a b", "b a", "b b", "b = output"]),
    "counted in the middle": ({"a": 3, "b": 4}, ["input a", "a b", "b a", "a = output"]),
    "loop of three": ({"a": 4, "b": 3, "c": 4}, ["input a", "a b", "b c", "c a", "c output"]),
    "loop out of the middle": ({"a": 4, "b": 3, "c": 2},
                               ["input a", "a b", "b a", "a c", "c output"]),
    "loops within a loop": ({"a": 3, "b": 3, "c": 4}, [
        "input a", "a b", "b c", "c b", "c a", "a a", "c output"]),
    "loop without weights": ({"a": 3, "b": 3}, ["input a", "a b", "b = a", "b output"]),
    "fork and join": ({"a": 4, "b": 3, "c": 5, "d": 3}, [
        "input a", "a b", "a c", "b d", "c d", "d output"]),
    "residual": ({"a": 4, "b": 3, "c": 4}, ["input a", "a b", "b c", "a = c", "c output"]),
    "skip from the input": ({"a": 4, "b": 3}, ["input a", "a b", "input b", "b output"]),
    "two to the output": ({"a": 3, "b": 3}, ["input a", "a b", "a = output", "b = output"]),
    "the last and another": ({"b": 3, "a": 3}, ["input b", "b a", "a = output", "b = output"]),
    "everything": ({"a": 4, "b": 4, "c": 4, "d": 3}, [
        "input a", "a b", "a = c", "b c", "c a", "c d", "a d", "d d", "d a", "d output"]),
}


class Net:
    """One of :data:`NETS` with random weights and its own run of snnTorch's equations."""

    def __init__(self, name, seed=0, reset="subtract", delay=True, bias=True):
        draw = np.random.default_rng(seed)
        self.sizes, self.edges = NETS[name]
        size = self.sizes | {"input": 5, "output": 2}
        self.order = ["input", *self.sizes, "output"]
        self.weights, self.biases = {}, {}
        for source, *same, target in map(str.split, self.edges):
            last = size[source] if target == "output" and same else size[target]
            self.weights[source, target] = np.eye(last) if same else draw.integers(
                -2, 5, (last, size[source])).astype(float)
            if bias and not same and self.forward(source, target) and target != "output":
                self.biases[source, target] = draw.integers(-1, 2, last).astype(float)
        self.same = {(e.split()[0], e.split()[2]) for e in self.edges if "=" in e}
        self.input = (draw.random((TIMESTEPS, FRAMES, 5)) < 0.5).astype(np.int64)
        self.reset, self.delay = reset, delay
        self.spikes = self.run()

    def forward(self, source, target):
        return self.order.index(source) < self.order.index(target)

    def run(self):
        parameters = {"beta": BETA, "threshold": THRESHOLD, "reset": self.reset,
                      "delay": self.delay}
        before = {name: np.zeros((FRAMES, size)) for name, size in self.sizes.items()}
        membranes, found = dict(before), {name: [] for name in self.sizes}
        for events in self.input:
            now = {"input": events}
            for name in self.sizes:
                current = sum(
                    (now if self.forward(source, name) else before)[source] @ weight.T
                    + self.biases.get((source, name), 0)
                    for (source, target), weight in self.weights.items() if target == name)
                now[name], membranes[name] = STEPS["snntorch"](
                    membranes[name], current, **parameters)
                found[name].append(now[name])
            before = now
        return tuple(np.stack(spikes).astype(np.int64) for spikes in found.values())

    def scores(self):
        """What reaches the output, summed over the timesteps."""
        spikes = dict(zip(self.sizes, self.spikes, strict=True))
        return sum(spikes[source].sum(0) @ weight.T
                   for (source, target), weight in self.weights.items() if target == "output")

    def graph(self):
        nodes = {"input": nir.Input(np.array([5])), "output": nir.Output(np.array([2]))}
        nodes |= {name: neurons(size) for name, size in self.sizes.items()}
        edges = []
        for ends, weight in self.weights.items():
            if ends in self.same:
                edges.append(ends)
                continue
            name = "->".join(ends)
            nodes[name] = (nir.Affine(weight, self.biases[ends]) if ends in self.biases
                           else nir.Linear(weight))
            edges += [(ends[0], name), (name, ends[1])]
        return nodes, edges

    def imported(self, **asked):
        return import_network(nir_graph.build_graph(*self.graph()), "snntorch", Asked(**asked),
                              None, Record(self.input, self.spikes))
