"""A synapse alone: every event at every level, against weights times levels."""

import itertools
import random

import numpy as np
import pytest
import torch
from scatter_cases import CASES, scatter_of

from qblif.golden.integer import synapse_sum
from qblif.golden.spec import Dense
from qblif.golden.spec.burst import digits
from qblif.hw.core.lanes import Lanes
from qblif.hw.core.synapse import SynapseCore
from qblif.hw.layout.addressing import addresses
from qblif.hw.layout.scatter import ScatterMap
from qblif.sim.stream import garbage, simulate_component, stream_put, wait

W_WIDTH = 3


def dense(sources, targets, lanes):
    synapse = Dense(source="a", target="b").as_conv((sources,))
    return ScatterMap(synapse, (sources, 1, 1), (targets, 1, 1), lanes)


def draw_weights(scatter, seed=0):
    conv, draw = scatter.synapse, np.random.default_rng(seed)
    return draw.integers(-4, 4, (scatter.target[0], scatter.source[0] // conv.groups,
                                 *conv.kernel)).astype(np.int32)


def expected(scatter, weights, timesteps):
    """Sums of each timestep, ``(timesteps, words * lanes)`` in the accumulators' order."""
    levels = torch.zeros((len(timesteps), int(np.prod(scatter.source))), dtype=torch.int32)
    for t, events in enumerate(timesteps):
        for neuron, level in events:
            levels[t, neuron] = level
    sums = synapse_sum(scatter.synapse, torch.from_numpy(weights), levels, 7, scatter.source,
                       scatter.target)
    channels, positions = scatter.target[0], scatter.positions
    padded = np.zeros((len(timesteps), scatter.groups * scatter.lanes, positions), np.int64)
    padded[:, :channels] = sums.numpy().reshape(-1, channels, positions)
    return padded.transpose(0, 2, 1).reshape(len(timesteps), -1).tolist()


def run(dut, scatter, timesteps, *, load=None, stall=0, late=0, seed=0):
    """``(sums of each timestep, (events, words), cycles)``.

    Accumulates what is issued; the sums are released ``late`` cycles after they are complete.
    Where every digit visits every word, accumulators hold anything before a timestep's ``first``.
    """
    full = scatter.positions == 1 and scatter.slots == scatter.groups
    draw, words = random.Random(seed), scatter.positions * scatter.groups
    address, found, pending, cycles = addresses(scatter.source).tolist(), [], [], [0]

    async def source(ctx):
        for index, at, value in load or ():
            ctx.set(dut.write, 1 << index)
            ctx.set(dut.write_address, at)
            ctx.set(dut.write_data, value)
            await ctx.tick()
        ctx.set(dut.write, 0)
        start = cycles[0]
        for events in timesteps:
            for neuron, level in events:
                await stream_put(ctx, dut.i, {"address": address[neuron], "level": level, "end": 0},
                                 draw.randint(0, stall))
            ctx.set(dut.i.p.end, 1)
            await stream_put(ctx, dut.i, {"address": garbage(len(dut.i.p.address)), "level":
                                          garbage(len(dut.i.p.level)), "end": 1})
        while len(found) < len(timesteps):
            await ctx.tick()
        cycles.append(cycles[0] - start)
        cycles.append((ctx.get(dut.events), ctx.get(dut.words)))

    async def accumulate(ctx):
        delayed, sums = [None] * Lanes.latency, np.full((words, scatter.lanes), 999 * full)
        while True:
            _, _, issue, addends, carry = await ctx.tick().sample(dut.issue, dut.addends, dut.carry)
            cycles[0] += 1
            delayed.append((issue.valid, issue.end, issue.first, issue.word))
            valid, end, first, word = delayed.pop(0) or (0, 0, 0, 0)
            if valid:
                old = 0 if first and full else sums[word]
                sums[word] = old + np.array([int(a) for a in addends]) + carry
            if end:
                found.append((0 * sums if first and full else sums).reshape(-1).tolist())
                sums[:] = 999 * full
                pending.append(late)

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
    return found, cycles[2], cycles[1]


