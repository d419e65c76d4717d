import itertools
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from qblif.golden import integer, neuron
from qblif.golden.spec import Decay, Neuron, Quantiser, Reset, Synaptic
from qblif.golden.spec.artifact import load
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.export import (
    derive_synaptic_width,
    derive_v_width,
    export,
    signed_width,
)
from qblif.golden.training.nets import build
from qblif.golden.training.quantise import quantise


def qat_net(shape=(8,), **kwargs):
    torch.manual_seed(0)
    config = TrainConfig(**{"hidden": (6,), "gamma": 0.3, "gain": 1.0,
                            "input_n_max": 4} | kwargs)
    return quantise(build(config, shape, 3).eval(), config.w_width, config.v_width)


HALF, CLOSED = Decay((1,)), Decay((0,))


def wide(kind="gate", leak=HALF, gate=CLOSED, theta=16):
    return Neuron(leak=leak, reset=Reset(kind=kind, gate=gate), v_width=30,
                  quantiser=Quantiser(n_max=3, theta=theta))


@pytest.mark.parametrize("low, high, width", [
    (0, 0, 2), (-1, 1, 2), (-2, 1, 2), (-2, 2, 3), (0, 3, 3), (-4, 3, 3), (-5, 0, 4), (0, 127, 8),
    (-128, 0, 8), (-129, 0, 9), (0, 128, 9)])
def test_signed_width(low, high, width):
    assert signed_width(low, high) == width


@pytest.mark.parametrize("leak, timesteps, reach", [
    (Decay((0,)), 9, 100), (Decay(), 3, 300), (Decay((1,)), 1, 100), (Decay((1,)), 2, 150),
    (Decay((1,)), 3, 175)])
def test_reach_by_hand(leak, timesteps, reach):
    assert derive_v_width(wide(leak=leak), timesteps, -40, 100)[1] == reach


def test_bias_counts_every_timestep():
    assert derive_v_width(wide(leak=Decay()), 2, -40, 100, np.array([-70, 5]))[1] == 220
    assert derive_v_width(wide(leak=Decay()), 2, -40, 100, np.array([-3, 5]))[1] == 210


def test_theta_fits_a_quiet_layer():
    assert derive_v_width(wide(theta=1024), 2, -1, 1)[0] == 12


@pytest.mark.parametrize("kind", Reset.KINDS)
def test_derived_membrane_never_overflows(kind):
    rng = random.Random(1)
    decays = [Decay(), Decay((0,)), Decay((1,)), Decay((3,)), Decay((2, 5)), Decay((1,), (4,)),
              Decay((8,))]
    for leak, gate, timesteps in itertools.product(decays, decays, (1, 2, 7)):
        spec = wide(kind, leak, gate)
        low, high = -rng.randint(0, 50), rng.randint(0, 50)
        _, reach = derive_v_width(spec, timesteps, low, high)
        for ends in ([low], [high], [low, high], range(low, high + 1)):
            v = level = torch.zeros((1,), dtype=torch.int32)
            for _ in range(timesteps):
                current = torch.tensor([rng.choice(ends)], dtype=torch.int32)
                x = neuron.charge(spec, v, current, level > 0)
                assert abs(int(x)) <= reach
                level, v = neuron.step(spec, v, current, level > 0)
                assert abs(int(v)) <= reach


def test_derived_synaptic_current_never_overflows():
    """Nor does the membrane that takes it; both bounds are reached where nothing rounds."""
    for decay, leak, timesteps in itertools.product(
            [Decay(), Decay((0,)), Decay((1,)), Decay((2, 5)), Decay((1,), (4,))],
            [Decay(), Decay((2,))], (1, 2, 7)):
        synaptic = Synaptic(decay=decay, width=30)
        width = derive_synaptic_width(synaptic, timesteps, -100, 30, np.array([-7, 5]))
        spec = replace(wide("none", leak), synaptic=synaptic)
        _, reach = derive_v_width(spec, timesteps, -100, 30, np.array([-7, 5]))
        currents = neuron.filter_currents(spec, torch.full((timesteps, 1), -107))
        assert currents.min() >= -1 << width - 1
        narrow = replace(spec, synaptic=replace(synaptic, width=width))
        assert torch.equal(neuron.filter_currents(narrow, torch.full((timesteps, 1), -107)),
                           currents)
        v, silent = torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.bool)
        for current in currents:
            v = neuron.step(spec, v, current, silent)[1]
            assert v.abs() <= reach
        if decay == leak == Decay():
            assert v.abs() == reach and currents[-1] == -107 * timesteps


def test_derived_width_changes_nothing():
    net = qat_net((2, 4), timesteps=4, beta=0.875)
    trained = export(net)
    levels = torch.randint(0, 5, (100, 8), dtype=torch.uint8)
    trace, output = integer.run(trained, levels), net(levels)
    assert torch.equal(trace.membranes["hidden1"], output.membranes[0].to(torch.int32))
    assert trained.spec.input.shape == (2, 4)


def test_widths_are_the_smallest():
    trained = export(qat_net())
    for population in trained.spec.populations:
        source = trained.spec.synapses_to(population.name)[0]
        n_max = trained.spec.source(source.source).emit_max
        weights = trained.weights[source.name].astype(np.int64) * n_max
        low, high = np.minimum(weights, 0).sum(1).min(), np.maximum(weights, 0).sum(1).max()
        half = 1 << population.sum_width - 2
        assert low < -half or high >= half
        assert -2 * half <= low and high < 2 * half


def test_narrow_membrane_is_kept():
    trained = export(qat_net(v_width=12))
    assert trained.spec.populations[0].neuron.v_width == 12
    assert trained.spec.populations[1].neuron.v_width != 12


def test_zero_biases_are_left_out():
    net = qat_net()
    with torch.no_grad():
        net.stages[0].bias.zero_()
        net.stages[-1].bias.fill_(1.0)
    trained = export(net)
    assert list(trained.biases) == ["output"]
    assert trained.spec.populations[0].bias_width == 0


def test_bias_too_large_for_exact_floats():
    net = qat_net()
    with torch.no_grad():
        net.stages[0].bias.fill_(1e9)
    with pytest.raises(ValueError, match=r"^Membranes of hidden1 reach \d+, more than the QAT"):
        export(net)


def test_file_keeps_everything(tmp_path):
    trained = export(qat_net(), {"seed": 3})
    trained.save(tmp_path / "net.safetensors")
    loaded = load(tmp_path / "net.safetensors")
    assert loaded.spec == trained.spec and loaded.notes == {"seed": 3}
    for name, weight in trained.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], weight)
