"""A dense engine through its ports: an AER stream in, the currents that an update pass reads."""

import itertools
import random

import numpy as np
import pytest
from dense_cases import CASES, draw_weights, expected_sums, transfers
from poison import poisoned

from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population
from qblif.hw.core.dense_engine import DenseEngineCore
from qblif.hw.layout.compile import compile_stage
from qblif.hw.layout.memories import MEMORIES
from qblif.hw.layout.plan import StagePlan
from qblif.sim.stream import simulate_component, stream_put, wait

N_MAX = 3


def layout_of(case, *, timesteps=1, static=False, order="inner", fire_lanes=1, **plan):
    source, channels, lanes, fields = case
    synapse = Dense(source="input", target="out", w_width=3) if fields is None else \
        Conv2d(source="input", target="out", w_width=3, **fields)
    population = Population(name="out", shape=(channels,), sum_width=10,
                            neuron=Neuron(quantiser=None, v_width=10))
    spec = Network(timesteps=timesteps, synapses=[synapse], populations=[population],
                   input=Input(shape=source, n_max=N_MAX, static=static))
    stage = compile_stage(spec, population, StagePlan(
        lanes=-(-lanes // fire_lanes) * fire_lanes, fire_lanes=fire_lanes, **plan), order)
    return stage.engines[0]


def run(dut, levels, *, passes=1, load=(), stall=0, late=0):
    """``(currents of each pass, (events, words))`` of ``levels`` ``(completions, sets, neurons)``.

    Each completion is read in ``passes`` passes, and the last one releases it.
    """
    layout, draw = dut.layout, random.Random(0)
    channels, fire_lanes = layout.target.channels, layout.plan.fire_lanes
    vectors, found, completed = -(-channels // fire_lanes), [], [0]

    async def source(ctx):
        ctx.set(dut.writing, 1)
        for index, address, value in load:
            ctx.set(dut.write, 1 << index)
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, value)
            await ctx.tick()
        ctx.set(dut.write, 0)
        ctx.set(dut.writing, 0)
        for frame in levels:
            for event in transfers(layout.source.shape, frame):
                await stream_put(ctx, dut.i_input, event, draw.randint(0, stall))

    async def read(ctx):
        for number in range(len(levels)):
            while completed[0] <= number:
                await ctx.tick()
            await wait(ctx, draw.randint(0, late))
            for use, vector in itertools.product(range(passes), range(vectors)):
                last = vector == vectors - 1
                ctx.set(dut.read, {"en": 1, "pass_last": last})
                ctx.set(dut.last_read, use == passes - 1)
                ctx.set(dut.release, last and use == passes - 1)
                await ctx.tick()
                ctx.set(dut.read, {})
                ctx.set(dut.release, 0)
                await wait(ctx, draw.randint(0, late) // 4)
        await wait(ctx, 10)
        found.append((ctx.get(dut.events_input), ctx.get(dut.words_input)))

    async def watch(ctx):
        asked = [0] * (layout.read_latency + dut.accumulators.lag)
        async for _, _, now, currents, complete in ctx.tick().sample(
                dut.read.en, dut.currents, dut.complete):
            completed[0] += complete
            asked.append(now)
            if asked.pop(0):
                found.extend(int(current) for current in currents)

    with poisoned():
        simulate_component(dut, source, read, background=[watch])
    counts = found.pop()
    rows = np.reshape(found, (-1, vectors * fire_lanes))[:, :channels]
    return rows.reshape(len(levels), passes, channels).tolist(), counts


def draw_levels(layout, frames, share=0.5):
    draw = np.random.default_rng(layout.sets)
    shape = frames, layout.sets, layout.source.size
    levels = draw.integers(1, N_MAX + 1, shape) * (draw.random(shape) < share)
    levels[frames // 2] = 0
    return levels


def check(layout, levels, *, lag=0, passes=1, memory=False, **options):
    """Currents against the integer model, a set a pass or one set in all of them."""
    weights = draw_weights(layout.dense)
    dut = DenseEngineCore(layout, lag=lag, weights=None if memory else {layout.name: weights})
    load = [(bank, address, word)
            for bank, words in enumerate(layout.memory_image({layout.name: weights}))
            for address, word in enumerate(words)] if memory else ()
    currents, (events, words) = run(dut, levels, passes=passes, load=load, **options)
    expected = expected_sums(layout.dense, weights, levels, N_MAX)[..., :layout.target.channels]
    if layout.sets == 1:
        expected = np.repeat(expected, passes, 1)
    assert currents == expected.tolist()
    assert events == np.count_nonzero(levels)
    digits = np.array([0, 1, 1, 2])[levels]  # 3 is 4 - 1.
    assert words == (digits * layout.dense.steps()).sum()


@pytest.mark.parametrize("stall, late", [(0, 0), (2, 0), (0, 40), (2, 12)])
@pytest.mark.parametrize("timesteps", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_currents(case, timesteps, stall, late):
    """Timesteps of a map come side by side, in as many sets; those of others one by one."""
    layout = layout_of(case, timesteps=timesteps)
    is_map = len(case[0]) == 3
    assert layout.sets == (timesteps if is_map else 1)
    assert layout.static == (is_map and timesteps > 1)
    check(layout, draw_levels(layout, 6), passes=layout.sets, lag=timesteps - 1, stall=stall,
          late=late)


@pytest.mark.parametrize("order", ["inner", "outer"])
@pytest.mark.parametrize("case", [CASES[0], CASES[2]])
def test_static_currents_serve_all_timesteps(case, order):
    """They are added once; with timesteps outermost the input comes again in each."""
    layout = layout_of(case, timesteps=3, static=True, order=order)
    assert (layout.sets, layout.static) == (1, order == "inner")
    check(layout, draw_levels(layout, 5), passes=3 if layout.static else 1, late=9)


@pytest.mark.parametrize("fire_lanes", [1, 2, 4])
@pytest.mark.parametrize("lanes", [4, 8, 12])
def test_every_split_of_the_lanes(lanes, fire_lanes):
    """Registers and memory, vectors that end within a word and at its end."""
    layout = layout_of(((2, 1, 3), 21, lanes, None), timesteps=2, fire_lanes=fire_lanes)
    assert layout.accumulators == ("memory" if lanes == 4 else "registers")
    check(layout, draw_levels(layout, 5), passes=2)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("case", [CASES[2], ((9,), 40, 10, None)])
def test_loaded_weights(case, memory):
    layout = layout_of(case, memory=memory)
    check(layout, draw_levels(layout, 4), memory=True)


def test_weights_are_read_back():
    layout = layout_of(((5,), 7, 3, None))
    weights, found = draw_weights(layout.dense), []
    dut = DenseEngineCore(layout, weights={layout.name: weights}, readback=True)

    async def read(ctx):
        ctx.set(dut.readback, 1)
        for address in [*range(layout.weights.depth), 0, 0, 0]:
            ctx.set(dut.write_address, address)
            _, _, word = await ctx.tick().sample(dut.weights)
            found.append(word)

    simulate_component(dut, read)
    image, = layout.memory_image({layout.name: weights})
    assert found[3:] == image


def test_complete_after_its_latency():
    """The sums of an end come seven cycles after it was accepted, as the cycle model has it."""
    layout = layout_of(((5,), 4, 4, None))
    dut, when = DenseEngineCore(layout, weights={layout.name: draw_weights(layout.dense)}), []

    async def source(ctx):
        await stream_put(ctx, dut.i_input, {"address": 1, "level": 1, "end": 0})
        await stream_put(ctx, dut.i_input, {"address": 0, "level": 0, "end": 1})
        while not ctx.get(dut.complete):
            when.append(0)
            await ctx.tick()

    simulate_component(dut, source)
    clock = layout.clock(type("Stage", (), {"run": lambda self: None, "keep": False})())
    accepted = clock.end(clock.event(0, 1, 1) + 1, True)
    assert len(when) + 2 == clock.ready - accepted
