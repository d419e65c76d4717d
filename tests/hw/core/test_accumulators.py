import itertools
import random

import numpy as np
import pytest
from poison import poisoned

from qblif.hw.core.accumulators import MemoryAccumulators, RegisterAccumulators
from qblif.hw.core.lanes import Lanes
from qblif.hw.layout.latency import MEMORY_SUMS_WORDS
from qblif.sim.stream import simulate_component, wait

LANES, FIRE_LANES, WIDTH, ADDEND = 4, 2, 12, 8
KINDS = [RegisterAccumulators, MemoryAccumulators]


def draw_timestep(draw, dut, digits):
    """Additions up to an end, ``[(set, [(addends, carry) of each word])]``: sets in any order."""
    return [(draw.randrange(dut.sets),
             [([draw.randint(-128, 127) for _ in range(LANES)], draw.randint(0, 1))
              for _ in range(dut.words)]) for _ in range(digits)]


def expected(timestep, dut):
    """The sums set by set, and in each word by word."""
    totals = np.zeros((dut.sets, dut.words, dut.lanes), int)
    for at, digit in timestep:
        for word, (addends, carry) in enumerate(digit):
            totals[at, word] += np.array(addends) + carry
    return totals.reshape(-1).tolist()


def schedule(timesteps, dut, draw, gaps):
    """What is issued in each cycle: ``(issue, addends, carry)`` or ``None``, or "wait"."""
    for timestep in timesteps:
        first = (1 << dut.sets) - 1
        for at, digit in timestep:
            for word, (addends, carry) in enumerate(digit):
                yield from [None] * draw.randint(0, 2) if gaps else []
                yield {"valid": 1, "first": first, "word": word, "set": at}, addends, carry
            first &= ~(1 << at)
        yield {"end": 1, "first": first}, [0] * dut.lanes, 0
        yield "wait"


