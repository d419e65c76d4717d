"""A dense synapse alone: every event at every level, against weights times levels."""

import itertools
import random

import numpy as np
import pytest
from dense_cases import CASES, dense_of, draw_weights, expected_sums, transfers

from qblif.golden.spec.burst import digits
from qblif.hw.core.dense_synapse import DenseSynapse
from qblif.hw.core.lanes import Lanes
from qblif.hw.layout.memories import MEMORIES, pack
from qblif.sim.stream import simulate_component, stream_put, wait

W_WIDTH = 3


def run(dut, source_shape, levels, *, load=None, stall=0, late=0, seed=0):
    """``(sums of each end, (events, words), cycles)`` of ``levels`` ``(ends, sets, neurons)``.

    Accumulates what is issued; the sums are released ``late`` cycles after they are complete.
    Accumulators hold anything before a set's ``first`` digit.
    """
    draw, dense = random.Random(seed), dut.dense
    found, pending, cycles, visits = [], [], [0], []

    async def source(ctx):
        ctx.set(dut.writing, 1)
        for index, at, value in load or ():
            ctx.set(dut.write, 1 << index)
            ctx.set(dut.write_address, at)
            ctx.set(dut.write_data, value)
            await ctx.tick()
        ctx.set(dut.write, 0)
        ctx.set(dut.writing, 0)
        start = cycles[0]
        for frame in levels:
            for event in transfers(source_shape, frame):
                await stream_put(ctx, dut.i, event, draw.randint(0, stall))
        while len(found) < len(levels):
            await ctx.tick()
        cycles.append(cycles[0] - start)
        cycles.append((ctx.get(dut.events), ctx.get(dut.words)))

    async def accumulate(ctx):
        delayed = [None] * Lanes.latency
        sums = np.full((dut.sets, dense.words, dense.lanes), 999)
        async for _, _, issue, addends, carry in ctx.tick().sample(
                dut.issue, dut.addends, dut.carry):
            cycles[0] += 1
            if issue.valid:
                visits.append(issue.word)
            assert not (issue.end and pending), "an end before the sums before it were released"
            if issue.end:
                pending.append(late + Lanes.latency)
            delayed.append((issue.valid, issue.end, issue.first, issue.word, issue.set))
            valid, end, first, word, at = delayed.pop(0) or (0,) * 5
            if valid:
                old = 0 if first >> at & 1 else sums[at, word]
                sums[at, word] = old + np.array([int(a) for a in addends]) + carry
            if end:
                empty = np.array([first >> s & 1 for s in range(dut.sets)])[:, None, None]
                found.append(np.where(empty, 0, sums).reshape(dut.sets, -1).tolist())
                sums[:] = 999

    async def release(ctx):
        while True:
            now = bool(pending) and pending[0] <= 0
            if pending:
                pending[0] -= 1
            if now:
                pending.pop(0)
            ctx.set(dut.release, now)
            await ctx.tick()

    simulate_component(dut, source, background=[accumulate, release], timeout=50_000)
    assert visits == list(range(dense.words)) * (len(visits) // dense.words)
    return found, cycles[2], cycles[1]


def core(dense, n_max, weights=None, **options):
    return DenseSynapse(dense, source_shape=dense.source, levels=range(n_max + 1),
                        w_width=W_WIDTH, init=weights, **options)


def check(case, n_max, mode, levels, **options):
    dense, levels = dense_of(*case), np.asarray(levels)
    weights = draw_weights(dense)
    dut = core(dense, n_max, weights, mode=mode, sets=levels.shape[1])
    sums, (events, words), _ = run(dut, case[0], levels, **options)
    assert sums == expected_sums(dense, weights, levels, n_max).tolist()
    count = np.array([len(digits(level, mode)) if level else 0 for level in range(n_max + 1)])
    assert events == np.count_nonzero(levels)
    assert words == (count[levels] * dense.steps()).sum()


@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("lanes", [1, 2, 3, 4])
def test_every_event_at_every_level(lanes, mode):
    """3 neurons: all combinations of levels, each alone among them."""
    levels = np.array(list(itertools.product(range(4), repeat=3)))[:, None]
    check(((3,), 4, lanes, None), 3, mode, levels)


@pytest.mark.parametrize("lanes", [2, 4])
def test_every_event_in_every_set(lanes):
    """2 neurons in 2 timesteps side by side: all combinations of levels, and none in a set."""
    levels = np.array(list(itertools.product(range(4), repeat=4))).reshape(-1, 2, 2)
    check(((2,), 4, lanes, None), 3, "shift", levels)


@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("sets", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_every_event_of_a_map(case, sets, mode):
    size = int(np.prod(case[0]))
    k, s, n = np.indices((7, sets, size))
    levels = np.concatenate([1 + (n + k + 2 * s) % 7, np.zeros((1, sets, size), int)])
    check(case, 7, mode, levels)


@pytest.mark.parametrize("stall, late", [(2, 0), (0, 25), (3, 9)])
@pytest.mark.parametrize("sets", [1, 2])
@pytest.mark.parametrize("case", [CASES[0], CASES[2]])
def test_stalls_and_late_passes(case, sets, stall, late):
    draw = np.random.default_rng(sets)
    shape = (12, sets, int(np.prod(case[0])))
    levels = draw.integers(0, 8, shape) * (draw.random(shape) < 0.3)
    check(case, 7, "shift", levels, stall=stall, late=late)


@pytest.mark.parametrize("peek", [False, True])
@pytest.mark.parametrize("memory", MEMORIES)
def test_loaded_weights(memory, peek):
    case = (5,), 7, 3, None
    dense = dense_of(*case)
    weights, dut = draw_weights(dense), core(dense, 3, memory=memory, peek=peek)
    load = [(index, address, pack(word, W_WIDTH, index * dut.memory.slice_lanes,
                                  dut.memory.slice_lanes))
            for index in range(dut.memory.slices)
            for address, word in enumerate(dense.weight_words(weights).tolist())]
    levels = np.array([[[1, 2, 3, 1, 2]], [[0] * 5], [[0, 0, 0, 0, 3]]])
    sums, *_ = run(dut, (5,), levels, load=load)
    assert sums == expected_sums(dense, weights, levels, 3).tolist()


def test_weights_are_read_back():
    """A word a cycle, three cycles later."""
    dense = dense_of((5,), 7, 3)
    weights, found = draw_weights(dense), []
    words = [pack(word, W_WIDTH) for word in dense.weight_words(weights).tolist()]
    dut = core(dense, 3, weights, peek=True)

    async def read(ctx):
        ctx.set(dut.peek, 1)
        for address in [*range(len(words)), 0, 0, 0]:
            ctx.set(dut.write_address, address)
            _, _, word = await ctx.tick().sample(dut.read)
            found.append(word)

    simulate_component(dut, read)
    assert found[3:] == words


@pytest.mark.parametrize("case, steps", [(((8,), 4, 4, None), 1), (((8,), 9, 3, None), 3)])
def test_no_idle_cycle(case, steps):
    """Words of events, and end markers, one a cycle; the last sums come 7 cycles later.

    An end waits for the release of the sums before it, which comes here when they are complete.
    """
    dense, levels = dense_of(*case), np.ones((3, 1, 8), int)
    *_, cycles = run(core(dense, 1, draw_weights(dense)), case[0], levels)
    assert 3 * (8 * steps + 1) < cycles <= 3 * (8 * steps + 1) + 9


def test_counters_are_cleared():
    dut, found = core(dense_of((5,), 4, 2), 3), []

    async def feed(ctx):
        for clear in (0, 1):
            await stream_put(ctx, dut.i, {"address": 1, "level": 3, "end": 0})
            await wait(ctx, 8)
            ctx.set(dut.clear, clear)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            found.append((ctx.get(dut.events), ctx.get(dut.words)))

    simulate_component(dut, feed)
    assert found == [(1, 2 * 2), (0, 0)]


def test_sums_released_that_were_never_complete():
    dut = core(dense_of((3,), 4, 2), 3)

    async def release(ctx):
        ctx.set(dut.release, 1)
        await wait(ctx, 3)

    with pytest.raises(AssertionError, match="sums released that were never complete$"):
        simulate_component(dut, release)