def core(scatter, n_max, weights=None, **options):
    return SynapseCore(scatter, source_shape=scatter.source, levels=range(n_max + 1),
                       w_width=W_WIDTH, init=weights, **options)


def check(scatter, n_max, mode, timesteps, **options):
    weights = draw_weights(scatter)
    sums, (events, words), _ = run(core(scatter, n_max, weights, mode=mode), scatter, timesteps,
                                   **options)
    assert sums == expected(scatter, weights, timesteps)
    sent = [event for step in timesteps for event in step]
    steps = scatter.steps().tolist()
    assert events == len(sent)
    assert words == sum(steps[neuron] * len(digits(level, mode)) for neuron, level in sent)


@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("lanes", [1, 2, 3, 4])
def test_every_event_at_every_level(lanes, mode):
    """3 to 4 neurons: each alone, at each level; and all combinations of levels."""
    n_max = 3
    timesteps = [[(neuron, level)] for neuron in range(3) for level in range(1, n_max + 1)]
    timesteps += [[event for event in enumerate(levels) if event[1]]
                  for levels in itertools.product(range(n_max + 1), repeat=3)]
    check(dense(3, 4, lanes), n_max, mode, timesteps)


@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("case", CASES)
def test_every_event_of_a_convolution(case, mode):
    scatter = scatter_of(*case)
    neurons = range(int(np.prod(case[0])))
    timesteps = [[(n, 1 + (n + k) % 7) for n in neurons] for k in range(7)] + [[]]
    check(scatter, 7, mode, timesteps)


@pytest.mark.parametrize("stall, late", [(2, 0), (0, 25), (3, 9)])
@pytest.mark.parametrize("banks", [1, 2, 4])
def test_stalls_and_late_passes(banks, stall, late):
    draw = random.Random(banks)
    source, channels, lanes, fields = CASES[0]
    found = scatter_of(source, channels, lanes, fields)
    scatter = ScatterMap(found.synapse, found.source, found.target, lanes, banks)
    timesteps = [[(n, draw.randint(1, 7)) for n in draw.sample(range(24), draw.randint(0, 9))]
                 for _ in range(12)]
    check(scatter, 7, "shift", timesteps, stall=stall, late=late)


@pytest.mark.parametrize("memory", ["block", "packed", "mixed", "spram"])
def test_loaded_weights(memory):
    scatter = dense(5, 7, 3)
    weights, dut = draw_weights(scatter), core(scatter, 3, memory=memory)
    words = scatter.weight_words(weights)
    low = (1 << W_WIDTH) - 1
    load = [(index, address, sum((int(w) & low) << W_WIDTH * k for k, w in enumerate(
        word[index * dut.memory.slice_lanes:(index + 1) * dut.memory.slice_lanes])))
        for index in range(dut.memory.slices) for address, word in enumerate(words)]
    timesteps = [[(n, 1 + n % 3) for n in range(5)], [], [(4, 3)]]
    assert run(dut, scatter, timesteps, load=load)[0] == expected(scatter, weights, timesteps)


def test_no_idle_cycle():
    """Events and EOT markers of one step each, one a cycle; the last sums come 7 cycles later."""
    scatter = dense(8, 4, 4)
    timesteps = [[(n, 1) for n in range(8)]] * 3
    *_, cycles = run(core(scatter, 1, draw_weights(scatter)), scatter, timesteps)
    assert cycles <= 3 * 9 + 9


def test_sums_released_that_were_never_complete():
    dut = core(dense(3, 4, 2), 3)

    async def release(ctx):
        ctx.set(dut.release, 1)
        await wait(ctx, 3)

    with pytest.raises(AssertionError, match="sums released that were never complete$"):
        simulate_component(dut, release)
