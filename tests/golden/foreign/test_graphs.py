"""NIR graphs that are no chains: forks, joins, residual additions and loops through several layers,
every spike by equations of their own; and what such a graph leaves open."""

import numpy as np
import pytest
from foreign_cases import DT, STEPS

from qblif.golden import integer
from qblif.golden.foreign import nir_graph, own, real
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked, readings
from qblif.golden.foreign.record import Record
from qblif.golden.spec.errors import InvalidValue
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.sim.pysim import run_network

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

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


@pytest.mark.parametrize("reset, delay", [("subtract", True), ("subtract", False), ("zero", False),
                                          ("none", True)])
@pytest.mark.parametrize("name", NETS)
def test_every_spike(name, reset, delay):
    made = Net(name, len(name), reset, delay)
    found = made.imported(reset=reset)
    assert found.equal and all(spikes.any() for spikes in made.spikes)
    spec = found.converted.trained.spec
    back = {(s.source, s.target) for s in spec.synapses if spec.recurrent(s)}
    called = {name: f"population{k}" for k, name in enumerate(made.order[:-1])}
    assert back == {(called[a], called[b]) for a, b in made.weights if not made.forward(a, b)}


@pytest.mark.parametrize("name", ["loop of two", "loops within a loop", "residual"])
def test_every_spike_on_the_rtl(name):
    made = Net(name, 3)
    trained = made.imported(reset="subtract", delay=True).converted.trained
    layout = compile(trained.spec, make_plan(trained.spec, lanes=2))
    rtl = run_network(trained, layout, made.input.transpose(1, 0, 2)[:3])
    for k, theirs in enumerate(made.spikes, 1):
        np.testing.assert_array_equal(rtl.levels[f"population{k}"], theirs[:, :3])


def test_written_and_read_again(tmp_path):
    made = Net("everything", 1)
    nodes, edges = made.graph()
    nir.write(tmp_path / "net.nir", nir.NIRGraph(nodes, edges[::-1], type_check=False))
    found = import_network(nir_graph.read(tmp_path / "net.nir"), "snntorch", Asked(), None,
                           Record(made.input, made.spikes))
    assert found.equal
    own.write(found.converted.trained, tmp_path / "own.nir")
    again = own.read(tmp_path / "own.nir")
    assert again.spec == found.converted.trained.spec


def test_the_last_spikes_of_several_layers_are_counted_together():
    made = Net("two to the output", 5)
    trained = made.imported(reset="subtract", delay=True).converted.trained
    counts = integer.run(trained, made.input.transpose(1, 0, 2)).membranes["output"][-1]
    assert (counts.numpy() == sum(s.sum(0) for s in made.spikes)).all()


def test_the_edge_back_is_the_delayed_one():
    """With the delay on the other edge of the loop the spikes are others."""
    made = Net("loop of two", 4)
    made.sizes = {"b": 3, "a": 4}
    made.order = ["input", "b", "a", "output"]
    b, a = made.run()
    made.spikes = a, b
    assert not made.imported(reset="subtract", delay=True).equal


def test_bursts_grow_around_a_loop():
    """Levels without bound: n_max and widths hold what comes back, timestep by timestep."""
    made = Net("loop of two", 1, bias=False)
    made.weights = {ends: np.eye(*weight.shape) * (1 if ends[0] == "b" else 4)
                    for ends, weight in made.weights.items()}
    graph = nir_graph.build_graph(*made.graph())
    reading = next(iter(readings("sinabs", graph.nodes, Asked(reset="subtract")).values()))
    levels = [found.numpy().astype(np.int64) for found in real.run(graph, reading, made.input)]
    found = import_network(graph, "sinabs", Asked(reset="subtract"), None,
                           Record(made.input, tuple(levels)))
    bounds = [p.neuron.quantiser.n_max for p in found.converted.trained.spec.populations[:-1]]
    assert found.equal and all(1 < level.max() <= bound < 40
                               for level, bound in zip(levels, bounds, strict=True))


