"""Sparse weights that are powers of two, from the float network to the integers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from power_cases import POWERS, SHORT, random_net
from train_cases import STRIPES, Interrupted, assert_same_bits

from qblif.golden import integer
from qblif.golden.spec import Quantiser, Reset
from qblif.golden.spec.errors import InvalidValue
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.export import export
from qblif.golden.training.nets import build
from qblif.golden.training.powers import (
    PRUNED,
    SETTLED,
    PowerGrid,
    constrain,
    prune,
    real_weight,
)
from qblif.golden.training.quantise import FRACTION, quantise
from qblif.golden.training.retarget import check_edges
from qblif.golden.training.train import train

# The grid.

@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("fan_in, w_width, values", [
    (7, 2, {-1, 0, 1}), (7, 3, {-2, -1, 0, 1, 2}), (1, 3, {-2, -1, 0, 1, 2}),
    (0, 4, {-4, -2, -1, 0, 1, 2, 4}), (99, 3, {-2, -1, 0, 1, 2})])
def test_values_and_fan_in(fan_in, w_width, values, shared):
    weight = torch.randn(30, 4, 5, generator=torch.Generator().manual_seed(1))
    found, scale = PowerGrid(fan_in, w_width, shared).integers(weight)
    assert set(found.unique().tolist()) <= values
    assert w_width < 3 or fan_in == 1 or set(found.unique().tolist()) == values
    kept = (found != 0).flatten(1).sum(1)
    assert (kept <= (fan_in or 20)).all() and (kept >= min(fan_in or 20, 20) // 2).all()
    assert scale.shape == (30, 1, 1) and (len(scale.unique()) == 1) == shared
    magnitude = weight.abs().flatten(1)
    for row, one in zip(magnitude, found.flatten(1), strict=True):
        left = row[one == 0]
        assert not len(left) or row[one != 0].min() > left.max()
    assert (found * weight >= 0).all()


def test_scale_and_rounding_by_hand():
    """Kept are 4, 2, 1 and 0.3, their mean over the root of 2 is 1.29: 3.10, 1.55, 0.77, 0.23."""
    found, scale = PowerGrid(4, 3, False).integers(torch.tensor([[2.0, -0.2, 1.0, -4.0, 0.3]]))
    assert found.tolist() == [[2, 0, 1, -2, 0]]
    assert float(scale) == pytest.approx(7.3 / 4 / 2**0.5)


def test_equal_weights_keep_the_fan_in():
    found, _ = PowerGrid(3, 3, False).integers(torch.ones(4, 9))
    assert (found != 0).sum(1).tolist() == [3] * 4


def test_weights_that_are_zero():
    found, _ = PowerGrid(3, 3, True).integers(torch.zeros(4, 9))
    assert not found.any()


def test_every_weight_has_a_gradient():
    layer = constrain(torch.nn.Linear(9, 4), PowerGrid(2, 3, False))
    layer(torch.ones(1, 9)).sum().backward()
    assert (real_weight(layer).grad == 1).all()


def test_weights_left_out_settle():
    net = random_net()
    layer = net.stages[0].edges[0].synapse
    for position, moving in ((SETTLED - 0.01, 20), (SETTLED, 6)):
        prune(net, position)
        layer.zero_grad()
        layer(torch.ones(1, 20)).sum().backward()
        assert int((real_weight(layer).grad != 0).sum(1).max()) == moving
        assert torch.equal(real_weight(layer).grad != 0, layer.weight != 0) == (moving == 6)


def test_kept_weights_fall_to_the_fan_in():
    net, counts = random_net(), []
    layers = [stage.edges[0].synapse for stage in net.stages]
    for position in np.linspace(0, 1, 41):
        prune(net, float(position))
        counts.append([int((layer.weight != 0).sum(1).max()) for layer in layers])
    assert layers[0].parametrizations.weight[0].kept == 6
    assert all(a >= b for one, other in zip(counts, counts[1:], strict=False)
               for a, b in zip(one, other, strict=True))
    assert counts[0][0] > 15 and counts[int(40 * PRUNED) - 8][0] > 6
    assert counts[int(40 * PRUNED)] == counts[-1] == [6, 5, 4]


# In fixed point.

@pytest.mark.parametrize("rounding", Quantiser.ROUNDINGS)
@pytest.mark.parametrize("kind", Reset.KINDS)
@pytest.mark.parametrize("net, timesteps, shape", [
    ("dense", 1, (20,)), ("dense", 3, (20,)), ("4c3-p2-d9", 2, (6, 6)), ("d9-d9", 1, (20,))])
def test_equals_integer_model(net, timesteps, shape, kind, rounding):
    config = replace(POWERS, net=net, timesteps=timesteps, reset_kind=kind, rounding=rounding)
    for seed in range(2):
        found = random_net(config, shape, seed)
        levels = torch.randint(0, 4, (200, int(np.prod(shape))), dtype=torch.uint8)
        quantised = quantise(found, 3)
        trained, output = export(quantised), quantised(levels)
        trace = integer.run(trained, levels)
        for population, membranes in zip(trained.spec.populations, output.membranes, strict=True):
            assert torch.equal(membranes.flatten(2).int(), trace.membranes[population.name])
        for population, level in zip(trained.spec.firing, output.levels, strict=True):
            assert torch.equal(level.flatten(2).byte(), trace.levels[population.name])
        assert all(level.any() for level in list(trace.levels.values())[:-1])
        for synapse, most in zip(trained.spec.synapses, (6, 5, 4), strict=True):
            weights = trained.weights[synapse.name]
            weights = weights.reshape(len(weights), -1)
            one = 1 << FRACTION if synapse.target != "output" else 1
            assert set(np.unique(weights // one)) <= {-2, -1, 0, 1, 2}
            assert not (weights % one).any()
            assert ((weights != 0).sum(1) <= most).all()
        assert [p.thetas for p in trained.spec.populations] == [True, True, False]


def test_norms_fold_exactly():
    """Steps of 1/8, 1/4 and -1/2 level are whole thresholds: every level is the float network's."""
    net = build(replace(POWERS, hidden=(3,), fan_in=(2, 0), gamma=1.0, input_n_max=1), (4,), 2)
    edge = net.stages[0].edges[0]
    with torch.no_grad():
        real_weight(edge.synapse).copy_(torch.tensor(
            [[1.0, 1, 0, 0], [0, -1, 1, 0], [2, 0, 0, 2]]) * 2**0.5)
        edge.norm.weight.copy_(torch.tensor([0.125, 0.25, -0.25]))
        edge.norm.bias.copy_(torch.tensor([1.0, 0.75, 3.0]))
        edge.norm.running_var.fill_(1)
    edge.norm.eps = 0.0
    quantised = quantise(net.eval(), 3)
    trained = export(quantised)
    one = 1 << FRACTION
    assert trained.thetas["hidden1"].tolist() == [8 * one, 4 * one, 2 * one]
    assert trained.biases["hidden1"].tolist() == [8 * one, 3 * one, 6 * one]
    assert trained.weights["input->hidden1"].tolist() == [
        [one, one, 0, 0], [0, -one, one, 0], [-one, 0, 0, -one]]
    levels = torch.cartesian_prod(*[torch.arange(2)] * 4).float()
    assert torch.equal(quantised(levels).levels[0], net(levels).levels[0])


