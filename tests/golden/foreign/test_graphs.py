"""NIR graphs that are no chains: forks, joins, residual additions and loops through several layers,
every spike by equations of their own."""

import numpy as np
import pytest
from foreign_cases import STEPS
from graph_cases import BETA, FRAMES, NETS, THRESHOLD, TIMESTEPS, Net, neurons, nir

from qblif.golden import integer
from qblif.golden.foreign import nir_graph, own, real
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked, readings
from qblif.golden.foreign.record import Record
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.sim.pysim import run_network


@pytest.mark.parametrize("reset, delay", [("subtract", True), ("subtract", False), ("zero", False),
                                          ("none", True)])
@pytest.mark.parametrize("name", NETS)
def test_every_spike(name, reset, delay):
    made = Net(name, len(name), reset, delay)
    found = made.imported(reset=reset)
    assert found.equal and all(spikes.any() for spikes in made.spikes)
    trace = integer.run(found.converted.trained, made.input.transpose(1, 0, 2))
    assert (trace.scores.numpy() == made.scores()).all()
    spec = found.converted.trained.spec
    back = {(s.source, s.target) for s in spec.synapses if spec.recurrent(s)}
    called = {name: f"population{k}" for k, name in enumerate(made.order[:-1])}
    assert back == {(called[a], called[b]) for a, b in made.weights if not made.forward(a, b)}


@pytest.mark.parametrize("name", ["loop at the end", "loops within a loop", "residual"])
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


def test_an_average_and_a_sum_add_up():
    """The average's factor is in the threshold for all weights of the neurons."""
    draw = np.random.default_rng(6)

    def conv(size, stride):
        return nir.Conv2d(input_shape=None, weight=draw.integers(-1, 4, (1, 1, size, size)),
                          stride=stride, padding=0, dilation=1, groups=1,
                          bias=np.array([1.0]))
    pool = nir.AvgPool2d(kernel_size=np.array([2, 2]), stride=np.array([2, 2]),
                         padding=np.array([0, 0]))
    nodes = {"input": nir.Input(np.array([1, 4, 4])), "0": conv(1, 1), "a": neurons(1, 4, 4),
             "1": conv(2, 2), "b": neurons(1, 2, 2), "2": conv(1, 1), "pool": pool,
             "3": conv(1, 1), "c": neurons(1, 2, 2), "output": nir.Output(np.array([4]))}
    nodes["1"].weight = np.full((1, 1, 2, 2), 2.0)
    nodes["2"].weight, nodes["3"].weight = np.array([[[[3.0]]]]), np.array([[[[2.0]]]])
    edges = [("input", "0"), ("0", "a"), ("a", "1"), ("1", "b"), ("b", "2"), ("2", "c"),
             ("a", "pool"), ("pool", "3"), ("3", "c"), ("c", "output")]
    input = draw.integers(0, 4, (TIMESTEPS, FRAMES, 16))
    weights = {name: nodes[name].weight[0, 0].astype(float) for name in "0123"}
    spikes, v = {name: [] for name in "abc"}, dict.fromkeys("abc", 0.0)
    for events in input.reshape(TIMESTEPS, FRAMES, 4, 4):
        fired = [events]
        for name, current_of in (
                ("a", lambda f: f[0] * weights["0"] + 1),
                ("b", lambda f: np.einsum("frycx,yx->frc", f[1].reshape(FRAMES, 2, 2, 2, 2),
                                          weights["1"]) + 1),
                ("c", lambda f: f[2] * weights["2"] + 1 + 1
                 + f[1].reshape(FRAMES, 2, 2, 2, 2).mean((2, 4)) * weights["3"])):
            current = current_of(fired)
            now, v[name] = STEPS["snntorch"](
                v[name] + np.zeros_like(current), current, beta=BETA, threshold=THRESHOLD,
                reset="zero", delay=True)
            fired.append(now)
            spikes[name].append(now.reshape(FRAMES, -1))
    record = Record(input, tuple(np.stack(s).astype(np.int64) for s in spikes.values()))
    found = import_network(nir_graph.build_graph(nodes, edges), "snntorch", Asked(reset="zero"),
                           None, record)
    assert found.equal and not found.converted.remarks and all(s.any() for s in record.spikes)


def convolve(maps, weight):
    """3x3, padding 1, as sums of shifted maps."""
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return sum(np.einsum("oi,firc->forc", weight[:, :, r, c], padded[:, :, r:r + 4, c:c + 4])
               for r in range(3) for c in range(3)).astype(float)
