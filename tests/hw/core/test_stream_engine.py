"""A streaming engine through its ports: events in, the currents of every position out."""

import random

import numpy as np
import pytest
from mutants import mutant
from poison import poisoned
from window_cases import CASES, convolve, draw_levels, draw_weights, engine_of, network, transfers

from qblif.golden.spec.burst import digits
from qblif.hw.core.stream_engine import StreamEngineCore
from qblif.hw.layout.memories import MEMORIES
from qblif.sim.stream import garbage, simulate_component, stream_put, wait

TWO = ((4, 5, 4), 6, {"kernel": 3, "padding": 1, "groups": 2}, {"kernel": 1})


def currents(spec, layout, weights, frames):
    """Sums of every position, timestep and channel: ``(frames * positions, steps, channels)``."""
    channels, rows, columns = spec.source("b").shape
    steps = []
    for frame in range(len(frames["input"])):
        for t in range(layout.steps):
            total = np.zeros((channels, rows, columns), int)
            for synapse in layout.synapses:
                levels = frames[synapse.source][frame]
                total += convolve(synapse, levels[t % len(levels)], weights[synapse.name])
            steps.append(total.reshape(channels, -1).T)
    found = np.stack(steps).reshape(-1, layout.steps, rows * columns, channels)
    return found.transpose(0, 2, 1, 3).reshape(-1, layout.steps, channels)


def draw_frames(spec, layout, count, seed=0):
    """Levels of each source, ``{name: (frames, timesteps, channels, rows, columns)}``; a static
    source's have one timestep."""
    draw = np.random.default_rng(seed)
    return {buffer.source.name: np.stack([
        draw_levels(draw, (buffer.regions, *buffer.window.source)) for _ in range(count)])
        for buffer in layout.buffers}


async def load(ctx, dut, layout, weights):
    ctx.set(dut.writing, 1)
    for bank, words in enumerate(layout.memory_image(weights)):
        ctx.set(dut.write, 1 << bank)
        for address, word in enumerate(words):
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, word)
            await ctx.tick()
    ctx.set(dut.write, 0)
    ctx.set(dut.writing, 0)


