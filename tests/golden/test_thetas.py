"""Thresholds of each channel: the integer model, the network file, and who refuses them."""

import random
from dataclasses import replace

import numpy as np
import pytest
from reference import draw_frames, draw_network, reference

from qblif.golden import integer
from qblif.golden.foreign import own
from qblif.golden.neuron_trace import neuron_trace
from qblif.golden.spec import Conv2d, Decay, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import ArtifactError, Trained, load
from qblif.golden.spec.errors import InvalidType, InvalidValue
from qblif.golden.spec.leak import Quadratic
from qblif.golden.study.meter import Meter
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan

NEURON = Neuron(quantiser=Quantiser(n_max=3, theta=9, rounding="nearest"), v_width=10)


def maps(thetas, neuron=NEURON, n_max=63):
    """Each neuron of two maps of 2 x 3 has the level of one pixel as its current."""
    spec = Network(
        timesteps=1, input=Input(shape=(1, 2, 3), n_max=n_max),
        populations=[Population(name="maps", shape=(2, 2, 3), neuron=neuron, sum_width=8,
                                thetas=True)],
        synapses=[Conv2d(source="input", target="maps", w_width=2, kernel=(1, 1))])
    return Trained(spec, {"input->maps": np.ones((2, 1, 1, 1), np.int32)}, thetas=thetas)


GIVEN = {"maps": np.array([4, 9], np.int32)}


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed, tmp_path):
    draw = random.Random(seed)
    trained = draw_network(draw, by_channel=0.7)
    trained.save(tmp_path / "net.safetensors")
    trained = load(tmp_path / "net.safetensors")
    frames = draw_frames(draw, trained.spec)
    trace = integer.run(trained, frames)
    for k, frame in enumerate(frames.tolist()):
        expected, scores = reference(trained, frame)
        for name, (levels, membranes) in expected.items():
            assert trace.levels[name][:, k].tolist() == levels
            assert trace.membranes[name][:, k].tolist() == membranes
        assert trace.scores[k].tolist() == scores


def test_channels_of_a_map():
    """Rounded to the nearest: half of each channel's own threshold earlier."""
    levels = integer.run(maps(GIVEN), np.array([[1, 2, 5, 6, 13, 63]])).levels["maps"]
    assert levels.flatten().tolist() == [0, 1, 1, 2, 3, 3, 0, 0, 1, 1, 1, 3]


def test_one_neuron_has_its_channels():
    frame = np.array([[13] * 6])
    steps = [neuron_trace(maps(GIVEN), {"input": frame}, "maps", k)[0] for k in (5, 6)]
    assert [step["level"] for step in steps] == [3, 1]


def test_file_keeps_them(tmp_path):
    trained = maps(GIVEN)
    trained.save(tmp_path / "net.safetensors")
    found = load(tmp_path / "net.safetensors")
    assert found.spec == trained.spec and found.weights_digest == trained.weights_digest
    assert found.thetas["maps"].tolist() == [4, 9] and found.thetas["maps"].dtype == np.int32
    assert maps({"maps": np.array([5, 9], np.int32)}).weights_digest != trained.weights_digest


def test_networks_without_them_are_as_before():
    spec = maps(GIVEN).spec
    plain = replace(spec, populations=[replace(spec.populations[0], thetas=False)])
    assert "thetas" not in plain.to_dict()["populations"][0] and plain.digest != spec.digest
    assert Network.from_dict(plain.to_dict()) == plain
    assert Network.from_dict(spec.to_dict()) == spec


def test_nir_file_keeps_them(tmp_path):
    nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")
    own.write(maps(GIVEN), tmp_path / "net.nir")
    assert own.read(tmp_path / "net.nir").thetas["maps"].tolist() == [4, 9]
    threshold = nir.read(tmp_path / "net.nir").nodes["maps"].v_threshold
    assert threshold[0].tolist() == [[4] * 3] * 2 and threshold[1].tolist() == [[9] * 3] * 2


@pytest.mark.parametrize("values, reason", [
    ([0, 9], "must be at least 1 and reach the quantiser's 9, not be 0..9"),
    ([3, 8], "must be at least 1 and reach the quantiser's 9, not be 3..8"),
    ([3, 10], "must be at least 1 and reach the quantiser's 9, not be 3..10"),
    ([9], r"must have shape \(2,\), not \(1,\)")])
def test_refused_values(values, reason):
    with pytest.raises(InvalidValue, match=f"^Thresholds maps {reason}$"):
        maps({"maps": np.array(values, np.int32)})


def test_refused_kinds():
    with pytest.raises(InvalidType, match="^Thresholds maps must be a numpy integer array"):
        maps({"maps": np.array([1.0, 9.0])})
    with pytest.raises(InvalidValue, match="^thetas must be given for maps, not nothing$"):
        maps({})
    with pytest.raises(InvalidType, match="^Population thetas must be"):
        Population(name="a", shape=(1,), neuron=NEURON, sum_width=8, thetas=1)


def test_file_without_them(tmp_path):
    spec = maps(GIVEN).spec
    plain = replace(spec, populations=[replace(spec.populations[0], thetas=False)])
    trained = Trained(plain, maps(GIVEN).weights)
    object.__setattr__(trained, "spec", spec)
    trained.save(tmp_path / "net.safetensors")
    with pytest.raises(ArtifactError, match="thetas must be given for maps, not nothing$"):
        load(tmp_path / "net.safetensors")


@pytest.mark.parametrize("neuron, what", [
    (Neuron(quantiser=None, v_width=10), "are a read-out"),
    (Neuron(leak=Quadratic.nearest(0.25, 0.0, 0.5).with_bits(4), v_width=10,
            quantiser=Quantiser(n_max=3, theta=16)), "have a quadratic leak")])
def test_neurons_without_thresholds_of_their_own(neuron, what):
    with pytest.raises(InvalidValue, match=f"^Population maps must not have .*neurons {what}$"):
        maps(GIVEN, neuron)


def test_engines_refuse_them():
    spec = maps(GIVEN).spec
    last = Population(name="out", shape=(2,), neuron=Neuron(quantiser=None, leak=Decay(),
                                                            v_width=20), sum_width=12)
    spec = replace(spec, populations=(*spec.populations, last), synapses=(
        *spec.synapses, Conv2d(source="maps", target="out", w_width=2, kernel=(2, 3))))
    with pytest.raises(InvalidValue, match="^Population maps has a threshold for each channel, "
                                           "which only a network as logic can have"):
        compile(spec, make_plan(spec, lanes=1))


def test_search_of_burst_capacity_refuses_them():
    with pytest.raises(InvalidValue, match="but maps has one for each channel$"):
        Meter(maps(GIVEN), np.zeros((1, 6), int), [0])
