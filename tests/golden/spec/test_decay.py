"""Decays: shifts and adds, their bound, and the nearest to a factor."""

import itertools

import pytest
import torch

from qblif.golden.spec import Decay

DECAYS = [decay for decay in (
    Decay(), *(Decay((k,)) for k in range(8)), *(Decay((j, k)) for j, k in
                                                 itertools.product(range(1, 6), repeat=2)),
    *(Decay((j,), (k,)) for j in range(5) for k in range(j, 7)),
    Decay((1, 2, 3)), Decay((1, 1), (2,)), Decay((0, 2), (2, 3)))]


@pytest.mark.parametrize("decay", DECAYS, ids=str)
def test_decay_bound_holds_everywhere(decay):
    reached = 0
    for x in range(300):
        reached = max(reached, abs(decay.apply(x)), abs(decay.apply(-x)))
        assert reached <= decay.bound(x) <= reached + 2 * len(decay.subtract + decay.add) + 1


@pytest.mark.parametrize("shift", range(8))
def test_decay_bound_of_one_shift_is_reached(shift):
    for decay in (Decay((shift,)), Decay()):
        for magnitude in range(300):
            reached = max(abs(decay.apply(x)) for x in range(-magnitude, magnitude + 1))
            assert decay.bound(magnitude) == reached


@pytest.mark.parametrize("decay", DECAYS, ids=str)
def test_decay_apply_follows_the_real_factor(decay):
    for x in range(-300, 300):
        # Each shift rounds by less than one unit.
        assert abs(decay.apply(x) - decay.factor * x) < max(1, len(decay.subtract + decay.add))


def test_decay_rounds_towards_minus_infinity():
    assert [Decay((1,)).apply(x) for x in (-3, -1, 0, 1, 3)] == [-1, 0, 0, 1, 2]
    assert [Decay((2,)).apply(x) for x in (-1, 3, 4)] == [0, 3, 3]


def test_decay_of_a_tensor_is_that_of_its_integers():
    x = torch.arange(-100, 100, dtype=torch.int32)
    for decay in DECAYS:
        assert decay.apply(x).tolist() == [decay.apply(v) for v in x.tolist()]


@pytest.mark.parametrize("decay, factor", [
    (Decay(), 1), (Decay((0,)), 0), (Decay((3,)), 0.875), (Decay((1, 2)), 0.25),
    (Decay((0,), (2,)), 0.25), (Decay((1,), (3,)), 0.625)])
def test_decay_factor(decay, factor):
    assert decay.factor == factor


@pytest.mark.parametrize("factor, decay", [
    (1, Decay()), (0, Decay((0,))), (0.5, Decay((1,))), (0.96875, Decay((5,))),
    (0.25, Decay((1, 2))), (0.9, Decay((3,), (5,)))])
def test_nearest_exact_or_known(factor, decay):
    found = Decay.nearest(factor)
    assert abs(found.factor - factor) <= abs(decay.factor - factor)
    assert len(found.subtract + found.add) <= 2


def test_nearest_of_one_term_takes_one_shift():
    for factor in (k / 100 for k in range(101)):
        one, two = Decay.nearest(factor, terms=1), Decay.nearest(factor)
        assert len(one.subtract) <= 1 and not one.add
        assert abs(two.factor - factor) <= abs(one.factor - factor)


def test_nearest_of_two_terms_is_close_everywhere():
    assert max(abs(Decay.nearest(k / 1000).factor - k / 1000) for k in range(1001)) <= 0.0625


@pytest.mark.parametrize("shift", range(16))
def test_nearest_of_every_shift(shift):
    """A slow leak is no missing leak."""
    for terms in (1, 2):
        assert Decay.nearest(1 - 2.0**-shift, terms) == Decay((shift,))


@pytest.mark.parametrize("terms", [0, 3])
def test_nearest_of_other_terms(terms):
    with pytest.raises(ValueError, match=rf"^Decay terms must be in 1\.\.2, not {terms}$"):
        Decay.nearest(0.5, terms)


@pytest.mark.parametrize("factor", [-0.1, 1.01, float("nan")])
def test_nearest_out_of_range(factor):
    with pytest.raises(ValueError, match=rf"^Decay factor must be in 0\.\.1, not {factor}$"):
        Decay.nearest(factor)
