import math
from collections import Counter

import numpy as np
import pytest
import torch

from qblif.golden import integer
from qblif.golden.spec import (
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quadratic,
    Quantiser,
    Reset,
)
from qblif.golden.spec.artifact import Trained
from qblif.golden.spec.burst import digits
from qblif.golden.study.analysis import Layer, layers_of, surrogate_curves, take_census
from qblif.golden.study.energy import Energy, energies, synapse_costs
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.presets import PRESETS, with_preset

KEEPS = {"leak": Decay(), "reset": Reset(kind="none")}  # A membrane that only adds up.
SCALE = 32


def network(neuron, weights, *, static=True, notes=None, timesteps=2, n_max=3):
    """As many inputs as the weights have columns, one hidden population, three read-outs."""
    weights = np.array(weights, np.int32)
    spec = Network(
        timesteps=timesteps, input=Input(shape=(weights.shape[1],), n_max=n_max, static=static),
        populations=[Population(name="a", shape=(len(weights),), neuron=neuron, sum_width=16),
                     Population(name="out", shape=(3,), sum_width=16,
                                neuron=Neuron(quantiser=None, v_width=16))],
        synapses=[Dense(source="input", target="a"), Dense(source="a", target="out")])
    draw = np.random.default_rng(1)
    return Trained(spec, {"input->a": weights, "a->out": draw.integers(
        -9, 9, (3, len(weights))).astype(np.int32)}, {}, notes or {})


@pytest.fixture
def by_hand():
    """Levels of "a" at theta 4 without leak or reset: 1 0, 3 2, 0 0, then 2 1, 5 4, 0 0."""
    neuron = Neuron(quantiser=Quantiser(n_max=5, theta=4), v_width=12, **KEEPS)
    return network(neuron, [[4, 0], [2, 2]], notes={"gammas": {"input": 1 / 3, "a": 0.7}})


FRAMES = np.array([[1, 0], [3, 1], [0, 0]])


def test_layers_by_hand(by_hand):
    pixels, a = layers_of(by_hand, take_census(by_hand, FRAMES))
    assert (pixels.histogram, pixels.theta, pixels.gamma) == ((3, 2, 0, 1), None, 1 / 3)
    assert a == Layer(name="a", neurons=2, levels=(0, 1, 2, 3, 4, 5), gamma=0.7, theta=4,
                      histogram=(5, 2, 2, 1, 1, 1))
    assert (a.firing, a.activity, a.effective_levels) == (7, 7 / 12, 6)
    assert a.mean_level == pytest.approx(18 / 12)
    assert a.bound == math.log2(6)
    assert a.entropy == pytest.approx(
        -(5 / 12 * math.log2(5 / 12) + 4 / 12 * math.log2(2 / 12) + 3 / 12 * math.log2(1 / 12)))


def test_operations_and_energy_by_hand(by_hand):
    census = take_census(by_hand, FRAMES)
    pixels, a = synapse_costs(by_hand.spec, census)
    # Levels 1, 3 and 1 of the pixels, once a frame, to two targets; 3 has two digits.
    assert (pixels.events, pixels.macs, pixels.sops) == (3, 12, {"shift": 8, "repeat": 10})
    # 1 + 3 + 2 + 2 + 1 + 5 + 4 to three; 3 and 5 have two digits.
    assert (a.events, a.macs, a.sops) == (7, 36, {"shift": 27, "repeat": 54})
    paper, repeat, shift = energies([pixels, a], layers_of(by_hand, census))
    assert paper == Energy(name="paper", flops=12, sops=54, signs=7)
    assert repeat == Energy(name="repeat", flops=0, sops=64, signs=7)
    assert shift == Energy(name="shift", flops=0, sops=35, signs=7)
    assert paper.joules == pytest.approx(12 * 12.5e-12 + 54 * 77e-15 + 7 * 3.7e-12, rel=1e-12)


def test_one_level_more_is_seen(by_hand):
    """A level of 2 in place of 1 at one neuron and timestep costs its three targets once more."""
    census = take_census(by_hand, FRAMES)
    before = energies(synapse_costs(by_hand.spec, census), layers_of(by_hand, census))
    census.counts["a"][1:3, 0] += [-1, 1]
    after = energies(synapse_costs(by_hand.spec, census), layers_of(by_hand, census))
    assert [e.sops - b.sops for e, b in zip(after, before, strict=True)] == [3, 3, 0]
    assert layers_of(by_hand, census)[1].histogram == (5, 1, 3, 1, 1, 1)


