"""Batch norm behind a Linear or a Conv2d: folded where that is exact, else refused or rounded."""

import numpy as np
import pytest
import torch
from foreign_cases import STEPS
from torch import nn
from torch_cases import leaky, linear, number

import qblif
from qblif.golden import integer
from qblif.golden.foreign.torch_model import convert_model, read
from qblif.golden.spec.errors import InvalidValue

SNN = {"beta": 0.5, "threshold": 6.0, "reset": "subtract", "delay": True}


def norm(kind, draw, features, *, eps=0.0, affine=True, gammas=(-1.0, 0.5, 1.0, 2.0),
         variances=(0.25, 1.0, 4.0)):
    """Statistics whose product is exact in float32."""
    made = kind(features, eps=eps, affine=affine)
    made.running_mean = number(draw.integers(-2, 3, features))
    made.running_var = number(draw.choice(variances, features))
    if affine:
        made.weight.data = number(draw.choice(gammas, features))
        made.bias.data = number(draw.integers(-1, 2, features))
    return made.eval()


def spikes_of(synapse, input):
    """torch's own batch norm in front of snnTorch's equations."""
    v, found = 0.0, []
    for events in input:
        with torch.no_grad():
            current = synapse(events).flatten(1).double().numpy()
        spike, v = STEPS["snntorch"](np.zeros_like(current) + v, current, **SNN)
        found.append(spike)
    return np.stack(found)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_behind_a_linear(seed, bias, affine):
    draw = np.random.default_rng(seed)
    first = linear(draw.integers(-1, 5, (5, 6)), draw.integers(-1, 2, 5))
    first.bias = first.bias if bias else None
    synapse = nn.Sequential(first, norm(nn.BatchNorm1d, draw, 5, affine=affine))
    input = (torch.tensor(draw.random((4, 30, 6))) < 0.5).float()
    trained = convert_model(nn.Sequential(synapse, leaky(**SNN)), (6,), 4)
    levels = integer.run(trained, input.permute(1, 0, 2).numpy().astype(int)).levels
    theirs = spikes_of(synapse, input)
    assert theirs.any() and (levels["population1"].numpy() == theirs).all()


def test_behind_a_convolution():
    draw = np.random.default_rng(1)
    conv = nn.Conv2d(2, 3, 3, padding=1)
    conv.weight.data = number(draw.integers(-1, 4, (3, 2, 3, 3)))
    conv.bias.data = number(draw.integers(-1, 2, 3))
    synapse = nn.Sequential(conv, norm(nn.BatchNorm2d, draw, 3))
    input = (torch.tensor(draw.random((4, 10, 2, 4, 4))) < 0.5).float()
    trained = convert_model(nn.Sequential(synapse, leaky(**SNN)), (2, 4, 4), 4)
    levels = integer.run(trained, input.transpose(0, 1).flatten(2).numpy().astype(int)).levels
    theirs = spikes_of(synapse, input)
    assert theirs.any() and (levels["population1"].numpy() == theirs).all()


def test_behind_a_pool_and_a_linear():
    """The Linear is a convolution of the pooled map then: its weights have four axes."""
    draw = np.random.default_rng(2)
    last = linear(draw.integers(-1, 4, (3, 8)), np.zeros(3))
    synapse = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), last, norm(nn.BatchNorm1d, draw, 3))
    input = (torch.tensor(draw.random((4, 10, 2, 4, 4))) < 0.7).float()
    trained = convert_model(nn.Sequential(synapse, leaky(**SNN)), (2, 4, 4), 4)
    levels = integer.run(trained, input.transpose(0, 1).flatten(2).numpy().astype(int)).levels
    theirs = spikes_of(synapse, input)
    assert theirs.any() and (levels["population1"].numpy() == theirs).all()


def trained_model(draw):
    """A norm as training leaves it, with torch's eps."""
    made = norm(nn.BatchNorm1d, draw, 5, eps=1e-5)
    made.running_var = number(draw.random(5) + 0.5)
    first = linear(draw.integers(-1, 5, (5, 6)), np.zeros(5))
    return nn.Sequential(first, made, leaky(**SNN))


def test_off_the_grid_is_refused_with_the_error():
    with pytest.raises(InvalidValue, match=r"^Node 0 has weights, biases or a threshold that are "
                       r"not all multiples of 2\*\*-16; weights rounded to multiples of .* are off "
                       r"by at most [0-9.e-]+, which --approximate allows$"):
        qblif.from_torch(trained_model(np.random.default_rng(3)), (6,), timesteps=4)


def test_off_the_grid_is_rounded_where_asked():
    model = trained_model(np.random.default_rng(3))
    trained = qblif.from_torch(model, (6,), timesteps=4, approximate=True)
    rounded, = (remark for remark in trained.notes["rounded"].split("; ") if "weights" in remark)
    assert rounded.startswith("0: weights are rounded to multiples of ")
    unit, error = float(rounded.split()[7].rstrip(",")), float(rounded.split()[-1])
    folded = read(model, (6,))[0].layers[0].connections[0].weight
    worst = np.abs(trained.weights["input->population1"] * unit - folded).max()
    assert error == float(f"{worst:.3g}") and 0 < error <= unit / 2


def test_only_other_frameworks_are_approximated():
    with pytest.raises(InvalidValue, match="^Only models with neurons of another framework are "):
        qblif.from_torch(nn.Sequential(nn.Linear(3, 2)), (3,), approximate=True)


LINEAR = linear(np.eye(6), np.zeros(6))
BATCH = nn.BatchNorm1d(6, track_running_stats=False).eval()


@pytest.mark.parametrize("layers, phrase", [
    ([LINEAR, nn.BatchNorm1d(6)], r"^Module 1 is a .* that normalises by each batch; .* eval"),
    ([LINEAR, BATCH], "^Module 1 is a BatchNorm1d that normalises by each batch"),
    ([LINEAR, nn.BatchNorm2d(6).eval()], "^Module 1 is a .* directly behind a Conv2d$"),
    ([nn.AvgPool2d(1), nn.BatchNorm1d(6).eval()], "^Module 1 is a .* directly behind a Linear$"),
    ([nn.BatchNorm1d(6).eval(), LINEAR], "^Module 0 is a BatchNorm1d, which must be directly"),
    ([LINEAR, nn.Flatten(), nn.BatchNorm1d(6).eval()], "^Module 2 is a BatchNorm1d, which must be"),
    ([LINEAR, leaky(**SNN), nn.BatchNorm1d(6).eval()], "^Module 2 is a BatchNorm1d, which must be"),
    ([LINEAR, nn.BatchNorm1d(5).eval()], "^Module 1 is a BatchNorm1d of 5 features behind 6$"),
])
def test_refused_by_name(layers, phrase):
    with pytest.raises(InvalidValue, match=phrase):
        convert_model(nn.Sequential(*layers, leaky(**SNN)), (6,), 4)


def test_a_variance_of_zero_without_eps_is_refused():
    made = norm(nn.BatchNorm1d, np.random.default_rng(0), 6, variances=(0.0,))
    with pytest.raises(InvalidValue, match="^Node 1 must have a scaled weight of finite numbers"):
        convert_model(nn.Sequential(linear(np.eye(6), np.zeros(6)), made, leaky(**SNN)), (6,), 4)