def test_a_node_on_several_ways_adds_its_bias_once_for_each_way_on():
    """Two sources of one Affine; one Affine to two populations; one Affine by two ways."""
    bias = np.array([1.0, -1.0])
    flat = nir.Flatten(np.array([2]), 0, -1)
    nodes = {"input": nir.Input(np.array([3])), "output": nir.Output(np.array([2])),
             "in a": nir.Linear(np.ones((2, 3))), "in b": nir.Linear(np.eye(2, 3)),
             "both": nir.Affine(np.array([[1.0, 2.0], [3.0, 4.0]]), bias), "one": flat, "two": flat,
             **{name: neurons(2) for name in "abcd"}}
    edges = [("input", "in a"), ("input", "in b"), ("in a", "a"), ("in b", "b"), ("a", "both"),
             ("b", "both"), ("both", "c"), ("both", "one"), ("both", "two"), ("one", "d"),
             ("two", "d"), ("c", "output"), ("d", "output")]
    layers = {layer.node and layer.node.name: layer
              for layer in nir_graph.build_graph(nodes, edges).layers}
    assert (layers["c"].bias == bias).all() and (layers["d"].bias == 2 * bias).all()
    for once, twice in zip(layers["c"].connections, layers["d"].connections, strict=True):
        assert (2 * once.weight == twice.weight).all() and once.weight[1, 1] == 4


def test_residual_map_beside_a_convolution():
    draw = np.random.default_rng(4)
    weight = draw.integers(-1, 3, (2, 2, 3, 3)).astype(np.float32)

    def conv(values):
        return nir.Conv2d(input_shape=(4, 4), weight=values, stride=1, padding=1, dilation=1,
                          groups=1, bias=np.zeros(2, np.float32))
    pool = nir.SumPool2d(kernel_size=np.array([2, 2]), stride=np.array([2, 2]),
                         padding=np.array([0, 0]))
    nodes = {"input": nir.Input(np.array([2, 4, 4])), "0": conv(weight), "1": neurons(2, 4, 4),
             "2": conv(weight[::-1].copy()), "3": neurons(2, 4, 4), "4": conv(weight),
             "5": neurons(2, 4, 4), "6": pool, "7": neurons(2, 2, 2),
             "output": nir.Output(np.array([8]))}
    edges = [(str(k), str(k + 1)) for k in range(7)]
    edges += [("input", "0"), ("1", "5"), ("7", "output")]
    graph = nir_graph.build_graph(nodes, edges)
    input = (draw.random((TIMESTEPS, FRAMES, 32)) < 0.4).astype(np.int64)
    spikes, membranes = ([], [], [], []), [0.0] * 4
    for events in input.reshape(TIMESTEPS, FRAMES, 2, 4, 4):
        fired = [events]
        for k, current_of in enumerate((
                lambda f: convolve(f[0], weight), lambda f: convolve(f[1], weight[::-1]),
                lambda f: convolve(f[2], weight) + f[1],
                lambda f: f[3].reshape(FRAMES, 2, 2, 2, 2, 2).sum((3, 5)))):
            current = current_of(fired)
            now, membranes[k] = STEPS["snntorch"](
                membranes[k] + np.zeros_like(current), current, beta=BETA, threshold=THRESHOLD,
                reset="none", delay=True)
            fired.append(now)
            spikes[k].append(now.reshape(FRAMES, -1))
    record = Record(input, tuple(np.stack(s).astype(np.int64) for s in spikes))
    found = import_network(graph, "snntorch", Asked(reset="none"), None, record)
    assert found.equal and all(s.any() for s in record.spikes)


def convolve(maps, weight):
    """3x3, padding 1, as sums of shifted maps."""
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return sum(np.einsum("oi,firc->forc", weight[:, :, r, c], padded[:, :, r:r + 4, c:c + 4])
               for r in range(3) for c in range(3)).astype(float)


def net_of(*edges, **sizes):
    nodes = {"input": nir.Input(np.array([3])), "output": nir.Output(np.array([3]))}
    nodes |= {name: neurons(size) for name, size in sizes.items()}
    made = []
    for k, (a, b) in enumerate(map(str.split, edges)):
        nodes[f"w{k}"] = nir.Linear(np.ones((sizes.get(b, 3), sizes.get(a, 3))))
        made += [(a, f"w{k}"), (f"w{k}", b)]
    return nodes, made