def test_input_that_changes_with_time():
    neuron = Neuron(quantiser=Quantiser(n_max=5, theta=4), v_width=12, **KEEPS)
    trained = network(neuron, [[4, 0], [2, 2]], static=False)
    frames = np.array([[[1, 0], [0, 3]]])  # "a": 1 0, then 1 2.
    census = take_census(trained, frames)
    pixels, a = layers_of(trained, census)
    assert (pixels.histogram, a.histogram) == ((2, 1, 0, 1), (1, 2, 1, 0, 0, 0))
    cost, _ = synapse_costs(trained.spec, census)
    assert (cost.events, cost.macs, cost.sops) == (2, 8, {"shift": 6, "repeat": 8})


def plainly(values, levels):
    """Histogram, entropy, effective levels, activity and mean of a list of levels."""
    counts, n = Counter(values), len(values)
    entropy = -sum(c / n * math.log2(c / n) for c in counts.values())
    return (tuple(counts[level] for level in levels), entropy,
            sum(c / n > 0.01 for c in counts.values()),
            sum(v > 0 for v in values) / n, sum(values) / n)


def of_preset(name, output):
    config = with_preset(TrainConfig(n_max=5), name)
    return Neuron(leak=config.leak.with_bits(5), reset=config.reset, output=output, v_width=14,
                  quantiser=Quantiser(n_max=config.n_max, theta=SCALE, spacing=config.spacing))


@pytest.mark.parametrize("output", Neuron.OUTPUTS)
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_equals_plain_counting(name, output):
    draw = np.random.default_rng(3)
    neuron = of_preset(name, output)
    trained = network(neuron, draw.integers(-40, 90, (7, 5)), timesteps=4)
    frames = draw.integers(0, 4, (9, 5))
    census = take_census(trained, frames)
    sent = integer.run(trained, frames).levels["a"].reshape(-1).tolist()
    assert any(sent)
    layer = layers_of(trained, census)[1]
    histogram, *figures = plainly(sent, neuron.levels)
    assert layer.levels == neuron.levels and layer.histogram == histogram
    assert sum(histogram) == 4 * 9 * 7
    np.testing.assert_allclose(
        [layer.entropy, layer.effective_levels, layer.activity, layer.mean_level], figures)
    assert layer.entropy <= layer.bound == math.log2(len(neuron.levels))
    cost = synapse_costs(trained.spec, census)[1]
    assert cost.sops == {"repeat": 3 * sum(sent), "shift": 3 * sum(len(digits(s)) for s in sent)}
    if output == "binary" or name in ("lif", "qif"):
        assert layer.levels == (0, 1) and layer.bound == 1
    if name == "shift-lif":
        assert cost.sops["shift"] == 3 * cost.events  # A digit an event.


@pytest.mark.parametrize("histogram, entropy, effective", [
    ((1, 1, 1, 1), 2.0, 4), ((7, 0, 0, 0), 0.0, 1), ((98, 1, 1, 0), 0.1614, 1),
    ((0, 0, 2, 2), 1.0, 2)])
def test_information(histogram, entropy, effective):
    """Uniform reaches the bound; one level carries nothing; a share of 0.01 is not above it."""
    layer = Layer(name="a", neurons=4, levels=(0, 1, 2, 3), histogram=histogram, gamma=None,
                  theta=8)
    assert layer.entropy == pytest.approx(entropy, abs=1e-4)
    assert (layer.effective_levels, layer.bound) == (effective, 2.0)


