"""Other frameworks' networks on the RTL: their file imported, and every spike that of their own
equations, which :mod:`foreign_cases` has apart from what is tested."""

import numpy as np
import pytest
import torch
from foreign_cases import DT, STEPS, make
from recurrent_cases import Recurrent
from torch import nn
from torch.nn import functional
from torch_cases import leaky

import qblif
from qblif.golden.foreign import nir_graph, record
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.sim.pysim import run_network

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

SNN = {"beta": 0.5, "threshold": 6.0}
SINABS = {"alpha": 1.0, "norm": False, "threshold": 4.0, "most": np.inf, "subtract": True}

CASES = [
    *(("snntorch", SNN | {"reset": reset, "delay": delay}, {})
      for reset in ("subtract", "zero") for delay in (True, False)),
    ("snntorch", SNN | {"reset": "none", "delay": True}, {}),
    ("snntorch", SNN | {"beta": 1.0, "reset": "subtract", "delay": True}, {}),
    ("spikingjelly", {"tau": None, "threshold": 6.0, "hard": True, "decay_input": False}, {}),
    ("spikingjelly", {"tau": 2.0, "threshold": 8.0, "hard": True, "decay_input": False,
                      "rest": 2.0}, {}),
    ("spikingjelly", {"tau": 2.0, "threshold": 3.0, "hard": False, "decay_input": True}, {}),
    ("norse", {"rate": 0.5, "threshold": 3.0, "subtract": True}, {}),
    ("norse", {"rate": None, "threshold": 6.0, "subtract": False}, {}),
    ("norse", {"rate": 0.5, "threshold": 3.0, "subtract": False, "v_leak": -1.0, "v_reset": 0.5},
     {"v_reset": 0.5}),
    ("sinabs", SINABS, {}),
    ("sinabs", SINABS | {"most": 2, "subtract": False}, {}),
    ("sinabs", SINABS | {"alpha": 0.5, "threshold": 2.0, "norm": True}, {}),
    ("sinabs", SINABS | {"floor": -4.0}, {}),
    ("rockpool", {"alpha": 0.5, "threshold": 4.0, "most": np.inf}, {}),
    *(("snntorch", {"alpha": 0.5, "beta": 0.75, "threshold": 9.0, "reset": reset, "delay": True,
                    "cuba": True}, {}) for reset in ("subtract", "zero", "none")),
    ("norse", {"rate": 0.5, "syn_rate": 0.25, "threshold": 4.0, "cuba": True}, {}),
    ("rockpool", {"alpha": 0.5, "syn": 0.5, "threshold": 4.0, "most": np.inf, "cuba": True}, {}),
]


def check_on_rtl(imported, input, spikes, lanes):
    """Every level of each neuron layer is the framework's, ``spikes``."""
    trained = imported.converted.trained
    layout = compile(trained.spec, make_plan(trained.spec, lanes=lanes))
    rtl = run_network(trained, layout, input.transpose(1, 0, 2).astype(int))
    for k, theirs in enumerate(spikes, 1):
        assert theirs.any()
        np.testing.assert_array_equal(rtl.levels[f"population{k}"], theirs)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda k: f"{CASES[k][0]}-{k}")
def test_every_spike_is_the_frameworks(number, tmp_path):
    framework, parameters, asked = CASES[number]
    network = make(framework, seed=number, timesteps=6, frames=8, bias=number % 2,
                   low=-3 if "floor" in parameters else -1, **parameters)
    file, spikes = network.write(nir, tmp_path)
    imported = import_network(nir_graph.read(file), framework, Asked(**asked), None,
                              record.load(spikes))
    check_on_rtl(imported, network.input, network.spikes, lanes=1 + number % 4)


@pytest.mark.parametrize("alpha, reset", [(0.5, "subtract"), (0.5, "zero"), (None, "subtract")])
def test_recurrent_neurons_of_snntorch(alpha, reset):
    """``RSynaptic`` as snnTorch's exporter nests it, and ``RLeaky`` likewise."""
    made = Recurrent(4, alpha=alpha, beta=0.5, reset=reset)
    imported = import_network(nir_graph.build_graph(*made.graph(nir)), "snntorch",
                              Asked(reset=reset, delay=True), None,
                              record.Record(made.input, made.spikes))
    assert imported.equal
    check_on_rtl(imported, made.input, made.spikes, lanes=2)


