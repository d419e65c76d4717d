"""The accumulators of a word alone, beside an update pass that reads them."""

import itertools
import random

import pytest
from mutants import mutant

from qblif.hw.core.word_accumulators import WordAccumulators
from qblif.sim.stream import simulate_component, wait

ADDEND, WIDTH = 4, 9


def make(lanes=4, fire_lanes=2, buffers=2, width=WIDTH, addend=ADDEND, kind=WordAccumulators):
    return kind(lanes=lanes, sum_width=width, addend_width=addend, fire_lanes=fire_lanes,
                buffers=buffers)


def expected(words, lanes):
    return [[sum(addends[lane] + carry for addends, carry in word) for lane in range(lanes)]
            for word in words]


def run(dut, words, *, gaps=0.0, alone=0.3, late=0, uses=1, short=False, seed=0, timeout=60_000):
    """``[sums]`` of each word and use.

    ``words`` are lists of ``(addends, carry)``, one a cycle.  A word ends with its last addends, or
    with the probability ``alone`` after them.  It is read ``uses`` times, up to ``late`` cycles
    after it can be.  ``short``: of every other word only the first vector is read.
    """
    draw, parts = random.Random(seed), dut.lanes // dut.fire_lanes
    complete, released, found, asked = [0], [0], [], [0] * dut.read_latency
    lengths = [1 if short and number % 2 else parts for number in range(len(words))]

    async def cycle(ctx, addends, carry, valid, end):
        ctx.set(dut.valid, valid)
        ctx.set(dut.end, end)
        ctx.set(dut.addends, addends)
        ctx.set(dut.carry, carry)
        await ctx.tick()

    async def write(ctx):
        silent = [0] * dut.lanes
        for number, word in enumerate(words):
            apart = draw.random() < alone or not word
            for k, (addends, carry) in enumerate(word):
                end = k == len(word) - 1 and not apart
                while draw.random() < gaps or (end and number - released[0] == dut.buffers):
                    await cycle(ctx, silent, 0, 0, 0)
                await cycle(ctx, addends, carry, 1, end)
            while apart and number - released[0] == dut.buffers:
                await cycle(ctx, silent, 0, 0, 0)
            if apart:
                await cycle(ctx, silent, 0, 0, 1)
        await cycle(ctx, silent, 0, 0, 0)

    async def read(ctx):
        for number, length in enumerate(lengths):
            while complete[0] <= number:
                await ctx.tick()
            await wait(ctx, draw.choice([0, late]))
            for use in range(uses):
                for vector in range(length):
                    await wait(ctx, int(draw.random() < gaps))
                    ctx.set(dut.read, {"en": 1, "pass_last": vector == length - 1})
                    ctx.set(dut.last_read, use == uses - 1)
                    await ctx.tick()
                    ctx.set(dut.read.en, 0)
            released[0] += 1
        await wait(ctx, 5)

    async def watch(ctx):
        async for _, _, pulse, now, sums in ctx.tick().sample(dut.complete, dut.read.en, dut.sums):
            complete[0] += pulse
            asked.append(now)
            if asked.pop(0):
                found.extend(int(value) for value in sums)

    simulate_component(dut, write, read, background=[watch], timeout=timeout)
    assert complete[0] == len(words)
    values, taken = iter(found), []
    for length in lengths:
        for _ in range(uses):
            taken.append(list(itertools.islice(values, length * dut.fire_lanes)))
    assert not list(values)
    return taken


def check(dut, words, uses=1, **options):
    taken = run(dut, words, uses=uses, **options)
    wanted = [sums for sums in expected(words, dut.lanes) for _ in range(uses)]
    assert taken == [sums[:len(part)] for sums, part in zip(wanted, taken, strict=True)]


def draw_words(lanes, count=40, seed=0, addend=ADDEND, most=20):
    draw, high = random.Random(seed), (1 << addend - 1) - 1
    return [[([draw.randint(-high - 1, high) for _ in range(lanes)], draw.randint(0, 1))
             for _ in range(draw.choice([0, 1, 2, draw.randint(0, most)]))] for _ in range(count)]