def run(dut, layout, frames, *, weights=None, uses=1, stall=0, late=0, seed=0, timeout=60_000):
    """``(currents, counts)``: those of :func:`currents`, ``uses`` times each step, and events and
    lane-cycles by source.  The reader is up to ``late`` cycles late; each source idles up to
    ``stall`` cycles before a transfer."""
    draw, fire = random.Random(seed), layout.plan.fire_lanes
    channels, *extents = layout.buffers[0].window.target
    vectors, count = -(-channels // fire), int(np.prod(extents)) * layout.steps
    complete, found, asked, counts = [0], [], [0] * layout.read_latency, {}
    loaded = [weights is None]

    def source(name):
        async def put(ctx):
            while not loaded[0]:
                await ctx.tick()
            i = getattr(dut, f"i_{name}")
            for levels in frames[name]:
                for item in transfers(levels):
                    if item["end"]:
                        item |= {"address": garbage(len(i.p.address)),
                                 "level": garbage(len(i.p.level))}
                    await stream_put(ctx, i, item, draw.choice([0, stall]))
        return put

    async def read(ctx):
        if weights:
            await load(ctx, dut, layout, weights)
            loaded[0] = True
        number = 0
        for _ in range(count * len(frames["input"])):
            for word in range(layout.words):
                first = word * (layout.width // fire)
                last = min(vectors, first + layout.width // fire) - 1
                while complete[0] <= number:
                    await ctx.tick()
                number += 1
                await wait(ctx, draw.choice([0, late]))
                for use in range(uses):
                    for vector in range(first, last + 1):
                        ctx.set(dut.read, {"en": 1, "pass_last": vector == last})
                        ctx.set(dut.last_read, use == uses - 1)
                        await ctx.tick()
                    ctx.set(dut.read.en, 0)
                ctx.set(dut.release, 1)
                await ctx.tick()
                ctx.set(dut.release, 0)
        await wait(ctx, layout.read_latency + 40)
        assert complete[0] == number
        for name in frames:
            counts[name] = (ctx.get(getattr(dut, f"events_{name}")),
                            ctx.get(getattr(dut, f"words_{name}")))

    async def watch(ctx):
        async for _, _, pulse, now, values in ctx.tick().sample(
                dut.complete, dut.read.en, dut.currents):
            complete[0] += pulse
            asked.append(now)
            if asked.pop(0):
                found.extend(int(value) for value in values)

    with poisoned():
        simulate_component(dut, read, *map(source, frames), background=[watch], timeout=timeout)
    return found, counts


def expected_counts(layout, frames):
    """Events that came, and digits that weights were added for: of the channels that reach a word,
    at every position that reads them, in every step."""
    counts = {}
    for buffer in layout.buffers:
        levels, window = frames[buffer.source.name], buffer.window
        repeated = levels if buffer.regions == layout.steps else np.repeat(levels, layout.steps, 1)
        number = np.array([len(digits(level, layout.plan.burst))
                           for level in range(buffer.source.emit_max + 1)])[repeated]
        total = 0
        for low in window.lows:
            for down in window.rows:
                for across in window.columns:
                    total += number[:, :, low:low + window.reach, down.first:down.end,
                                    across.first:across.end].sum()
        counts[buffer.source.name] = int(np.count_nonzero(levels)), int(total)
    return counts


def check(case, *, timesteps=1, static=False, count=2, loaded=False, kind=StreamEngineCore, uses=1,
          stall=0, late=0, timeout=60_000, **plan):
    spec = network(*case, timesteps=timesteps, static=static)
    layout = engine_of(spec, **plan)
    weights, frames = draw_weights(spec), draw_frames(spec, layout, count)
    dut = kind(layout, weights=None if loaded else weights)
    found, counts = run(dut, layout, frames, weights=weights if loaded else None, uses=uses,
                        stall=stall, late=late, timeout=timeout)
    channels, fire = case[1], layout.plan.fire_lanes
    found = np.reshape(found, (-1, layout.steps, -(-channels // fire) * fire)) if uses == 1 else (
        np.reshape(found, (-1, uses, channels)))
    wanted = currents(spec, layout, weights, frames)
    np.testing.assert_array_equal(found[..., :channels], np.repeat(wanted, uses, 1))
    assert counts == expected_counts(layout, frames)


@pytest.mark.parametrize("case", CASES)
def test_convolutions(case):
    number = CASES.index(case)
    check(case, ports=(1, 2, 4)[number % 3], lanes=max(1, case[1] // 2), count=1 + number % 2)


@pytest.mark.parametrize("ports, buffers, lanes, fire_lanes, stall, late", [
    (1, 1, 6, 1, 0, 0), (1, 1, 6, 1, 0, 20), (2, 3, 4, 2, 3, 0), (4, 2, 2, 2, 0, 20),
    (4, 4, 6, 2, 2, 9)])
def test_two_synapses(ports, buffers, lanes, fire_lanes, stall, late):
    check(TWO, timesteps=2, static=True, count=1, ports=ports, buffers=buffers, lanes=lanes,
          fire_lanes=fire_lanes, stall=stall, late=late)


@pytest.mark.parametrize("timesteps, static, order", [
    (4, False, "inner"), (2, True, "inner"), (3, False, "outer")])
def test_timesteps(timesteps, static, order):
    """Timesteps of a position, each in its region; a static input's events several times, for two
    words of channels; with timesteps outermost they are frames."""
    check(CASES[0], timesteps=timesteps, static=static, order=order, lanes=2, burst="repeat",
          count=1 + (order == "outer"))


def test_static_currents_serve_every_timestep():
    check(CASES[0], timesteps=3, static=True, uses=3, late=5)


@pytest.mark.parametrize("slack", [0, 3])
def test_smallest_line_buffers(slack):
    check(CASES[1], slack=slack, late=9)


@pytest.mark.parametrize("memory, ports", [*((memory, 1) for memory in MEMORIES), ("packed", 2)])
def test_loaded_weights(memory, ports):
    check(CASES[0], loaded=True, memory=memory, ports=ports, count=1)


def test_lanes_are_busy():
    """Full maps: a cycle a digit, and no cycle more but at the end of each target row."""
    spec = network((4, 5, 5), 2, {"kernel": 3, "padding": 1})
    layout = engine_of(spec, buffers=2)
    weights = draw_weights(spec)
    frames = {"input": np.ones((2, 1, 4, 5, 5), int)}
    events = expected_counts(layout, frames)["input"][1]
    run(StreamEngineCore(layout, weights=weights), layout, frames,
        timeout=events + 2 * 5 + 4 * 5 + 100)


@pytest.mark.parametrize("old, new", [
    ("merge.release.eq(self.release)", "merge.release.eq(merge.o.end)"),
    ("reader.word.eq(segments.word)", "reader.word.eq(0)"),
    ("buffer.release.eq(getattr(reader, f\"release_{k}\"))", "buffer.release.eq(0)"),
    ("accumulators.carry.eq(weighted.carry)", "accumulators.carry.eq(0)"),
])
def test_a_broken_rule_is_found(old, new):
    with pytest.raises(AssertionError):
        check(TWO, kind=mutant(StreamEngineCore, old, new), lanes=3, late=25, count=1,
              timeout=1_500)
