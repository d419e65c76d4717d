import random

import numpy as np
import pytest

from qblif.golden.spec import Conv2d, Dense
from qblif.hw.core.accumulators import MemoryAccumulators, RegisterAccumulators
from qblif.hw.core.engine import ACCUMULATORS
from qblif.hw.core.lanes import Lanes
from qblif.hw.core.map_accumulators import MapAccumulators
from qblif.hw.layout.latency import MEMORY_SUMS_GROUPS
from qblif.hw.layout.scatter import ScatterMap
from qblif.sim.stream import simulate_component, wait

LANES, FIRE_LANES, WIDTH, ADDEND = 4, 2, 12, 8


def draw_timestep(draw, words, digits, scattered):
    """A timestep's additions: ``(word, addends, carry)``; a digit visits every word, or few of them
    in any order."""
    visits = [draw.choices(range(words), k=draw.randint(1, 6)) if scattered else range(words)
              for _ in range(digits)]
    return [[(word, [draw.randint(-128, 127) for _ in range(LANES)], draw.randint(0, 1))
             for word in visit] for visit in visits]


def expected(timestep, words):
    totals = [[0] * LANES for _ in range(words)]
    for digit in timestep:
        for word, addends, carry in digit:
            for lane in range(LANES):
                totals[word][lane] += addends[lane] + carry
    return [sum_ for word in totals for sum_ in word]


def schedule(timesteps, draw, gaps):
    """What is issued in each cycle: ``(issue, addends, carry)`` or ``None``, or "wait"."""
    for timestep in timesteps:
        for number, digit in enumerate(timestep):
            for word, addends, carry in digit:
                yield from [None] * draw.randint(0, 2) if gaps else []
                yield {"valid": 1, "first": number == 0, "word": word}, addends, carry
        yield {"end": 1, "first": not timestep}, [0] * LANES, 0
        yield "wait"


def run(dut, timesteps, draw, gaps=False, uses=1):
    """All sums of each timestep, read back as an update pass reads them, while the next fill.

    Each timestep is read ``uses`` times, late where there are banks enough.
    """
    reads, ready, released = [], [0], [0]
    parts, unread, alone = LANES // FIRE_LANES, dut.reach.unread, dut.reach.banks == 1

    async def issue(ctx):
        waiting, ends = list(schedule(timesteps, draw, gaps)), 0
        delayed = [([0] * LANES, 0)] * Lanes.latency
        while ctx.get(dut.clearing):
            await ctx.tick()
        while waiting or delayed[0] is not None:
            item = waiting[0] if waiting else None
            if item == "wait":  # An end may follow ends only when there is a bank.
                waiting.pop(0)
                ends += 1
                continue
            full = ends - released[0] == unread
            blocked = full and item is not None and (alone or item[0].get("end"))
            if not blocked and waiting:
                waiting.pop(0)
            item = None if blocked else item
            ctx.set(dut.issue, item[0] if item else {})
            delayed.append(item[1:] if item else ([0] * LANES, 0) if waiting or item else None)
            addends, carry = delayed.pop(0) or ([0] * LANES, 0)
            ctx.set(dut.addends, addends)
            ctx.set(dut.carry, carry)
            await ctx.tick()
        ctx.set(dut.issue, {})

    async def read(ctx):
        count = dut.words * parts
        for number in range(len(timesteps)):
            while ready[0] <= number:
                await ctx.tick()
            if unread > 1 and draw.random() < 0.3:
                await wait(ctx, 30)
            for use in range(uses):
                for vector in range(count):
                    ctx.set(dut.read, {"en": 1, "pixel_last": vector % parts == parts - 1,
                                       "pass_last": vector == count - 1})
                    ctx.set(dut.last_read, use == uses - 1)
                    released[0] += vector == count - 1 and use == uses - 1
                    await ctx.tick()
                ctx.set(dut.read.en, 0)
        await wait(ctx, 10)

    async def watch(ctx):
        asked = [0] * (dut.read_latency + dut.lag)
        while True:
            _, _, now, sums, completed = await ctx.tick().sample(dut.read.en, dut.sums,
                                                                 dut.complete)
            ready[0] += completed
            asked.append(now)
            if asked.pop(0):
                reads.extend(int(s) for s in sums)

    simulate_component(dut, issue, read, background=[watch], timeout=40_000)
    return np.reshape(reads, (len(timesteps) * uses, -1)).tolist()


