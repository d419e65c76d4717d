"""The worked example of docs/neurons.md: a system of one's own, from its name to the gateware."""

import itertools

import numpy as np
import pytest
import torch

pytest.importorskip("amaranth", reason="gateware needs pip install 'qblif[hw]'")

from qblif.golden import integer
from qblif.golden import neuron as golden
from qblif.golden.spec import Decay, Network, Neuron, Population, Quantiser, Reset
from qblif.golden.spec.artifact import Trained
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.export import export
from qblif.golden.training.nets import build
from qblif.golden.training.presets import PRESETS, with_preset
from qblif.golden.training.quantise import quantise
from qblif.hw.core import neuron as hardware
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.sim.pysim import run_network
from qblif.sim.stream import simulate_component


@pytest.fixture(autouse=True)
def one_threshold(monkeypatch):
    """A burst of any level takes one threshold from the membrane."""
    monkeypatch.setitem(Reset.KINDS, "one", lambda v, level, theta: v - (level > 0) * theta)
    monkeypatch.setitem(hardware.AFTER_BURST, "one",
                        lambda v, level, amount, theta: v - hardware.Mux(level != 0, theta, 0))
    monkeypatch.setitem(PRESETS, "one-threshold", {"reset_kind": "one", "beta": 0.5})


def trained(seed=0):
    torch.manual_seed(seed)
    config = TrainConfig(hidden=(9,), gamma=0.3, gain=1.0, timesteps=3)
    net = build(with_preset(config, "one-threshold"), (12,), 4)
    for _ in range(5):
        net(torch.randint(0, net.input_n_max + 1, (32, 12)).float())
    return quantise(net.eval(), 8)


def test_golden_models_agree():
    net = trained()
    levels = torch.randint(0, net.input_n_max + 1, (100, 12), dtype=torch.uint8)
    output, trace = net(levels), integer.run(export(net), levels)
    assert torch.equal(output.levels[0].to(torch.uint8), trace.levels["hidden1"])
    assert torch.equal(output.membranes[0].to(torch.int32), trace.membranes["hidden1"])
    assert trace.levels["hidden1"].max() > 1


def test_every_step_of_the_hardware():
    spec = Neuron(leak=Decay((1,)), reset=Reset(kind="one"), v_width=6,
                  quantiser=Quantiser(n_max=3, theta=8))
    population = Population(name="p", shape=(1,), neuron=spec, sum_width=4)
    steps = list(itertools.product(range(-32, 32), range(-8, 8)))
    dut, found = hardware.NeuronCore(population), []

    async def feed(ctx):
        for v, current in steps + [steps[-1]] * dut.latency:
            ctx.set(dut.i, {"state": {"v": v}, "sum": current})
            _, _, out = await ctx.tick().sample(dut.o)
            found.append((int(out.level), int(out.state.v)))

    simulate_component(dut, feed, timeout=len(steps) + 20)
    v, current = (torch.tensor(column) for column in zip(*steps, strict=True))
    level, left = golden.step(spec, v, current, torch.zeros(len(v), dtype=torch.bool))
    assert found[dut.latency:] == list(zip(level.tolist(), left.tolist(), strict=True))


def test_the_network_in_hardware(tmp_path):
    network = export(trained())
    network.save(tmp_path / "one.safetensors")
    assert Network.from_dict(network.spec.to_dict()) == network.spec
    frames = np.random.default_rng(0).integers(0, network.spec.input.n_max + 1, (3, 12))
    rtl = run_network(network, compile(network.spec, make_plan(network.spec, lanes=4)), frames)
    expected = integer.run(network, frames)
    np.testing.assert_array_equal(rtl.levels["hidden1"], expected.levels["hidden1"])
    np.testing.assert_array_equal(rtl.membranes["hidden1"], expected.membranes["hidden1"])
    assert isinstance(network, Trained)
