"""The leak in real numbers against the integers, and its slope against autograd."""

import pytest
import torch

from qblif.golden.spec import Decay, Quadratic
from qblif.golden.training.leak import leak_at_rest, leak_real, leak_slope

LEAKS = [Decay(), Decay((2,)), Decay((1, 3)), Decay((0,), (4,)), Quadratic.nearest(0.25, 0, 0.5),
         Quadratic.nearest(0.5, -0.75, 1.25), Quadratic.nearest(1, 0.5, 2)]


@pytest.mark.parametrize("leak", LEAKS, ids=repr)
@pytest.mark.parametrize("gamma", [0.7, 1.0, 3.0])
def test_slope_is_the_derivative(leak, gamma):
    """Where a quadratic leak is not clipped, and where it is."""
    U = (torch.linspace(-25, 25, 400, dtype=torch.float64) * gamma).requires_grad_()
    leak_real(leak, U, gamma).sum().backward()
    torch.testing.assert_close(U.grad, leak_slope(leak, U.detach(), gamma) * torch.ones_like(U))


@pytest.mark.parametrize("leak", LEAKS, ids=repr)
def test_at_rest(leak):
    """A membrane of 0."""
    zero = torch.zeros((), dtype=torch.float64)
    assert leak_at_rest(leak) == float(leak_real(leak, zero, 2.0)) / 2


@pytest.mark.parametrize("leak", LEAKS, ids=repr)
def test_integers_approach_it(leak):
    """Within the eighth of a level to which a quadratic term rounds the membrane, and each shift's
    last bit."""
    bits = 12
    v = torch.arange(-14 << bits, 14 << bits, 997)
    exact = leak.with_bits(bits).apply(v).double() / (1 << bits)
    real = leak_real(leak, v.double() / (1 << bits))
    steepest = abs(leak_slope(leak, torch.tensor([-15.0, 15.0])) - 1) if leak.kind == "quadratic" \
        else torch.zeros(1)
    assert float((exact - real).abs().max()) <= float(steepest.max()) / 8 + 4 / (1 << bits)
