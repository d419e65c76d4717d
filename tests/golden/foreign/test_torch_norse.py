"""Norse's recurrent neurons, by stand-ins; ``run_norse_recurrent.py`` has Norse itself."""

from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn
from torch_cases import linear, module, norse, number

from qblif.golden import integer
from qblif.golden.foreign.torch_model import convert_model
from qblif.golden.spec.errors import InvalidValue

TIMESTEPS, FRAMES = 6, 20


def cell(kind, weights, back, v_leak, v_reset):
    p = SimpleNamespace(v_th=number(3.0), v_leak=number(v_leak), v_reset=number(v_reset),
                        tau_mem_inv=number(500.0), tau_syn_inv=number(250.0))
    return module("norse", kind, p=p, dt=1e-3, input_weights=number(weights),
                  recurrent_weights=number(back))


def spikes_of(input, weights, back, v_leak, v_reset):
    """``lif_step``: the membrane takes the jump of this timestep, then the current decays."""
    i, z, found = 0.0, np.zeros((FRAMES, len(back))), []
    v = np.full_like(z, v_leak)
    for events in input:
        jump = i + events @ weights.T + z @ back.T
        v = v + 0.5 * (v_leak - v + jump)
        i, z = jump - 0.25 * jump, (v > 3.0).astype(float)
        v = (1 - z) * v + z * v_reset
        found.append(z)
    return np.stack(found)


@pytest.mark.parametrize("kind", ["LIFRecurrentCell", "LIFRecurrent"])
@pytest.mark.parametrize("rest", [(0.0, 0.0), (0.0, 0.5), (-1.0, 0.5)])
def test_every_spike_is_its_own(kind, rest):
    draw = np.random.default_rng(5)
    weights, back = draw.integers(-1, 5, (5, 6)), draw.integers(-4, 4, (5, 5))
    input = (draw.random((TIMESTEPS, FRAMES, 6)) < 0.5).astype(int)
    last = norse(rate=0.5, syn_rate=0.25, threshold=3.0)
    model = nn.Sequential(nn.Flatten(), cell(kind, weights, back, *rest),
                          linear(draw.integers(-1, 5, (3, 5)), np.zeros(3)), last)
    levels = integer.run(convert_model(model, (6,), TIMESTEPS), input.swapaxes(0, 1)).levels
    theirs = spikes_of(input, weights, back, *rest)
    assert 0 < theirs.mean() < 1
    np.testing.assert_array_equal(levels["population1"], theirs)


@pytest.mark.parametrize("first", [nn.Linear(6, 6), nn.Flatten()])
def test_refused_by_name(first):
    neurons = cell("LIFRecurrentCell", np.ones((5, 7)), np.ones((5, 5)), 0.0, 0.0)
    with pytest.raises(InvalidValue, match="^Node 1 has a weight of 5x7, which does not fit the 6"):
        convert_model(nn.Sequential(first, neurons), (6,), 3)


@pytest.mark.parametrize("kind", ["LSNNRecurrentCell", "LIFAdExRecurrentCell", "LIFRefracCell"])
def test_other_neurons_are_refused_by_name(kind):
    model = nn.Sequential(nn.Linear(6, 5), norse(rate=0.5, threshold=3.0), module("norse", kind))
    with pytest.raises(InvalidValue, match=f"^Module 2 is a norse {kind}, which has no exact form"):
        convert_model(model, (6,), 3)
