import math

import pytest
import torch

from qblif.golden.training.surrogate import SURROGATES, burst_level

GAMMA, N_MAX = 0.5, 3  # Thresholds at 0.5, 1.0 and 1.5.


def derivative(name, U, gamma=GAMMA, n_max=N_MAX):
    value = SURROGATES[name](torch.tensor([U], dtype=torch.float64),
                             torch.tensor(gamma, dtype=torch.float64), n_max)
    return float(value)


@pytest.mark.parametrize("name, U, expected", [
    # Eq. 12: exp(U - gamma) | 1 | exp(N_max gamma - U).
    ("relsg-et", -0.5, math.exp(-1.0)),
    ("relsg-et", 0.4, math.exp(-0.1)),
    ("relsg-et", 0.5, 1.0),
    ("relsg-et", 1.1, 1.0),
    ("relsg-et", 1.5, 1.0),
    ("relsg-et", 2.0, math.exp(-0.5)),
    # A box of half-width 0.25 about 0.5.
    ("box-et-first", 0.5, 1.0),
    ("box-et-first", 0.74, 1.0),
    ("box-et-first", 1.25, math.exp(-0.5)),
    ("box-et-first", -0.25, math.exp(-0.5)),
    # One box from 0.25 to 1.75, tails outside.
    ("box-et", 0.25, 1.0),
    ("box-et", 1.75, 1.0),
    ("box-et", -0.25, math.exp(-0.5)),
    ("box-et", 2.25, math.exp(-0.5)),
    # Boxes of half-width 0.125 about 0.5, 1.0 and 1.5.
    ("box-et-each", 1.125, 1.0),
    ("box-et-each", 1.24, math.exp(-0.115)),
    ("box-et-each", 0.25, math.exp(-0.125)),
    ("box-et-each", 2.5, math.exp(-0.875)),
    # One box from 0.25 to 1.75.
    ("rectangular", 0.24, 0.0),
    ("rectangular", 0.26, 2.0),
    ("rectangular", 1.74, 2.0),
    ("rectangular", 1.76, 0.0),
    # 2 exp(-2 d) over gamma, d from the middles of the levels, 0.25 and 0.75 and so on, everywhere.
    ("mid-level", 0.75, 4.0),
    ("mid-level", 1.0, 4 * math.exp(-1.0)),
    ("mid-level", 0.6, 4 * math.exp(-0.6)),
    ("mid-level", -9.75, 4.0),
    # At the middle threshold: distances -1, 0 and 1.
    ("arctan", 1.0, 2 * (1 + 2 / (1 + math.pi**2))),
    ("sigmoid", 1.0, 2 * (1 + 2 * 4 * math.exp(-4) / (1 + math.exp(-4))**2)),
])
def test_derivative_by_hand(name, U, expected):
    assert derivative(name, U) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["rectangular", "arctan", "sigmoid"])
def test_mean_slope_is_that_of_the_staircase(name):
    U = torch.linspace(4 * GAMMA, 5 * GAMMA, 1001, dtype=torch.float64)
    slope = SURROGATES[name](U, torch.tensor(GAMMA, dtype=torch.float64), 8).mean()
    assert float(slope) == pytest.approx(1 / GAMMA, rel=0.1)


@pytest.mark.parametrize("name", sorted(SURROGATES.keys() - {"mid-level"}))
def test_far_away_is_finite(name):
    for U in (-1e6, 1e6):
        assert 0 <= derivative(name, U) < 1e-3


@pytest.mark.parametrize("U, level", [
    (-9.0, 0), (-0.01, 0), (0.0, 0), (0.49, 0), (0.5, 1), (0.99, 1), (1.0, 2), (1.5, 3), (99.0, 3)])
def test_level_is_eq_9(U, level):
    value = burst_level(torch.tensor([U]), torch.tensor(GAMMA), N_MAX, SURROGATES["relsg-et"])
    assert value.tolist() == [level]


def test_gradients_of_level_by_hand():
    U = torch.tensor([0.4, 1.2], dtype=torch.float64, requires_grad=True)
    gamma = torch.tensor(GAMMA, dtype=torch.float64, requires_grad=True)
    level = burst_level(U, gamma, N_MAX, SURROGATES["relsg-et"])
    (level * torch.tensor([3.0, 5.0])).sum().backward()
    assert U.grad.tolist() == pytest.approx([3 * math.exp(-0.1), 5.0])
    assert float(gamma.grad) == pytest.approx(-5 * 1.2 / GAMMA**2)


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("U, expected", [
    (-1.0, 0.0), (0.4, 0.0), (0.5, 0.0), (0.7, 1 - 1.4), (1.2, 2 - 2.4), (1.6, 3.0), (9.0, 3.0)])
def test_gradient_of_gamma_is_that_of_a_quantiser_step(name, U, expected):
    gamma = torch.tensor(GAMMA, dtype=torch.float64, requires_grad=True)
    level = burst_level(torch.tensor([U], dtype=torch.float64), gamma, N_MAX, SURROGATES[name])
    (gamma * level).sum().backward()
    assert float(gamma.grad) == pytest.approx(expected)


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("U, level", [
    (-9.0, 0), (0.2, 0), (0.3, 1), (0.7, 1), (0.8, 2), (1.3, 3), (99.0, 3)])
def test_nearest_level(name, U, level):
    """The level of half a gamma more, with the slope there; gamma's gradient that of a step."""
    U = torch.tensor([U], dtype=torch.float64, requires_grad=True)
    gamma = torch.tensor(GAMMA, dtype=torch.float64, requires_grad=True)
    found = burst_level(U, gamma, N_MAX, SURROGATES[name], rounding="nearest")
    assert found.tolist() == [level]
    (gamma * found).sum().backward()
    value = U.item()
    assert U.grad.item() == pytest.approx(GAMMA * derivative(name, value + GAMMA / 2))
    inside = level and value <= N_MAX * GAMMA
    assert gamma.grad.item() == pytest.approx(level - value / GAMMA if inside else level)
