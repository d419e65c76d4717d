import itertools
import logging

import pytest
import torch
from torch import nn

from qblif.golden import integer
from qblif.golden.spec import Decay, Neuron, Quantiser, Reset
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.export import export
from qblif.golden.training.nets import build
from qblif.golden.training.presets import PRESETS
from qblif.golden.training.qat import leak_floats, round_to
from qblif.golden.training.quantise import fold_norm, fraction_bits, quantise

DEFAULTS = {"hidden": (17, 9), "gamma": 0.3, "gain": 1.0, "input_n_max": 4}


def random_net(seed, inputs=20, classes=5, **kwargs):
    """A float net whose batch norms have seen data, so that folding has something to fold."""
    torch.manual_seed(seed)
    net = build(TrainConfig(**DEFAULTS | kwargs), (inputs,), classes)
    for _ in range(20):
        net(torch.randint(0, net.input_n_max + 1, (64, inputs)).float())
    return net.eval()


def random_levels(net, frames=200, inputs=20):
    return torch.randint(0, net.input_n_max + 1, (frames, inputs), dtype=torch.uint8)


def assert_equal_to_integers(quantised, levels):
    trained = export(quantised)
    output, trace = quantised(levels), integer.run(trained, levels)
    for population, membrane in zip(trained.spec.populations, output.membranes, strict=True):
        name = population.name
        assert torch.equal(membrane.to(torch.int32), trace.membranes[name]), name
    for population, level in zip(trained.spec.populations, output.levels, strict=False):
        assert torch.equal(level.to(torch.uint8), trace.levels[population.name]), population.name
    assert torch.equal(integer.argmax(output.membranes[-1][-1]), trace.classes)
    return trained, trace


@pytest.mark.parametrize("kind", Reset.KINDS)
@pytest.mark.parametrize("beta, alpha", [(0.5, 1.0), (0.875, 0.5), (1.0, 0.3), (0.0, 0.0)])
def test_equals_integer_model(kind, beta, alpha):
    for seed, timesteps in itertools.product(range(3), (1, 4)):
        net = random_net(seed, reset_kind=kind, beta=beta, alpha=alpha, timesteps=timesteps)
        _, trace = assert_equal_to_integers(quantise(net, 8), random_levels(net))
        assert any(level.any() for level in trace.levels.values())


@pytest.mark.parametrize("output", Neuron.OUTPUTS)
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_equal_the_integer_model(preset, output):
    for seed, timesteps in itertools.product(range(3), (1, 4)):
        fields = PRESETS[preset] | {"gamma": 0.3, "output": output, "timesteps": timesteps}
        net = random_net(seed, **fields)
        _, trace = assert_equal_to_integers(quantise(net, 8), random_levels(net))
        assert any(level.any() for level in trace.levels.values())


@pytest.mark.parametrize("output", Neuron.OUTPUTS)
@pytest.mark.parametrize("kind", Reset.KINDS)
@pytest.mark.parametrize("spacing", Quantiser.SPACINGS)
def test_nearest_levels_equal_the_integer_model(spacing, kind, output):
    net = random_net(6, reset_kind=kind, n_max=8, spacing=spacing, rounding="nearest",
                     output=output, timesteps=4)
    _, trace = assert_equal_to_integers(quantise(net, 8), random_levels(net))
    assert any(level.any() for level in trace.levels.values())


@pytest.mark.parametrize("a, u1, u2", [(0.25, 0.0, 0.5), (0.1, -0.5, 1.0), (1.0, 0.25, 0.75)])
@pytest.mark.parametrize("kind", Reset.KINDS)
@pytest.mark.parametrize("spacing", Quantiser.SPACINGS)
def test_quadratic_leak_equals_the_integer_model(a, u1, u2, kind, spacing):
    net = random_net(4, leak_kind="quadratic", a=a, u1=u1, u2=u2, reset_kind=kind, n_max=8,
                     spacing=spacing, timesteps=3)
    assert_equal_to_integers(quantise(net, 8), random_levels(net))


@pytest.mark.parametrize("kind", Reset.KINDS)
@pytest.mark.parametrize("w_width, v_width", [(2, None), (4, 10), (8, 12), (8, 11), (16, 20)])
def test_equals_integer_model_at_odd_widths(kind, w_width, v_width):
    net = random_net(5, reset_kind=kind, timesteps=5, beta=0.9, n_max=20, input_n_max=20)
    quantised = quantise(net, w_width)
    if v_width is not None:
        # The grid is the weights' own choice: keep theta inside the membrane.
        for stage in quantised.stages[:-1]:
            stage.v_width = v_width
            stage.f.clamp_(max=v_width - 3)
    assert_equal_to_integers(quantised, random_levels(net))


def test_narrow_membrane_saturates():
    net = random_net(1, timesteps=4, beta=1.0, reset_kind="none")
    quantised = quantise(net, 8, v_width=12)
    for stage in quantised.stages[:-1]:
        stage.f.fill_(8)
    _, trace = assert_equal_to_integers(quantised, random_levels(net))
    assert any(int(v.max()) == 2047 for v in trace.membranes.values())


