"""Rockpool's modules, by classes of their names; the neurons alone are in ``test_torch_model``."""

import numpy as np
import pytest
from foreign_cases import make
from torch import nn
from torch_cases import linear, module, number, rockpool

import qblif
from qblif.golden import integer
from qblif.golden.foreign.torch_model import convert_model
from qblif.golden.spec.errors import InvalidValue

ROCK = {"alpha": 0.5, "syn": 0.5, "threshold": 2.0, "most": np.inf}


def sequence(**modules):
    """Rockpool's Sequential is no :class:`torch.nn.Sequential`."""
    made = type("TorchSequential", (nn.Module,), {"__module__": "rockpool.nn.combinators"})()
    for name, one in modules.items():
        made.add_module(name, one)
    # Rockpool's own `modules` gives a dictionary.
    made.modules = lambda: modules
    return made


def linear_torch(weight, bias=None):
    """Rockpool's weights are ``(inputs, outputs)``."""
    return module("rockpool", "LinearTorch", weight=number(weight.T),
                  bias=None if bias is None else number(bias))


@pytest.mark.parametrize("bias", [True, False])
def test_its_own_sequential(bias):
    network = make("rockpool", seed=3, timesteps=5, bias=bias, cuba=True, low=-1, **ROCK)
    layers = {}
    for k, (weight, offset) in enumerate(zip(network.weights, network.biases, strict=True)):
        layers[f"{2 * k}_LinearTorch"] = linear_torch(weight, offset if bias else None)
        layers[f"{2 * k + 1}_LIFTorch"] = rockpool(**ROCK, size=len(weight))
    trained = qblif.from_torch(sequence(**layers), (6,), timesteps=5, static=False)
    levels = integer.run(trained, network.input.transpose(1, 0, 2).astype(int)).levels
    for k, theirs in enumerate(network.spikes, 1):
        assert theirs.max() > 1 and (levels[f"population{k}"].numpy() == theirs).all()


@pytest.mark.parametrize("bias", [1.0, [1.0, -1.0, 0.0, 2.0]])
def test_bias_of_the_neurons(bias):
    """As one of the Linear; its shape is a number or one each."""
    draw = np.random.default_rng(0)
    weight, fields = draw.integers(-2, 5, (4, 6)), {"alpha": 0.5, "threshold": 4.0, "most": 3}
    inside = nn.Sequential(linear(weight, np.zeros(4)), rockpool(bias=bias, **fields))
    before = nn.Sequential(linear(weight, np.broadcast_to(bias, 4)), rockpool(**fields))
    one, other = (convert_model(model, (6,), 5) for model in (inside, before))
    assert one.spec == other.spec and one.weights_digest == other.weights_digest
    assert one.biases["population1"].any()


def test_recurrent_weights():
    """``w_rec`` is from the neurons of its rows to those of its columns."""
    draw = np.random.default_rng(5)
    weight, back = draw.integers(-1, 5, (4, 6)), draw.integers(-2, 2, (4, 4)).astype(float)
    neurons = rockpool(**ROCK | {"most": 2}, size=4, w_rec=back)
    trained = convert_model(nn.Sequential(linear(weight, np.zeros(4)), neurons), (6,), 5)
    input = (draw.random((20, 5, 6)) < 0.5).astype(int)
    levels = integer.run(trained, input).levels["population1"]
    v = held = level = np.zeros((20, 4))
    for t in range(5):
        held = 0.5 * (held + input[:, t] @ weight.T + level @ back)
        v = 0.5 * v + held
        level = np.minimum(np.maximum(np.floor(v / 2), 0), 2)
        v = v - 2 * level
        assert (levels[t].numpy() == level).all()
    assert levels.numpy().max() == 2


class Sigmoid:
    """Of Rockpool."""

    @classmethod
    def apply(cls):
        """Never called."""


@pytest.mark.parametrize("fields, phrase", [
    ({"noise_std": 0.1}, "^Module 1 has a noise_std of 0.1; only 0.0 has an exact form$"),
    ({"spike_generation_fn": Sigmoid.apply}, "^Module 1 has a spike_generation_fn of Sigmoid and "),
    ({"spike_generation_fn": None}, "^Module 1 has a spike_generation_fn of None and "),
    ({"most": 0.5}, "^Module 1 has a spike_generation_fn of StepPWL and a max_.* of 0.5; only"),
    ({"most": 2.5}, "^Module 1 has .* a max_spikes_per_dt of 2.5; only .* a whole number"),
    ({"size_in": 8}, "^Module 1 has 8 synapses for 4 neurons; only one each has an exact form$"),
    ({"bias": 1.0}, "^Module 1 has a bias behind its synaptic current, which has no exact form"),
    ({"threshold": [1.0, 2.0]}, "^Node 1 has 2 thresholds, but 4 neurons$"),
    ({"threshold": [1.0, -2.0]}, "^Module 1 has a threshold of 1.0 -2.0; it must be of finite "),
    ({"beta": number([[0.5], [0.25]])}, "^Module 1 has a beta of .*; it must be one finite"),
    ({"alpha": 1.5}, "^Module 1 has a decay of 1.5 and a threshold of 2; the decay must be in"),
])
def test_refused_by_name(fields, phrase):
    neurons = rockpool(**ROCK | {"size": 4} | fields)
    model = nn.Sequential(linear(np.ones((4, 6)), np.zeros(4)), neurons)
    with pytest.raises(InvalidValue, match=phrase):
        convert_model(model, (6,), 3)


@pytest.mark.parametrize("name", ["LIFBitshiftTorch", "ExpSynTorch"])
def test_other_modules_are_refused_by_name(name):
    model = sequence(a=linear_torch(np.ones((4, 6))), b=rockpool(**ROCK, size=4),
                     c=module("rockpool", name))
    with pytest.raises(InvalidValue, match=f"^Module c is a rockpool {name}, which has no exact"):
        qblif.from_torch(model, (6,), timesteps=3)


def test_linear_torch_of_elsewhere_is_refused():
    model = nn.Sequential(linear(np.ones((4, 6)), np.zeros(4)), rockpool(**ROCK, size=4),
                          module("elsewhere", "LinearTorch", weight=number(np.ones((4, 3)))))
    with pytest.raises(InvalidValue, match="^Module 2 is a elsewhere LinearTorch, which has no"):
        convert_model(model, (6,), 3)