def run(dut, timesteps, draw, gaps=False, uses=1):
    """All sums of each timestep, read back as update passes read them, while the next fill.

    A pass reads one set, and all passes all of them, ``uses`` times; the last pass releases them.
    """
    reads, ready, released = [], [0], [0]
    count = dut.words * (dut.lanes // dut.fire_lanes)

    async def issue(ctx):
        waiting, ends = list(schedule(timesteps, dut, draw, gaps)), 0
        delayed = [([0] * dut.lanes, 0)] * Lanes.latency
        while waiting or delayed[0] is not None:
            item = waiting[0] if waiting else None
            if item == "wait":  # An end may follow ends only when a buffer is free.
                waiting.pop(0)
                ends += 1
                continue
            blocked = ends - released[0] == 1 and item is not None and item[0].get("end")
            if not blocked and waiting:
                waiting.pop(0)
            item = None if blocked else item
            ctx.set(dut.issue, item[0] if item else {})
            delayed.append(item[1:] if item else ([0] * dut.lanes, 0) if waiting else None)
            addends, carry = delayed.pop(0) or ([0] * dut.lanes, 0)
            ctx.set(dut.addends, addends)
            ctx.set(dut.carry, carry)
            await ctx.tick()
        ctx.set(dut.issue, {})

    async def read(ctx):
        for number in range(len(timesteps)):
            while ready[0] <= number:
                await ctx.tick()
            if gaps and draw.random() < 0.3:
                await wait(ctx, 30)
            for use, at in itertools.product(range(uses), range(dut.sets)):
                for vector in range(count):
                    last = vector == count - 1
                    ctx.set(dut.read, {"en": 1, "pass_last": last})
                    ctx.set(dut.last_read, use == uses - 1 and at == dut.sets - 1)
                    released[0] += last and use == uses - 1 and at == dut.sets - 1
                    await ctx.tick()
                    ctx.set(dut.read, {})
                    await wait(ctx, draw.choice([0, 0, 3]) if gaps else 0)
        await wait(ctx, 10)

    async def watch(ctx):
        asked = [0] * (dut.read_latency + dut.lag)
        async for _, _, now, sums, completed in ctx.tick().sample(
                dut.read.en, dut.sums, dut.complete):
            ready[0] += completed
            asked.append(now)
            if asked.pop(0):
                reads.extend(int(s) for s in sums)

    with poisoned():
        simulate_component(dut, issue, read, background=[watch], timeout=60_000)
    return np.reshape(reads, (len(timesteps) * uses, -1)).tolist()


def make(words, kind=None, sets=1, **parameters):
    kind = kind or KINDS[words >= MEMORY_SUMS_WORDS]
    return kind(**{"words": words, "lanes": LANES, "sets": sets, "sum_width": WIDTH,
                   "addend_width": ADDEND, "fire_lanes": FIRE_LANES} | parameters)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("sets", [1, 2, 3])
@pytest.mark.parametrize("words", [1, 2, 3, 4, 5, 8, 9])
def test_sums(words, sets, gaps):
    draw = random.Random(words)
    dut = make(words, sets=sets, lag=words % 3)
    timesteps = [draw_timestep(draw, dut, digits) for digits in (3, 0, 1, 5, 0, 0, 2, 1, 7, 0)]
    assert run(dut, timesteps, draw, gaps) == [expected(t, dut) for t in timesteps]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory", ["block", "mixed"])
@pytest.mark.parametrize("sets", [1, 2, 4])
def test_both_kinds_back_to_back_at_the_smallest_memory(sets, memory, kind):
    draw = random.Random(7)
    dut = make(MEMORY_SUMS_WORDS, kind, sets, memory=memory)
    timesteps = [draw_timestep(draw, dut, draw.randint(0, 6)) for _ in range(30)]
    assert run(dut, timesteps, draw) == [expected(t, dut) for t in timesteps]


def test_a_word_of_a_memory_that_comes_too_soon():
    """With one word fewer, a sum is read before the addition before is written."""
    draw = random.Random(7)
    dut = make(MEMORY_SUMS_WORDS - 1, MemoryAccumulators)
    timesteps = [draw_timestep(draw, dut, 2)]
    assert run(dut, timesteps, draw) != [expected(t, dut) for t in timesteps]


@pytest.mark.parametrize("kind", KINDS)
def test_each_set_begins_at_zero(kind):
    """Every combination of sets without a digit, each behind every other one."""
    draw, dut = random.Random(3), make(MEMORY_SUMS_WORDS, kind, sets=3)
    timesteps = [[(at, draw_timestep(draw, dut, 1)[0][1]) for at in range(3) if pattern >> at & 1]
                 for pair in itertools.product(range(8), repeat=2) for pattern in pair]
    assert run(dut, timesteps, draw) == [expected(t, dut) for t in timesteps]


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("words", [1, 3, 5])
def test_static_sums_are_read_again(words, gaps):
    draw, dut = random.Random(words), make(words)
    timesteps = [draw_timestep(draw, dut, draw.randint(0, 4)) for _ in range(12)]
    assert run(dut, timesteps, draw, gaps, uses=3) == [
        expected(t, dut) for t in timesteps for _ in range(3)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_addition_at_small_width(kind):
    """Every sum plus every addend with either carry, of which no sum leaves its four bits."""
    words = MEMORY_SUMS_WORDS
    dut = kind(words=words, lanes=1, sum_width=4, addend_width=3, fire_lanes=1)
    first = {sum_: [sum_ // 2, sum_ - sum_ // 2] for sum_ in range(-8, 8)}
    first[7] = [3, 3, 1]
    cases = [(sum_, addend, carry)
             for sum_, addend, carry in itertools.product(range(-8, 8), range(-4, 4), range(2))
             if -8 <= sum_ + addend + carry < 8]
    cases += cases[:-len(cases) % words]
    timesteps = []
    for start in range(0, len(cases), words):  # A case a word.
        digits = [([first[sum_][k] if k < len(first[sum_]) else 0], 0)
                  for k in range(3) for sum_, *_ in cases[start:start + words]]
        digits += [([addend], carry) for _, addend, carry in cases[start:start + words]]
        timesteps.append([(0, digits[k:k + words]) for k in range(0, len(digits), words)])
    assert run(dut, timesteps, random.Random(0)) == [
        [sum(case) for case in cases[start:start + words]]
        for start in range(0, len(cases), words)]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("words, sets", [(2, 1), (5, 1), (2, 2), (5, 2)])
def test_update_pass_before_its_accumulators_are_complete(words, sets, late):
    """Before the first end, or after the last pass over what one completed."""
    dut = make(words, sets=sets)

    async def read(ctx):
        if late:
            ctx.set(dut.issue, {"end": 1, "first": (1 << sets) - 1})
            await ctx.tick()
            ctx.set(dut.issue, {})
            while not ctx.get(dut.complete):
                await ctx.tick()
            await ctx.tick()
            for at in range(sets):
                ctx.set(dut.read, {"en": 1, "pass_last": 1})
                ctx.set(dut.last_read, at == sets - 1)
                await ctx.tick()
        ctx.set(dut.read, {"en": 1})
        await wait(ctx, 3)

    with pytest.raises(AssertionError, match="update pass before its accumulators are complete$"):
        simulate_component(dut, read)
