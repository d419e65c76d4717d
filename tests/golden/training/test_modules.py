import math

import pytest
import torch

from qblif.golden.spec import Decay, Reset
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.modules import QBLIF
from qblif.golden.training.nets import build

CURRENTS = [2.5, 1.0, -0.5, 1.2]


def run(currents, **kwargs):
    levels, U = QBLIF(n_max=3, **kwargs)(torch.tensor(currents)[:, None])
    return levels[:, 0].tolist(), [round(u, 6) for u in U[:, 0].tolist()]


# beta = 1/2, gamma = 1, by hand.
@pytest.mark.parametrize("reset, levels, membranes", [
    (Reset(kind="gate"), [2, 0, 0, 1], [2.5, 0.0, -0.5, 0.95]),
    (Reset(kind="gate", gate=Decay((1,))), [2, 1, 0, 1], [2.5, 1.125, 0.03125, 1.215625]),
    (Reset(kind="gate-input"), [2, 1, 0, 1], [2.5, 1.25, 0.625, 1.5125]),
    (Reset(kind="gate-input", gate=Decay((1,))), [2, 1, 0, 1], [2.5, 1.75, 0.625, 1.5125]),
    (Reset(kind="subtract"), [2, 1, 0, 1], [0.5, 0.25, -0.375, 0.0125]),
    (Reset(kind="late"), [2, 0, 0, 1], [2.5, 0.25, -0.375, 1.0125]),
    (Reset(kind="held"), [2, 1, 0, 1], [0.5, 0.25, -0.375, 0.0125]),
    (Reset(kind="none"), [2, 2, 0, 1], [2.5, 2.25, 0.625, 1.5125]),
])
def test_every_reset_by_hand(reset, levels, membranes):
    if reset == Reset(kind="gate"):
        levels, membranes = [2, 0, 0, 0], [2.5, 0.0, -0.5, 0.95]
    assert run(CURRENTS, leak=Decay((1,)), reset=reset) == (levels, membranes)


def test_level_saturates():
    assert run([99.0, 0.5], leak=Decay())[0] == [3, 0]


def test_gate_opens_again():
    assert run([1.0, 1.0, 1.0], leak=Decay())[0] == [1, 0, 1]


def test_gamma_scales_the_thresholds():
    assert run([2.5], gamma=0.5)[0] == [3]
    assert run([2.5], gamma=2.0)[0] == [1]


def test_gamma_stays_positive():
    neuron = QBLIF(n_max=3, gamma=0.01)
    optimiser = torch.optim.SGD(neuron.parameters(), lr=10.0)
    for _ in range(20):
        optimiser.zero_grad()
        neuron.gamma.backward()
        optimiser.step()
    assert 0 < float(neuron.gamma.detach()) < 0.01


def test_gradient_through_time_by_hand():
    # No burst at t = 0, so U[1] = beta U[0] + I[1]; both are on the lower tail of eq. 12.
    current = torch.tensor([[0.4], [0.3]], requires_grad=True)
    levels, _ = QBLIF(n_max=3, leak=Decay((1,)))(current)
    levels[1].sum().backward()
    slope = math.exp(0.5 * 0.4 + 0.3 - 1)
    assert current.grad[:, 0].tolist() == pytest.approx([0.5 * slope, slope])


def test_closed_gate_passes_no_gradient():
    current = torch.tensor([[1.5], [0.3]], requires_grad=True)
    levels, _ = QBLIF(n_max=3, leak=Decay((1,)))(current)
    levels[1].sum().backward()
    assert current.grad[:, 0].tolist() == [0.0, 0.0]


def test_static_input_equals_repeated_input():
    torch.manual_seed(0)
    net = build(TrainConfig(hidden=(7, 5), timesteps=3, beta=0.75), (6,), 4).eval()
    x = torch.randint(0, 5, (8, 6)).float()
    static = net(x)
    net.static = False
    repeated = net(x[:, None].expand(8, 3, 6))
    torch.testing.assert_close(static.logits, repeated.logits)
    assert [t.shape for t in static.levels] == [(3, 8, 7), (3, 8, 5)]
    assert [t.shape for t in static.membranes] == [(3, 8, 7), (3, 8, 5), (3, 8, 4)]
    for one, other in zip(static.levels, repeated.levels, strict=True):
        torch.testing.assert_close(one, other)


def test_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    net = build(TrainConfig(hidden=(7, 5)), (6,), 4)
    net(torch.randint(0, 5, (8, 6)).float()).logits.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_surrogate_unknown():
    with pytest.raises(ValueError, match=r"^Surrogate must be one of relsg-et, .* not 'relu'$"):
        QBLIF(n_max=3, surrogate="relu")


@pytest.mark.parametrize("fields, reason", [
    ({"gamma_range": (0, 1)}, r"^Bound of gamma must be in .*, not 0$"),
    ({"gamma_range": (2, 1)}, r"^Range of gamma must be \(least, most\), or empty, not \(2, 1\)$"),
    ({"output": "foo"}, r"^Output must be one of level, binary, not 'foo'$")])
def test_no_such_neuron(fields, reason):
    with pytest.raises(ValueError, match=reason):
        QBLIF(n_max=3, **fields)


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("nan")])
def test_gamma_not_positive(gamma):
    with pytest.raises(ValueError, match=r"^Gamma must be positive, not "):
        QBLIF(n_max=3, gamma=gamma)
