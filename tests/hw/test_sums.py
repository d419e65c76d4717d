import random

import pytest

from qblif.hw.lanes import Lanes
from qblif.hw.sums import MemorySums, RegisterSums, make_sums
from qblif.sim.stream import simulate_component

LANES, FIRE_LANES, WIDTH, ADDEND = 4, 2, 12, 8


def draw_timestep(draw, groups, digits):
    """A timestep's digits: addends ``[group][lane]``, and the carry that all of them get."""
    return [([[draw.randint(-128, 127) for _ in range(LANES)] for _ in range(groups)],
             draw.randint(0, 1)) for _ in range(digits)]


def expected(timestep, groups):
    totals = [[0] * LANES for _ in range(groups)]
    for addends, carry in timestep:
        for group in range(groups):
            for lane in range(LANES):
                totals[group][lane] += addends[group][lane] + carry
    return [sum_ for word in totals for sum_ in word]


def schedule(dut, timesteps, draw, gaps):
    """What is issued in each cycle: ``(issue, addends, carry)`` or ``None``, or "wait"."""
    idle = [None] * draw.randint(0, 2) if gaps else []
    for timestep in timesteps:
        for number, (addends, carry) in enumerate(timestep):
            for group in range(dut.groups):
                yield from idle
                yield {"valid": 1, "first": number == 0, "group": group}, addends[group], carry
        yield {"end": 1, "first": not timestep}, [0] * LANES, 0
        yield "wait"


def run(dut, timesteps, draw, gaps=False):
    """All sums of each timestep, read back as the fire pass reads them, while the next fill."""
    cycles, reads, released = [], [], [0]
    parts = LANES // FIRE_LANES

    async def issue(ctx):
        waiting, ends = list(schedule(dut, timesteps, draw, gaps)), 0
        delayed = [([0] * LANES, 0)] * Lanes.latency
        while waiting or delayed[0] is not None:
            item = waiting[0] if waiting else None
            if item == "wait":  # An end may follow an end only after the sums were read.
                waiting.pop(0)
                ends += 1
                continue
            blocked = item is not None and item[0].get("end") and released[0] < ends
            if not blocked and waiting:
                waiting.pop(0)
            item = None if blocked else item
            ctx.set(dut.issue, item[0] if item else {})
            delayed.append(item[1:] if item else ([0] * LANES, 0) if waiting or item else None)
            addends, carry = delayed.pop(0) or ([0] * LANES, 0)
            ctx.set(dut.addends, addends)
            ctx.set(dut.carry, carry)
            cycles.append(item)
            await ctx.tick()
        ctx.set(dut.issue, {})

    async def read(ctx):
        for _ in timesteps:
            await ctx.tick().until(dut.ready)
            found = []
            count = dut.groups * parts
            for beat in range(count + dut.read_latency):
                word, part = divmod(min(beat, count - 1), parts)
                ctx.set(dut.word, word)
                ctx.set(dut.part, part)
                if beat == count - 1:
                    released[0] += 1
                _, _, sums = await ctx.tick().sample(dut.sums)
                found += [int(s) for s in sums] if beat >= dut.read_latency else []
            reads.append(found)

    simulate_component(dut, issue, read, timeout=20_000)
    return reads


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 5, 8, 9])
def test_sums(groups, gaps):
    draw = random.Random(groups)
    dut = make_sums(groups=groups, lanes=LANES, sum_width=WIDTH, addend_width=ADDEND,
                    fire_lanes=FIRE_LANES)
    assert isinstance(dut, RegisterSums if groups < MemorySums.min_groups else MemorySums)
    timesteps = [draw_timestep(draw, groups, digits) for digits in (3, 0, 1, 5, 0, 0, 2, 1, 7, 0)]
    assert run(dut, timesteps, draw, gaps) == [expected(t, groups) for t in timesteps]


@pytest.mark.parametrize("kind", [RegisterSums, MemorySums])
def test_both_kinds_back_to_back_at_the_smallest_memory(kind):
    draw = random.Random(7)
    groups = MemorySums.min_groups
    dut = kind(groups=groups, lanes=LANES, sum_width=WIDTH, addend_width=ADDEND,
               fire_lanes=FIRE_LANES)
    timesteps = [draw_timestep(draw, groups, draw.randint(0, 6)) for _ in range(30)]
    assert run(dut, timesteps, draw) == [expected(t, groups) for t in timesteps]
