"""A small convolutional network from its file to Verilog and the bench, in both orders of time."""

import json

import numpy as np
import pytest
from cli_cases import run

from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained

IMAGES = 3


def cnn(timesteps):
    """Images of 8x8 pixels to two maps, the second with an edge past it, and four classes."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=64), v_width=16)
    maps = {"a": (4, 4, 4), "b": (6, 4, 4)}
    synapses = [Conv2d(source="input", target="a", kernel=3, stride=2, padding=1),
                Conv2d(source="a", target="b", kernel=3, padding=1),
                Conv2d(source="input", target="b", kernel=1, pool=2),
                Dense(source="b", target="out")]
    spec = Network(
        timesteps=timesteps, input=Input(shape=(1, 8, 8), n_max=3), synapses=synapses,
        populations=[*(Population(name=name, shape=shape, neuron=fires, sum_width=18)
                       for name, shape in maps.items()),
                     Population(name="out", shape=(4,), sum_width=18,
                                neuron=Neuron(quantiser=None, v_width=20))])
    draw = np.random.default_rng(5)
    return Trained(spec, {s.name: draw.integers(-30, 60, spec.weight_shape(s)).astype(np.int32)
                          for s in synapses}, {})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cnn.safetensors"
    cnn(2).save(path)
    return path


@pytest.mark.parametrize("time", ["inner", "outer"])
@pytest.mark.parametrize("lanes", ["4", "ecp5-85k"])
def test_simulate(file, stripes, out, icarus, lanes, time):
    assert run("simulate", file, "--data", stripes, "--simulator", "icarus", "--lanes", lanes,
               "--time", time, "--images", IMAGES, "--out", out) == 0
    report = json.loads((out / "simulate.json").read_text())
    assert report["ok"] and report["cycles"]["model_equal"] is True
    assert report["levels_compared"] == IMAGES * 2 * (64 + 96)
    assert [synapse["name"] for synapse in report["synapses"]] == [
        "input->a", "a->b", "input->b", "b->out"]
    assert all(0 < synapse["busy"] <= 1 for synapse in report["synapses"])


def test_verilog(file, out):
    assert run("verilog", file, "--lanes", "4", "--out", out) == 0
    manifest = json.loads(next(out.glob("*.json")).read_text())
    stage = manifest["stages"][1]
    # With a row of slack; behind the edge there are the rows that b waits for.
    assert {part["source"]: part["rows"] for part in stage["synapses"]} == {"a": 4, "input": 5}
    assert {part["lanes"] for part in stage["synapses"]} == {stage["synapses"][0]["lanes"]}
