import itertools
import random

import pytest

from qblif.golden.spec.burst import digits
from qblif.hw.core.burst import DigitSet
from qblif.hw.core.lanes import Lanes
from qblif.sim.stream import simulate_component

LEAD = 2  # Cycles by which a digit comes before its weights.


def rtl(dut, steps):
    """``addend + carry`` of every lane for each ``(digit, weights)``, one a cycle."""
    found = []

    async def feed(ctx):
        for k in range(len(steps) + dut.latency):
            digit, _ = steps[min(k, len(steps) - 1)]
            _, weights = steps[min(max(k - LEAD, 0), len(steps) - 1)]
            ctx.set(dut.shift, digit.shift)
            ctx.set(dut.negative, digit.negative)
            ctx.set(dut.weights, weights)
            _, _, addends, carry = await ctx.tick().sample(dut.addends, dut.carry)
            found.append([int(addend) + carry for addend in addends])

    simulate_component(dut, feed, timeout=len(steps) + 20)
    return found[dut.latency:]


def rtl_gated(dut, steps):
    """``(addends, carry)`` of each ``(valid, digit, weights)``, one a cycle."""
    found = []

    async def feed(ctx):
        for k in range(len(steps) + dut.latency):
            valid, digit, _ = steps[min(k, len(steps) - 1)]
            *_, weights = steps[min(max(k - LEAD, 0), len(steps) - 1)]
            ctx.set(dut.valid, valid)
            ctx.set(dut.shift, digit.shift)
            ctx.set(dut.negative, digit.negative)
            ctx.set(dut.weights, weights)
            _, _, addends, carry = await ctx.tick().sample(dut.addends, dut.carry)
            found.append(([int(addend) for addend in addends], carry))

    simulate_component(dut, feed, timeout=len(steps) + 20)
    return found[dut.latency:]


def check(n_max, mode, w_width, steps, lanes):
    dut = Lanes(lanes=lanes, w_width=w_width, digit_set=DigitSet(range(n_max + 1), mode))
    assert rtl(dut, steps) == [[w * digit.value for w in weights] for digit, weights in steps]


def digits_of(n_max, mode):
    return sorted({digit for level in range(n_max + 1) for digit in digits(level, mode)})


@pytest.mark.parametrize("w_width", [2, 4])
@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("n_max", [1, 2, 3, 4, 7, 15, 20])
def test_every_weight_and_digit(n_max, mode, w_width):
    high = 1 << w_width - 1
    steps = [(digit, [w]) for digit, w in itertools.product(digits_of(n_max, mode),
                                                            range(-high, high))]
    check(n_max, mode, w_width, steps, lanes=1)


@pytest.mark.parametrize("w_width", [2, 4])
@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("n_max", [1, 2, 3, 4, 7, 15, 20])
def test_nothing_is_added_without_a_digit(n_max, mode, w_width):
    """Every weight and digit, there and not there, each beside one of the other kind."""
    high = 1 << w_width - 1
    pairs = list(itertools.product(digits_of(n_max, mode), range(-high, high)))
    steps = [(valid, digit, [w, -1 - w]) for digit, w in pairs for valid in (1, 0)]
    steps += [(0, *step[1:]) for step in steps[:9]] + [(1, *step[1:]) for step in steps[:9]]
    dut = Lanes(lanes=2, w_width=w_width, gated=True,
                digit_set=DigitSet(range(n_max + 1), mode))
    for (valid, digit, weights), (addends, carry) in zip(steps, rtl_gated(dut, steps),
                                                         strict=True):
        assert [addend + carry for addend in addends] == [valid * w * digit.value for w in weights]
        assert valid or addends == [0, 0] and not carry


@pytest.mark.parametrize("n_max", [5, 15, 20])
def test_random_at_real_width(n_max):
    draw = random.Random(n_max)
    steps = [(draw.choice(digits_of(n_max, "shift")),
              [draw.choice([-128, 127, draw.randint(-128, 127)]) for _ in range(5)])
             for _ in range(300)]
    check(n_max, "shift", 8, steps, lanes=5)