def test_a_loop_that_is_entered_at_two_places_is_refused():
    with pytest.raises(InvalidValue, match="^Graph has a cycle that is entered at more than one "
                       "place, (a to b to a|b to a to b): which of its edges brings the spikes"):
        nir_graph.build_graph(*net_of("input a", "input b", "a b", "b a", "b output", a=3, b=3))
    with pytest.raises(InvalidValue, match="^Graph has a cycle that is entered at more than one"):
        nir_graph.build_graph(*net_of("input a", "a b", "a c", "b c", "c b", "c output", a=3, b=3,
                                      c=3))


def test_biases_on_the_way_back_are_refused():
    nodes, edges = net_of("input a", "a b", "b a", "b output", a=3, b=3)
    nodes["w2"] = nir.Affine(np.ones((3, 3)), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(InvalidValue, match="^Node w2 has biases on a way back from b to a, and "):
        nir_graph.build_graph(nodes, edges)


def test_maps_in_a_loop_are_refused():
    one = nir.Conv2d(input_shape=(3, 3), weight=np.ones((1, 1, 1, 1)), stride=1, padding=0,
                     dilation=1, groups=1, bias=np.zeros(1))
    nodes = {"input": nir.Input(np.array([1, 3, 3])), "0": one, "1": neurons(1, 3, 3), "2": one,
             "output": nir.Output(np.array([9]))}
    edges = [("input", "0"), ("0", "1"), ("1", "2"), ("2", "1"), ("1", "output")]
    with pytest.raises(InvalidValue, match="^Node 2 leads back in a loop, which only a Linear or "
                       "Affine between neurons without a map can$"):
        nir_graph.build_graph(nodes, edges)


@pytest.mark.parametrize("edges, sizes, phrase", [
    (["input a", "a b", "input b", "b output"], {"a": 3, "b": 2},
     "^Node b takes 4 from wide, but is 2$"),
])
def test_sums_of_other_sizes_are_refused(edges, sizes, phrase):
    nodes, made = net_of(*edges, **sizes)
    nodes["wide"] = nir.Linear(np.ones((4, 3)))
    with pytest.raises(InvalidValue, match=phrase):
        nir_graph.build_graph(nodes, [*made, ("a", "wide"), ("wide", "b")])


def test_two_geometries_between_the_same_neurons_are_refused():
    def conv(size):
        return nir.Conv2d(input_shape=(3, 3), weight=np.ones((1, 1, size, size)), stride=1,
                          padding=size // 2, dilation=1, groups=1, bias=np.zeros(1))
    nodes = {"input": nir.Input(np.array([1, 3, 3])), "0": conv(1), "1": conv(3),
             "2": neurons(1, 3, 3), "output": nir.Output(np.array([9]))}
    edges = [("input", "0"), ("input", "1"), ("0", "2"), ("1", "2"), ("2", "output")]
    with pytest.raises(InvalidValue, match="^Node 2 takes the same spikes in two ways, which are"):
        nir_graph.build_graph(nodes, edges)
    nodes["1"] = conv(1)
    layer = nir_graph.build_graph(nodes, edges).layers[0]
    assert layer.connections[0].weight.item() == 2


def test_too_many_ways_are_refused():
    """Forks that join again: seven in a row are 128 ways."""
    flat = nir.Flatten(np.array([3]), 0, -1)
    nodes, made = net_of("input a", "a output", a=3)
    edges, last = [edge for edge in made if edge[0] != "w1"], "w1"
    for k in range(7):
        nodes |= {f"{k}{name}": flat for name in "xyz"}
        edges += [(last, f"{k}x"), (last, f"{k}y"), (f"{k}x", f"{k}z"), (f"{k}y", f"{k}z")]
        last = f"{k}z"
    with pytest.raises(InvalidValue, match="^Node output has more than 64 ways that lead to it$"):
        nir_graph.build_graph(nodes, [*edges, (last, "output")])
