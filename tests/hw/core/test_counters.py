import itertools
import random

import pytest

from qblif.hw.core.counters import TAPS, Counter, InFlight
from qblif.sim.stream import simulate_component, wait


def test_counts_and_clears():
    dut, found = Counter(), []

    async def feed(ctx):
        for pulse, clear in [(1, 0), (0, 0), (1, 0), (1, 1), (1, 0), (0, 1), (0, 0)]:
            ctx.set(dut.pulse, pulse)
            ctx.set(dut.clear, clear)
            await ctx.tick()
            found.append(ctx.get(dut.total))

    simulate_component(dut, feed, timeout=20)
    assert found == [1, 1, 2, 0, 1, 0, 0]


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_every_pulse(most):
    """Pulses of 0 to the most, in every order of two, and cleared between."""
    dut, total = Counter(most), 0
    assert len(dut.pulse) == most.bit_length()

    async def feed(ctx):
        nonlocal total
        for first, then, clear in itertools.product(range(most + 1), range(most + 1), range(2)):
            for pulse in (first, then):
                ctx.set(dut.pulse, pulse)
                ctx.set(dut.clear, clear and pulse == then)
                total = 0 if clear and pulse == then else total + pulse
                await ctx.tick()
                assert ctx.get(dut.total) == total

    simulate_component(dut, feed, timeout=200)


def period(width, tap):
    """Steps until a shift register with feedback from bits ``width`` and ``tap`` is back."""
    state, steps = 1, 0
    while state != 1 or not steps:
        feedback = (state >> width - 1 ^ state >> tap - 1) & 1
        state = (state << 1 | feedback) & (1 << width) - 1
        steps += 1
    return steps


def power(exponent, width, tap):
    """``x ** exponent`` modulo ``x ** width + x ** tap + 1``, polynomials over two elements."""
    def times(a, b):
        product = 0
        for k in range(width):
            product ^= (b >> k & 1) * (a << k)
        for k in reversed(range(width, 2 * width)):
            if product >> k & 1:
                product ^= (1 << width | 1 << tap | 1) << k - width
        return product

    found, square = 1, 2
    while exponent:
        found = times(found, square) if exponent & 1 else found
        square, exponent = times(square, square), exponent >> 1
    return found


def is_maximal(width, tap):
    """Whether the polynomial is primitive: the order of x is its largest, and no part of it."""
    order = left = (1 << width) - 1
    factors = set()
    for k in range(2, 1 << 16):
        while left % k == 0:
            factors.add(k)
            left //= k
    factors |= {left} - {1}
    return power(order, width, tap) == 1 and all(
        power(order // factor, width, tap) != 1 for factor in factors)


@pytest.mark.parametrize("width", TAPS)
def test_shift_registers_are_maximal(width):
    assert is_maximal(width, TAPS[width])


@pytest.mark.parametrize("width", range(2, 11))
def test_maximal_is_what_it_says(width):
    for tap in range(1, width):
        assert is_maximal(width, tap) == (period(width, tap) == (1 << width) - 1)


@pytest.mark.parametrize("most", [1, 2, 3, 6, 7, 23])
def test_in_flight(most):
    """From none to the most and back, and at random."""
    dut, draw = InFlight(most), random.Random(most)
    moves = [(1, 0)] * most + [(1, 1)] * 3 + [(0, 1)] * most + [
        (draw.randint(0, 1), draw.randint(0, 1)) for _ in range(500)]

    async def feed(ctx):
        count = 0
        for enter, leave in moves:
            leave = leave and count > 0
            enter = enter and (count < most or leave)
            ctx.set(dut.enter, enter)
            ctx.set(dut.leave, leave)
            count += enter - leave
            await ctx.tick()
            assert ctx.get(dut.any) == (count != 0)

    simulate_component(dut, feed, timeout=2_000)


@pytest.mark.parametrize("port, said", [
    ("enter", "more than 3 items in flight"), ("leave", "an item has left before it entered")])
def test_one_too_many(port, said):
    dut = InFlight(3)

    async def feed(ctx):
        ctx.set(getattr(dut, port), 1)
        await wait(ctx, 10)

    with pytest.raises(AssertionError, match=f"{said}$"):
        simulate_component(dut, feed, timeout=20)
