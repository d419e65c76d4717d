"""Torch modules of other frameworks.  No framework is installed here: classes of their names, with
their fields, stand in (:mod:`torch_cases`), and the spikes are of the equations in
:mod:`foreign_cases`.
``run_frameworks.py`` does the same with the frameworks themselves."""

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from foreign_cases import make
from recurrent_cases import FRAMES, TIMESTEPS, Recurrent
from torch import nn
from torch_cases import jelly, leaky, linear, model_of, module, norse, number

import qblif
from qblif.golden import integer
from qblif.golden.foreign.torch_model import convert_model
from qblif.golden.foreign.torch_neurons import framework_of
from qblif.golden.spec.errors import InvalidValue

SNN = {"beta": 0.5, "threshold": 6.0}
CUBA = {"alpha": 0.5, "beta": 0.75, "threshold": 9.0}
CASES = [
    *(("snntorch", fields | {"reset": reset, "delay": delay}) for fields in (SNN, CUBA)
      for reset in ("subtract", "zero", "none") for delay in (True, False)),
    *(("spikingjelly", {"tau": tau, "threshold": 6 / tau if tau and decays else 6.0, "hard": hard,
                        "decay_input": decays})
      for tau in (None, 2.0, 4.0) for hard in (True, False) for decays in (True, False)),
    ("spikingjelly", {"tau": 2.0, "threshold": 8.0, "hard": True, "decay_input": False,
                      "rest": 2.0}),
    *(("norse", {"rate": rate, "threshold": 6 * (rate or 1), "subtract": subtract})
      for rate, subtract in ((None, False), (0.5, True), (0.5, False))),
    ("norse", {"rate": 0.5, "threshold": 3.0, "subtract": False, "v_leak": -1.0, "v_reset": 0.5}),
    ("norse", {"rate": 0.5, "syn_rate": 0.25, "threshold": 4.0}),
    *(("sinabs", {"alpha": alpha, "norm": norm, "threshold": 2.0, "most": most,
                  "subtract": subtract})
      for alpha, norm in ((1.0, False), (0.5, True)) for most in (1, 2, np.inf)
      for subtract in (True, False)),
    ("sinabs", {"alpha": 0.5, "norm": False, "threshold": 4.0, "most": np.inf, "subtract": True,
                "floor": -1.0}),
    *(("rockpool", {"alpha": alpha, "threshold": 4.0, "most": most})
      for alpha in (0.5, 0.75) for most in (1, 3, np.inf)),
    *(("rockpool", {"alpha": 0.5, "syn": syn, "threshold": 2.0, "most": most})
      for syn in (0.5, 0.25) for most in (1, 3, np.inf)),
]


@pytest.mark.parametrize("number_", range(len(CASES)), ids=lambda k: f"{CASES[k][0]}-{k}")
def test_every_spike_is_the_frameworks(number_):
    framework, parameters = CASES[number_]
    cuba = "syn" in parameters or "syn_rate" in parameters or (
        framework == "snntorch" and "alpha" in parameters)
    network = make(framework, seed=number_, timesteps=5, bias=True, cuba=cuba, low=-3,
                   **parameters)
    trained = convert_model(model_of(network), (6,), 5)
    trace = integer.run(trained, network.input.transpose(1, 0, 2).astype(int))
    for k, theirs in enumerate(network.spikes, 1):
        np.testing.assert_array_equal(trace.levels[f"population{k}"], theirs)
    assert network.spikes[0].any()


def test_parametric_is_its_tau():
    network = make("spikingjelly", tau=4.0, threshold=1.5, hard=True, decay_input=True)
    made, plain = (convert_model(model_of(network, **options), (6,), 5)
                   for options in ({"parametric": True}, {}))
    assert made.spec == plain.spec and made.weights_digest == plain.weights_digest


def test_convolutions_and_pools():
    conv = nn.Conv2d(2, 3, 3, padding=1)
    conv.weight.data.round_()
    conv.bias.data.zero_()
    last = nn.Linear(12, 4, bias=False)
    last.weight.data = torch.ones(4, 12)
    trained = qblif.from_torch(nn.Sequential(
        conv, leaky(reset="zero", delay=True, **SNN), nn.AvgPool2d(2), nn.Flatten(), last),
        (2, 4, 4), timesteps=3)
    assert [p.shape for p in trained.spec.populations] == [(3, 4, 4), (4,)]
    assert trained.spec.synapses[1].pool == (2, 2) and trained.spec.input.static