@pytest.mark.parametrize("delay", [True, False])
def test_convolution_of_snntorch(delay, tmp_path):
    """``Leaky`` as it is by default behind a Conv2d and a Linear."""
    draw = np.random.default_rng(1)
    kernel, weight = draw.integers(-2, 4, (3, 2, 3, 3)), draw.integers(-2, 4, (4, 27))
    parameters = SNN | {"reset": "subtract", "delay": delay}
    input = (draw.random((5, 6, 72)) < 0.4).astype(float)

    def convolve(events):
        maps = torch.from_numpy(events.reshape(-1, 2, 6, 6))
        return functional.conv2d(maps, torch.from_numpy(kernel).double(), stride=2,
                                 padding=1).flatten(1).numpy()

    first = run(convolve, input, parameters)
    spikes = [first, run(lambda events: events @ weight.T, first, parameters)]

    def neurons(*shape):
        def full(value):
            return np.full(shape, value, np.float32)
        return nir.LIF(tau=full(2 * DT), r=full(2), v_leak=full(0), v_threshold=full(6.0),
                       v_reset=full(0))
    graph = nir.NIRGraph.from_list(
        nir.Input(np.array([2, 6, 6])),
        nir.Conv2d(input_shape=(6, 6), weight=kernel.astype(np.float32), stride=2, padding=1,
                   dilation=1, groups=1, bias=np.zeros(3, np.float32)),
        neurons(3, 3, 3), nir.Flatten(np.array([3, 3, 3]), 0),
        nir.Linear(weight.astype(np.float32)), neurons(4), nir.Output(np.array([4])))
    nir.write(tmp_path / "net.nir", graph)
    recorded = record.Record(input.astype(np.int64), tuple(s.astype(np.int64) for s in spikes))
    imported = import_network(nir_graph.read(tmp_path / "net.nir"), "snntorch", Asked(), None,
                              recorded)
    assert imported.equal
    check_on_rtl(imported, input, spikes, lanes=3)


POOLS = [{"kernel_size": 2}, {"kernel_size": 3, "stride": 1, "padding": 1},
         {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)}]


@pytest.mark.parametrize("number", range(len(POOLS)))
def test_max_pools_of_torch(number):
    """snnTorch's ``Leaky`` around torch's MaxPool2d, as ``qblif.from_torch`` takes them."""
    draw, pool = np.random.default_rng(number), nn.MaxPool2d(**POOLS[number])
    conv, linear = nn.Conv2d(1, 2, 2, bias=False), nn.Linear(
        pool(torch.zeros(2, 4, 4)).numel(), 3, bias=False)
    for layer in (conv, linear):
        layer.weight.data = torch.tensor(draw.integers(-2, 4, layer.weight.shape)).float()
    parameters = {"beta": 0.5, "threshold": 3.0, "reset": "subtract", "delay": True}
    model = nn.Sequential(conv, leaky(**parameters), pool, nn.Flatten(), linear,
                          leaky(**parameters))
    trained = qblif.from_torch(model, (1, 5, 5), timesteps=4, static=False)
    input = (draw.random((4, 3, 25)) < 0.6).astype(int)

    def through(module, events, shape=(-1,)):
        with torch.no_grad():
            return module(torch.as_tensor(events).float().reshape(3, *shape)).flatten(1).numpy()

    first = run(lambda events: through(conv, events, (1, 5, 5)), input, parameters)
    pooled = np.stack([through(pool, events, (2, 4, 4)) for events in first])
    last = run(lambda events: through(linear, events), pooled, parameters)
    layout = compile(trained.spec, make_plan(trained.spec, lanes=1 + number))
    rtl = run_network(trained, layout, input.transpose(1, 0, 2)).levels
    for name, theirs in (("population1", first), ("population1_pool", pooled),
                         ("population2", last)):
        assert 0 < theirs.mean() < 1
        np.testing.assert_array_equal(rtl[name], theirs)


def run(currents, input, parameters):
    """Spikes of snnTorch's neurons, ``(timesteps, frames, neurons)``."""
    v, spikes = 0.0, []
    for events in input:
        current = currents(events)
        spike, v = STEPS["snntorch"](np.zeros_like(current) + v, current, **parameters)
        spikes.append(spike)
    return np.stack(spikes)
