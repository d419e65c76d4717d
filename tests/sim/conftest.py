import numpy as np
import pytest

from qblif.golden.artifact import Trained
from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.hw.plan import make_plan
from qblif.sim.simulators import SimulatorError, require


def needs(simulator):
    """Skip, and say why, where ``simulator`` is not installed."""
    try:
        require(simulator)
    except SimulatorError as error:
        pytest.skip(str(error))
    return simulator


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One folder of builds for a test run, so that the user's stays as it is."""
    return tmp_path_factory.mktemp("builds")


@pytest.fixture(params=["icarus", "verilator"])
def simulator(request):
    return needs(request.param)


@pytest.fixture
def quick():
    """The simulator that builds faster, of those that are there."""
    for name in ("icarus", "verilator"):
        try:
            require(name)
            return name
        except SimulatorError as error:
            reason = str(error)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def tiny():
    """A network of 12-10-3 neurons with its plan and frames, in which every part matters."""
    hidden = Neuron(leak=Decay((2,)), quantiser=Quantiser(n_max=5, theta=32), v_width=12,
                    reset=Reset(gate=Decay((1,))))
    out = Neuron(leak=Decay((1,)), quantiser=None, v_width=12)
    spec = Network(
        timesteps=3, input=Input(shape=(12,), n_max=5),
        populations=[Population(name="hidden", shape=(10,), neuron=hidden, sum_width=14),
                     Population(name="out", shape=(3,), neuron=out, sum_width=14, bias_width=4)],
        synapses=[Dense(source="input", target="hidden"), Dense(source="hidden", target="out")])
    draw = np.random.default_rng(0)
    trained = Trained(
        spec,
        {"input->hidden": draw.integers(-30, 60, (10, 12)).astype(np.int32),
         "hidden->out": draw.integers(-80, 80, (3, 10)).astype(np.int32)},
        {"out": np.array([1, -3, 5], np.int32)})
    frames = draw.integers(0, 6, (30, 12)) * (draw.random((30, 12)) < 0.5)
    frames[4] = 0
    return trained, make_plan(spec, lanes=4), frames