@pytest.mark.parametrize("layers, phrase", [
    ([nn.LayerNorm(6)], "^Module 1 is a torch LayerNorm, which has no exact form here"),
    ([leaky(reset="zero", delay=True, beta=0.9, threshold=1.0)], "^Without a recording to check"),
    ([leaky(reset="zero", delay=True, graded_spikes_factor=2.0, **SNN)],
     "^Module 1 has a graded_spikes_factor of 2.0; only 1.0 has an exact form"),
    ([leaky(reset="zero", delay=True, beta=[0.5, 0.25], threshold=1.0)],
     "^Module 1 has a beta of .*; it must be one finite number for all neurons"),
    ([jelly(tau=0.5, threshold=1.0, hard=True, decay_input=True)],
     "^Module 1 has a decay of -1 and a threshold of 1; the decay must be in 0..1"),
    ([norse(rate=0.5, threshold=1.0, subtract=True, v_leak=-1.0)],
     "^Module 1 subtracts its threshold around a rest of -1"),
    ([module("sinabs", "LIF", alpha_mem_calculated=1.0, alpha_syn_calculated=None, spike_fn=None,
             reset_fn=None)], "^Module 1 has a spike_fn NoneType and a reset_fn NoneType"),
    ([module("snntorch", "LeakyParallel")],
     "^Module 1 is a snntorch LeakyParallel, which has no exact form"),
    ([nn.Conv2d(1, 1, 1, padding_mode="reflect")], "^Module 1 pads with reflect"),
    ([nn.AvgPool2d(2, ceil_mode=True)], "^Module 1 is a pool that rounds up"),
], ids=lambda v: v[1:30] if isinstance(v, str) else "")
def test_refused_by_name(layers, phrase):
    first = linear(np.eye(6), np.zeros(6))
    with pytest.raises(InvalidValue, match=phrase):
        convert_model(nn.Sequential(first, *layers), (6,), 20)


def test_layers_that_repeat():
    """What has no state: as often as it is there, as copies of it are."""
    tied, pool = nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.MaxPool2d(3, 1, 1)
    tied.weight.data = torch.randint(-3, 4, (2, 2, 3, 3), generator=torch.manual_seed(0)).float()

    def model(layer):
        return nn.Sequential(*(part for _ in range(2) for part in (
            layer(tied), leaky(reset="subtract", delay=True, **SNN), layer(pool))),
            nn.Flatten(), linear(np.eye(32), np.zeros(32)))

    found, copies = (convert_model(model(layer), (2, 4, 4), 2) for layer in (lambda m: m, deepcopy))
    assert len(found.spec.populations) == 5
    assert found.spec == copies.spec and found.weights_digest == copies.weights_digest


def test_neurons_that_repeat():
    neurons, layers = leaky(reset="zero", delay=True, **SNN), [linear(np.eye(6), np.zeros(6))] * 2
    with pytest.raises(InvalidValue, match=r"^Module 3 is the neurons of module 1 again; each "
                                           r"population needs its own$"):
        convert_model(nn.Sequential(layers[0], neurons, layers[1], neurons), (6,), 2)


def test_only_neurons_of_a_framework_are_its_own():
    assert framework_of(leaky(reset="zero", delay=True, **SNN)) == "snntorch"
    assert framework_of(nn.Linear(2, 2)) is None
    assert framework_of(module("elsewhere", "Leaky")) is None


def recurrent(made, **fields):
    """snnTorch's neurons of a :class:`Recurrent`, and the layers around them."""
    synapse, back, last = (nn.Linear(*shape) for shape in ((5, 4), (4, 4), (4, 3)))
    for layer, weight in ((synapse, made.first), (back, made.back), (last, made.second)):
        layer.weight.data, layer.bias.data = number(weight), torch.zeros(len(weight))
    back.bias.data = number(made.bias)
    name = "RLeaky" if made.alpha is None else "RSynaptic"
    alpha = {} if made.alpha is None else {"alpha": number(made.alpha)}
    neurons = module("snntorch", name, beta=number(made.beta), threshold=number(6.0), **alpha,
                     reset_mechanism=made.reset, reset_delay=True,
                     **{"all_to_all": True, "recurrent": back} | fields)
    return nn.Sequential(synapse, neurons, last, leaky(
        beta=0.5, threshold=6.0, reset=made.reset, delay=True))


@pytest.mark.parametrize("alpha", [None, 0.5])
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_weights_of_neurons_to_themselves(alpha, reset):
    made = Recurrent(7, alpha=alpha, beta=0.5, reset=reset)
    trained = convert_model(recurrent(made), (5,), TIMESTEPS)
    levels = integer.run(trained, made.input.transpose(1, 0, 2)).levels
    for k, spikes in enumerate(made.spikes, 1):
        assert (levels[f"population{k}"].numpy() == spikes).all() and spikes.any()


@pytest.mark.parametrize("value", [2.0, [1.0, -2.0, 0.0, 3.0]])
def test_one_weight_each(value):
    made = Recurrent(8, alpha=None, beta=0.5, reset="subtract")
    made.back, made.bias = np.diag(np.broadcast_to(value, 4)), np.zeros(4)
    model = recurrent(made, all_to_all=False, recurrent=SimpleNamespace(V=number(value)))
    levels = integer.run(convert_model(model, (5,), TIMESTEPS),
                         made.input.transpose(1, 0, 2)).levels["population1"]
    assert levels.shape == (TIMESTEPS, FRAMES, 4)
    assert (levels.numpy() == made.run()[0]).all()


def test_recurrent_convolutions_are_refused():
    made = Recurrent(7, alpha=None, beta=0.5, reset="none")
    model = recurrent(made, recurrent=nn.Conv2d(4, 4, 3))
    with pytest.raises(InvalidValue, match="Module 1 has recurrent weights of a Conv2d; only"):
        convert_model(model, (5,), TIMESTEPS)