def test_maps_equal_unit_weights(residual):
    """With every weight 1, the sums that the integer model adds up are the operations."""
    trained, _, frames = residual
    spec = trained.spec
    sent = {"input": torch.as_tensor(frames)[None]} | integer.run(trained, frames).levels
    counts = {mode: np.array([len(digits(s, mode)) for s in range(7)])
              for mode in ("repeat", "shift")}
    for synapse, cost in zip(spec.synapses,
                             synapse_costs(spec, take_census(trained, frames)), strict=True):
        source, target = (spec.source(name) for name in (synapse.source, synapse.target))
        levels = sent[synapse.source].reshape(-1, source.size).long()
        ones = torch.ones(spec.weight_shape(synapse), dtype=torch.int32)

        def total(of, ones=ones, source=source, target=target, synapse=synapse):
            return int(integer.synapse_sum(synapse, ones, of, 20, source.shape,
                                           target.shape).sum())

        assert cost.name == synapse.name and cost.events == int((levels > 0).sum()) > 0
        assert cost.sops == {mode: total(torch.as_tensor(n)[levels]) for mode, n in counts.items()}
        assert cost.macs * math.prod(synapse.pool) == total(torch.ones_like(levels))


def test_parts_add_up(by_hand, monkeypatch):
    whole = take_census(by_hand, FRAMES)
    monkeypatch.setattr("qblif.golden.study.analysis.TRACE", 1)
    parts = take_census(by_hand, FRAMES)
    assert parts.frames == 3
    np.testing.assert_array_equal(parts.classes, integer.run(by_hand, FRAMES).classes)
    for name in ("input", "a"):
        np.testing.assert_array_equal(parts.counts[name], whole.counts[name])


@pytest.mark.parametrize("noted, expected", [
    ({"a": 0.25}, 0.25), ([0.5, 0.75], 0.75), ([0.5], None), ({}, None), ({"a": -1.0}, None),
    ({"a": "wide"}, None), ({"a": True}, None), ("none", None), (None, None)])
def test_gamma_of_the_notes(by_hand, noted, expected):
    trained = Trained(by_hand.spec, by_hand.weights, {}, {"gammas": noted})
    assert layers_of(trained, take_census(trained, FRAMES))[1].gamma == expected


def test_no_frames(by_hand):
    with pytest.raises(ValueError, match="^Frames must be at least 1, not 0$"):
        take_census(by_hand, FRAMES[:0])


def test_levels_too_large(by_hand):
    with pytest.raises(ValueError, match=r"^Input levels must be in 0..3, not 0..4$"):
        take_census(by_hand, FRAMES + FRAMES.max(0) // 3)


def population(neuron):
    return Population(name="a", shape=(2,), neuron=neuron, sum_width=16)


def test_curves_by_hand():
    neuron = Neuron(quantiser=Quantiser(n_max=3, theta=8), v_width=12)
    curves = surrogate_curves(population(neuron), 0.5)
    assert (curves.gamma, curves.n_max) == (0.5, 3)
    assert (curves.membrane[0], curves.membrane[-1]) == (-2.5, 4.5)
    for U, level, slope, box in zip(curves.membrane, curves.staircase, curves.slopes["relsg-et"],
                                    curves.slopes["rectangular"], strict=True):
        assert level == min(max(math.floor(U / 0.5), 0), 3)
        assert slope == pytest.approx(math.exp(min(U - 0.5, 1.5 - U, 0)))
        if min(abs(U - 0.25), abs(U - 1.75)) > 1e-9:
            assert box == (2.0 if 0.25 < U < 1.75 else 0.0)


def test_curves_without_gamma_of_powers_and_binary():
    powers = Neuron(quantiser=Quantiser(n_max=4, theta=8, spacing="powers"), v_width=12)
    curves = surrogate_curves(population(powers))
    assert curves.gamma == 1 and set(curves.staircase.tolist()) == {0, 1, 2, 4}
    binary = Neuron(quantiser=Quantiser(n_max=4, theta=8), output="binary", v_width=12)
    curves = surrogate_curves(population(binary), 2.0)
    assert curves.n_max == 1 and set(curves.staircase.tolist()) == {0, 1}


def test_quadratic_window_is_as_wide_as_the_leak_says():
    widths = []
    for leak in (Quadratic(low=0, high=4, bits=3), Quadratic(low=0, high=8, bits=3)):
        neuron = Neuron(leak=leak, quantiser=Quantiser(n_max=1, theta=8), v_width=12)
        curves = surrogate_curves(population(neuron), 1.0)
        widths.append(curves.slopes["quadratic-window"].max())
    assert widths == [1 / 1.5, 1.0]  # Half widths 1 - vertex of 0.75 and 0.5 levels.