@pytest.mark.parametrize("gate", [Decay((1, 2, 3), (1, 2, 3)), Decay((2, 5)), Decay((3,), (4,))])
@pytest.mark.parametrize("v_width", [None, 9])
def test_gate_of_several_shifts(gate, v_width):
    net = random_net(3, timesteps=5, beta=1.0)
    for stage in net.stages[:-1]:
        stage.neuron.reset = Reset(gate=gate)
    quantised = quantise(net, 6, v_width)
    for stage in quantised.stages[:-1]:
        stage.f.fill_(5)
    assert_equal_to_integers(quantised, random_levels(net))


def test_per_timestep_input():
    net = random_net(2, timesteps=3)
    net.static = False
    levels = torch.randint(0, net.input_n_max + 1, (50, 3, 20), dtype=torch.uint8)
    trained, _ = assert_equal_to_integers(quantise(net, 8), levels)
    assert not trained.spec.input.static


def test_equality_fails_for_a_changed_weight():
    net = random_net(0)
    quantised, levels = quantise(net, 8), random_levels(net)
    trained = export(quantised)
    trained.weights["input->hidden1"][3, 4] += 1
    same = torch.equal(quantised(levels).membranes[0].to(torch.int32),
                       integer.run(trained, levels).membranes["hidden1"])
    assert not same


@pytest.mark.parametrize("decay", [Decay(), Decay((0,)), Decay((1,)), Decay((3,)), Decay((1, 4)),
                                   Decay((1,), (3,)), Decay((0,), (2,))])
def test_decay_of_every_small_integer(decay):
    x = torch.arange(-300, 301)
    floats = x.float().requires_grad_()
    y = leak_floats(decay, floats)
    assert torch.equal(y.to(torch.int64), decay.apply(x))
    y.sum().backward()
    assert (floats.grad == decay.factor).all()


def test_round_clips_and_passes_gradient_inside():
    x = torch.tensor([-9.0, -7.9, -0.6, 0.5, 1.5, 7.4, 7.6], requires_grad=True)
    y = round_to(x, 4)
    assert y.tolist() == [-8, -8, -1, 0, 2, 7, 7]
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("affine", [False, True])
def test_folded_norm_equals_norm(bias, affine):
    torch.manual_seed(0)
    linear, norm = nn.Linear(6, 4, bias=bias), nn.BatchNorm1d(4, affine=affine)
    if affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    for _ in range(5):
        norm(linear(torch.randn(32, 6) * 3 + 1))
    norm.eval()
    x = torch.randn(10, 6)
    weight, bias = fold_norm(linear, norm)
    torch.testing.assert_close(x @ weight.float().T + bias.float(), norm(linear(x)))


def test_fold_without_norm():
    linear = nn.Linear(3, 2)
    weight, bias = fold_norm(linear, None)
    assert torch.equal(weight.float(), linear.weight) and torch.equal(bias.float(), linear.bias)


@pytest.mark.parametrize("top, f", [(0.99, 7), (0.49, 8), (100.0, 0), (1.6, 6)])
def test_fraction_bits_fill_the_weights(top, f):
    assert fraction_bits(torch.linspace(-top, top, 1001), 8) == f


def test_snapping_keeps_levels_near_the_float_network():
    net = random_net(3, w_width=16)
    levels = random_levels(net)
    with torch.no_grad():
        quantised, full = quantise(net, 16)(levels), net(levels.float())
    differ = float((quantised.levels[0] != full.levels[0]).float().mean())
    assert differ < 0.002
    assert float((quantised.logits.argmax(1) == full.logits.argmax(1)).float().mean()) > 0.98


@pytest.mark.parametrize("fields", [{}, {"w_spacing": "powers", "w_width": 3}])
def test_membrane_that_cannot_hold_the_threshold(fields):
    """It is refused before this phase, not behind it."""
    net = random_net(4, **fields)
    with pytest.raises(ValueError, match=r"^Membrane width must be at least \d+, to hold the "
                                         r"threshold \d+ of hidden1, not 3$") as refused:
        quantise(net, 8, v_width=3)
    least = int(str(refused.value).split(",")[0].split()[-1])
    with pytest.raises(ValueError, match=f"not {least - 1}$"):
        quantise(net, 8, v_width=least - 1)
    assert export(quantise(net, 8, v_width=least)).spec.populations[0].neuron.v_width == least


def test_small_headroom_warns(caplog):
    net = random_net(4, beta=0.984375)  # A leak shift of 6.
    with caplog.at_level(logging.WARNING):
        quantise(net, 2)
    assert "will not leak" in caplog.text


def test_default_headroom_is_silent(caplog):
    with caplog.at_level(logging.WARNING):
        quantise(random_net(4), 8)
    assert not caplog.records


def test_wide_weights_switch_to_double():
    net = random_net(4, timesteps=4, n_max=20, input_n_max=20)
    assert quantise(net, 8).dtype == torch.float32
    assert quantise(net, 16).dtype == torch.float64


def weights(stage):
    return next(iter(stage.integers()[0].values())).detach()


def test_training_on_the_grid_moves_the_integers():
    net = random_net(6)
    quantised, levels = quantise(net, 8), random_levels(net)
    before = [weights(stage) for stage in quantised.stages]
    optimiser = torch.optim.Adam(quantised.parameters(), lr=0.02)
    for _ in range(5):
        optimiser.zero_grad()
        nn.functional.cross_entropy(quantised(levels).logits, levels[:, 0].long()).backward()
        optimiser.step()
    for stage, old in zip(quantised.stages, before, strict=True):
        assert not torch.equal(weights(stage), old)
    assert_equal_to_integers(quantised, levels)