# Training.

@pytest.fixture(scope="module")
def sparse():
    return train(SHORT, STRIPES)


def test_learns(sparse):
    assert sparse.notes["accuracy_integer"] > 0.85
    assert [int((w != 0).sum(1).max()) for w in sparse.weights.values()] == [10, 6, 6]
    assert TrainConfig(**sparse.notes["config"]) == SHORT


def test_resumed_training_has_the_same_bits(sparse, tmp_path):
    def stop(progress):
        if (progress.phase, progress.epoch) == ("float", 3):
            raise Interrupted
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Interrupted):
        train(SHORT, STRIPES, checkpoint=path, progress=stop)
    assert_same_bits(sparse, train(SHORT, STRIPES, checkpoint=path, resume=True))


# What is refused.

@pytest.mark.parametrize("changes, reason", [
    ({"w_spacing": "uniform"}, "Fan-in must be 0 where weights are uniform, not "),
    ({"w_spacing": "fibonacci"}, "Spacing of weights must be one of uniform, powers, not "),
    ({"fan_in": -1}, "Fan-in must be in 0..16777216, not -1"),
    ({"compile": True}, "Weights that are powers train without compile"),
    ({"leak_kind": "quadratic"}, "Weights that are powers train without a quadratic leak")])
def test_refused_configurations(changes, reason):
    with pytest.raises(InvalidValue, match=f"^{reason}"):
        replace(POWERS, **changes)


def test_refused_networks():
    with pytest.raises(InvalidValue, match="^Fan-in must be 1 number or 3, one a population, not "
                                           "2$"):
        build(replace(POWERS, fan_in=(3, 4)), (20,), 5)
    for net in ("resnet20", "d9r"):
        with pytest.raises(InvalidValue, match=f"^Network {net} cannot have weights that are "
                                               "powers, as population .* has 2 synapses"):
            build(replace(POWERS, net=net, fan_in=3), (3, 8, 8), 5)


def test_weights_for_hardware_that_is_there():
    with pytest.raises(InvalidValue, match="^Weights for hardware that is there must be uniform"):
        train(SHORT, STRIPES, like=export(quantise(random_net(), 3)).spec)
    net = random_net(replace(POWERS, w_spacing="uniform", fan_in=0))
    with pytest.raises(InvalidValue, match="^Population hidden1 has a threshold for each channel"):
        check_edges(net, export(quantise(random_net(), 3)).spec)