def test_every_word_of_two_addends():
    """One lane, addends of 2 bits, with and without a carry."""
    values = [([addend], carry) for addend in range(-2, 2) for carry in (0, 1)]
    words = [list(pair) for n in (0, 1, 2) for pair in itertools.product(values, repeat=n)]
    check(make(1, 1, width=4, addend=2), words)


@pytest.mark.parametrize("gaps, late", [(0, 0), (0.4, 0), (0, 30), (0.2, 9)])
@pytest.mark.parametrize("buffers", [1, 2, 3, 4])
def test_words(buffers, gaps, late):
    dut = make(buffers=buffers)
    check(dut, draw_words(4, seed=buffers), gaps=gaps, late=late)


@pytest.mark.parametrize("lanes, fire_lanes", [(1, 1), (3, 1), (16, 1), (18, 2), (24, 8), (33, 1)])
def test_vectors(lanes, fire_lanes):
    """Up to 8 vectors, and more, in all registers together."""
    check(make(lanes, fire_lanes, buffers=3), draw_words(lanes, 20))


@pytest.mark.parametrize("uses", [2, 3])
@pytest.mark.parametrize("buffers", [1, 3])
def test_sums_that_serve_several_timesteps(buffers, uses):
    check(make(buffers=buffers), draw_words(4), uses=uses, late=9)


def test_a_last_word_of_fewer_vectors():
    check(make(6, 1, buffers=3), draw_words(6), short=True)


@pytest.mark.parametrize("buffers", [1, 2, 3, 4])
def test_a_word_a_cycle(buffers):
    """Complete as many cycles after its end as there are buffers; two cycles after it is read its
    sums are there."""
    dut = make(2, 2, buffers=buffers)
    words = [([k % 7, -k % 8], 1) for k in range(30)]

    async def both(ctx):
        for number in range(len(words) + buffers + 2):
            addends, carry = words[min(number, len(words) - 1)]
            ctx.set(dut.addends, addends)
            ctx.set(dut.carry, carry)
            ctx.set(dut.valid, number < len(words))
            ctx.set(dut.end, number < len(words))
            here = buffers <= number < len(words) + buffers
            assert ctx.get(dut.complete) == here
            ctx.set(dut.read, {"en": here, "pass_last": here})
            ctx.set(dut.last_read, here)
            if number >= buffers + 2:
                assert [int(value) for value in ctx.get(dut.sums)] == [
                    value + 1 for value in words[number - buffers - 2][0]]
            await ctx.tick()

    simulate_component(dut, both)


@pytest.mark.parametrize("buffers", [1, 2, 4])
def test_a_word_too_many(buffers):
    dut = make(buffers=buffers)

    async def write(ctx):
        ctx.set(dut.end, 1)
        await wait(ctx, buffers)
        ctx.set(dut.end, 0)
        await wait(ctx, 9)
        ctx.set(dut.end, 1)
        await wait(ctx, 2)

    with pytest.raises(AssertionError, match="a word on top of another$"):
        simulate_component(dut, write)


@pytest.mark.parametrize("old, new", [
    ("self.addends[lane], self.carry)", "self.addends[lane], C(0, 1))"),
    ("m.d.sync += accumulators.eq(accumulators.shape().const([0] * self.lanes))", "pass"),
    ("[total, *words[:-1]]", "[total, *words[1:]]"),
    ("& (~full[1:] | leave[1:])", ""),
    ("full.eq(enter | full & ~leave)", "full.eq(enter | full)"),
    ("self.read.en & self.read.pass_last & self.last_read", "self.read.en & self.read.pass_last"),
    ("part.eq(Mux(self.read.pass_last, 0, part + 1))", "part.eq(part + 1)"),
])
def test_a_broken_rule_is_found(old, new):
    dut = make(6, 1, buffers=2, kind=mutant(WordAccumulators, old, new))
    with pytest.raises(AssertionError):
        check(dut, draw_words(6), uses=2, short=True, timeout=4_000)
