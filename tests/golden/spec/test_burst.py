import itertools

import pytest

from qblif.golden.spec.axes import LEVEL_LIMIT
from qblif.golden.spec.burst import MODES, Digit, digits, naf


def fewest(limit):
    """Fewest signed powers of two that sum to each of 0..limit, by breadth-first search."""
    powers = [sign << k for k in range(limit.bit_length() + 2) for sign in (1, -1)]
    found, reached, count = {0: 0}, {0}, 0
    while not set(range(limit + 1)) <= found.keys():
        count += 1
        reached = {n + p for n, p in itertools.product(reached, powers) if abs(n + p) <= 4 * limit}
        for n in reached:
            found.setdefault(n, count)
    return found


def test_naf_is_exact():
    assert [sum(digit.value for digit in naf(level)) for level in range(201)] == list(range(201))


def test_naf_has_no_adjacent_digits():
    for level in range(201):
        shifts = [digit.shift for digit in naf(level)]
        assert all(low + 2 <= high for low, high in itertools.pairwise(shifts))


def test_naf_is_minimal():
    assert [len(naf(level)) for level in range(201)] == [fewest(200)[n] for n in range(201)]


def test_naf_of_paper_levels():
    assert max(len(naf(level)) for level in range(21)) == 3
    assert max(digit.shift for level in range(21) for digit in naf(level)) == 4
    assert max(len(naf(level)) for level in range(LEVEL_LIMIT + 1)) == 4
    assert max(digit.shift for level in range(LEVEL_LIMIT + 1) for digit in naf(level)) == 6


@pytest.mark.parametrize("level, values", [
    (0, ()), (1, (1,)), (2, (2,)), (3, (-1, 4)), (7, (-1, 8)), (11, (-1, -4, 16)),
    (13, (1, -4, 16)), (15, (-1, 16)), (20, (4, 16))])
def test_naf_by_hand(level, values):
    assert tuple(digit.value for digit in naf(level)) == values


def test_repeat_adds_the_plain_weight():
    for level in range(LEVEL_LIMIT + 1):
        assert digits(level, "repeat") == (Digit(0, False),) * level


def test_shift_is_the_default():
    assert MODES == ("shift", "repeat")
    assert all(digits(level) == digits(level, "shift") == naf(level) for level in range(21))


def test_unknown_mode():
    with pytest.raises(ValueError, match="^Burst mode must be one of shift, repeat, not 'rate'$"):
        digits(3, "rate")