def flat(groups):
    """A dense synapse to so many words."""
    dense = Dense(source="a", target="b").as_conv((5,))
    return ScatterMap(dense, (5, 1, 1), (groups * LANES, 1, 1), LANES)


def scattered(groups, positions, banks=2):
    """A convolution to a map."""
    conv = Conv2d(source="a", target="b", kernel=1)
    return ScatterMap(conv, (5, 1, positions), (groups * LANES, 1, positions), LANES, banks)


def make(reach, kind=None, **parameters):
    kind = kind or ACCUMULATORS[reach.sums]
    return kind(reach, sum_width=WIDTH, addend_width=ADDEND, fire_lanes=FIRE_LANES, **parameters)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 5, 8, 9])
def test_sums(groups, gaps):
    draw = random.Random(groups)
    dut = make(flat(groups), lag=groups % 3)
    assert isinstance(dut, RegisterAccumulators if groups < MEMORY_SUMS_GROUPS
                      else MemoryAccumulators)
    timesteps = [draw_timestep(draw, groups, digits, False)
                 for digits in (3, 0, 1, 5, 0, 0, 2, 1, 7, 0)]
    assert run(dut, timesteps, draw, gaps) == [expected(t, groups) for t in timesteps]


@pytest.mark.parametrize("kind", [RegisterAccumulators, MemoryAccumulators])
def test_both_kinds_back_to_back_at_the_smallest_memory(kind):
    draw = random.Random(7)
    dut = make(flat(MEMORY_SUMS_GROUPS), kind)
    timesteps = [draw_timestep(draw, dut.words, draw.randint(0, 6), False) for _ in range(30)]
    assert run(dut, timesteps, draw) == [expected(t, dut.words) for t in timesteps]


@pytest.mark.parametrize("uses", [1, 3])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("groups, positions", [(1, 2), (1, 7), (2, 4), (3, 5)])
@pytest.mark.parametrize("banks", [1, 2, 3, 4])
def test_words_come_again_at_once(banks, groups, positions, gaps, uses):
    draw = random.Random(groups)
    dut = make(scattered(groups, positions, banks), lag=groups - 1)
    assert isinstance(dut, MapAccumulators) and dut.reach.returns_soon
    timesteps = [draw_timestep(draw, dut.words, draw.choice([0, 1, 3, 12]), True)
                 for _ in range(20)]
    assert run(dut, timesteps, draw, gaps, uses) == [
        expected(t, dut.words) for t in timesteps for _ in range(uses)]


def test_nothing_is_bypassed_where_words_come_late():
    dut = make(scattered(4, 3))
    assert not dut.reach.returns_soon
    draw = random.Random(5)
    timesteps = [draw_timestep(draw, dut.words, draw.randint(0, 6), False) for _ in range(20)]
    assert run(dut, timesteps, draw) == [expected(t, dut.words) for t in timesteps]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("reach", [flat(2), flat(5), scattered(2, 3)], ids=lambda r: r.sums)
def test_update_pass_before_its_accumulators_are_complete(reach, late):
    """Before the first EOT, or a second pass after one."""
    dut = make(reach)

    async def read(ctx):
        while ctx.get(dut.clearing):
            await ctx.tick()
        if late:
            ctx.set(dut.issue, {"end": 1, "first": 1})
            await ctx.tick()
            ctx.set(dut.issue, {})
            while not ctx.get(dut.complete):
                await ctx.tick()
            await ctx.tick()
            ctx.set(dut.read, {"en": 1, "pixel_last": 1, "pass_last": 1})
            ctx.set(dut.last_read, 1)
            await ctx.tick()
        ctx.set(dut.read, {"en": 1})
        await wait(ctx, 3)

    with pytest.raises(AssertionError, match="update pass before its accumulators are complete$"):
        simulate_component(dut, read)
