"""Max pooling of spikes, against torch's own."""

import numpy as np
import pytest
import torch
from torch import nn
from torch_cases import leaky, number, sinabs

import qblif
from qblif.golden import integer
from qblif.golden.foreign import nir_graph
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked
from qblif.golden.foreign.record import Record
from qblif.golden.spec import Decay
from qblif.golden.spec.errors import InvalidValue

SNN = {"beta": 0.5, "threshold": 6.0, "reset": "subtract", "delay": True}
POOLS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": 2, "stride": 3, "padding": 1},
    {"kernel_size": (1, 4), "stride": (2, 1), "padding": (0, 2)},
    {"kernel_size": 3, "stride": 2, "ceil_mode": True},
]


def drawn(layer, draw):
    """``layer`` with small integers for weights, and no bias."""
    layer.weight.data = number(draw.integers(-2, 4, layer.weight.shape))
    layer.bias = None
    return layer


def network(draw, pool, neurons=None, size=7):
    """A convolution, the neurons and the max pool of its map, and a read-out."""
    map_ = nn.Sequential(drawn(nn.Conv2d(2, 3, 3, padding=1), draw), neurons or leaky(**SNN), pool)
    places = pool(torch.zeros(3, size, size)).numel()
    return nn.Sequential(map_, nn.Flatten(), drawn(nn.Linear(places, 4), draw))


def run(trained, draw, frames=6):
    """The input and the trace of a network on random frames."""
    spec = trained.spec
    input = draw.integers(0, spec.input.n_max + 1, (frames, spec.timesteps, spec.input.size))
    return input, integer.run(trained, input)


def pooled(pool, levels, shape):
    """What torch's module makes of levels ``(timesteps, frames, neurons)``."""
    maps = torch.as_tensor(levels).float().reshape(-1, *shape)
    return pool(maps).reshape(*levels.shape[:2], -1)


@pytest.mark.parametrize("fields", POOLS, ids=str)
def test_of_neurons(fields):
    draw, pool = np.random.default_rng(1), nn.MaxPool2d(**fields)
    trained = qblif.from_torch(network(draw, pool), (2, 7, 7), timesteps=4, static=False)
    levels = run(trained, draw)[1].levels
    theirs = pooled(pool, levels["population1"], (3, 7, 7))
    assert 0 < theirs.mean() < 1
    np.testing.assert_array_equal(levels["population1_pool"], theirs)


def test_of_full_and_empty_maps():
    pool = nn.MaxPool2d(3, 2, 1)
    trained = qblif.from_torch(nn.Sequential(pool, leaky(**SNN)), (2, 5, 5), timesteps=2,
                               static=False)
    frames = np.stack([np.ones((2, 50), int), np.zeros((2, 50), int)])
    levels = integer.run(trained, frames).levels["input_pool"]
    assert levels[:, 0].all() and not levels[:, 1].any()


@pytest.mark.parametrize("seed", range(4))
def test_two_in_a_row_of_the_input_and_at_the_end(seed):
    draw = np.random.default_rng(seed)
    first, second, last = nn.MaxPool2d(2, 1), nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2)
    model = nn.Sequential(first, second, nn.Dropout2d(),
                          drawn(nn.Conv2d(2, 3, 2), draw), leaky(**SNN), last, nn.Flatten())
    trained = qblif.from_torch(model, (2, 6, 6), timesteps=3, static=False)
    names = [p.name for p in trained.spec.populations]
    assert names == ["input_pool", "input_pool_pool", "population1", "population1_pool"]
    input, trace = run(trained, draw)
    levels = trace.levels
    theirs = pooled(first, input.swapaxes(0, 1), (2, 6, 6))
    np.testing.assert_array_equal(levels["input_pool"], theirs)
    np.testing.assert_array_equal(levels["input_pool_pool"], pooled(second, theirs, (2, 5, 5)))
    last_spikes = pooled(last, levels["population1"], (3, 2, 2))
    np.testing.assert_array_equal(levels["population1_pool"], last_spikes)
    np.testing.assert_array_equal(trace.scores, last_spikes.sum(0))


def test_neurons_keep_nothing_and_count_on():
    draw = np.random.default_rng(2)
    model = network(draw, nn.MaxPool2d(2)).append(leaky(**SNN))
    populations = qblif.from_torch(model, (2, 7, 7), timesteps=4).spec.populations
    assert [p.name for p in populations] == ["population1", "population1_pool", "population2"]
    pool = populations[1].neuron
    assert (pool.leak, pool.reset.kind, pool.emit_max) == (Decay((0,)), "none", 1)


def test_levels_of_at_most_1_by_their_weights():
    """Sinabs' levels have no bound, but the weights give them one."""
    draw = np.random.default_rng(3)
    neurons = sinabs(alpha=0.5, norm=False, threshold=200.0, most=np.inf, subtract=True)
    model = network(draw, nn.MaxPool2d(2), neurons)
    assert qblif.from_torch(model, (2, 7, 7), timesteps=2).spec.populations[0].emit_max == 1


def test_as_a_nir_file_has_it():
    """NIR has no max pool; a Conv2d of ones and an LIF whose tau is the timestep are one."""
    nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")
    pool, draw = nn.MaxPool2d(3, 2, 1), np.random.default_rng(5)
    input = draw.integers(0, 2, (4, 6, 50)) * draw.integers(0, 2, (4, 6, 50))

    def full(value):
        return np.full((2, 3, 3), value, np.float32)
    nodes = {
        "in": nir.Input(np.array([2, 5, 5])), "out": nir.Output(np.array([18])),
        "windows": nir.Conv2d(
            input_shape=(5, 5), weight=np.ones((2, 1, 3, 3), np.float32), stride=2, padding=1,
            dilation=1, groups=2, bias=np.zeros(2, np.float32)),
        "any": nir.LIF(tau=full(1), r=full(1), v_leak=full(0), v_threshold=full(0.5),
                       v_reset=full(0))}
    graph = nir_graph.build_graph(nodes, [("in", "windows"), ("windows", "any"), ("any", "out")])
    theirs = pooled(pool, input, (2, 5, 5)).numpy().astype(np.int64)
    found = import_network(graph, "nir", Asked(dt=1.0), None, Record(input, (theirs,)))
    assert found.equal and 0 < theirs.mean() < 1


BURSTS = sinabs(alpha=0.5, norm=False, threshold=4.0, most=3, subtract=True)


@pytest.mark.parametrize("layers, phrase", [
    ([nn.MaxPool2d(2), leaky(**SNN)],
     "^Module 1 is a max pool of the currents of 0, which has no exact form; only one of spikes"),
    ([leaky(**SNN), nn.Conv2d(3, 3, 3), nn.MaxPool2d(5)],
     "^Module 3 is a max pool of the currents of 2, "),
    ([BURSTS, nn.MaxPool2d(2)],
     "^Node 2 is a max pool of levels up to 3; only one of single spikes has an exact form"),
    ([leaky(**SNN), nn.AvgPool2d(2), nn.MaxPool2d(2)],
     "^Module 3 is a max pool that must be directly behind a map of neurons or the input"),
    *(([leaky(**SNN), nn.MaxPool2d(2, **field)],
       "^Module 2 is a max pool with dilation, with indices, or of windows that reach beyond")
      for field in ({"dilation": 2}, {"return_indices": True}, {"ceil_mode": True})),
], ids=lambda v: v[1:40] if isinstance(v, str) else "")
def test_refused_by_name(layers, phrase):
    model = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), *layers)
    for layer in model:
        if hasattr(layer, "weight"):
            drawn(layer, np.random.default_rng(4))
    with pytest.raises(InvalidValue, match=phrase):
        qblif.from_torch(model, (2, 7, 7), timesteps=3)


@pytest.mark.parametrize("shape, n_max, phrase", [
    ((2, 7, 7), 2, "^Node 0 is a max pool of levels up to 2; only one of single spikes"),
    ((98,), 1, "^Module 0 is a max pool that must be directly behind a map"),
])
def test_refused_of_the_input(shape, n_max, phrase):
    with pytest.raises(InvalidValue, match=phrase):
        qblif.from_torch(nn.Sequential(nn.MaxPool2d(2), leaky(**SNN)), shape, timesteps=3,
                         input_n_max=n_max)
