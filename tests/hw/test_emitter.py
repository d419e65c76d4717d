import random

import pytest

from qblif.hw.burst import BurstExpander
from qblif.hw.emitter import Emitter
from qblif.sim.stream import run_stream, simulate_component, stream_checker, stream_get

SINKS = [{}, {"o_stall": 4}, {"o_stall": 1, "ready_first": False}]


def run_emitter(size, n_max, fire_lanes, passes, *, o_stall=0, ready_first=True):
    """Events of several passes; a pass is the levels of ``size`` neurons."""
    dut = Emitter(size, n_max, fire_lanes)
    beats = -(-size // fire_lanes)
    draw, found = random.Random(1), []

    async def sweep(ctx):
        for levels in passes:
            padded = levels + [0] * (beats * fire_lanes - size)
            while not ctx.get(dut.credit):
                await ctx.tick()
            ctx.set(dut.start, 1)
            for beat in range(beats):
                await ctx.tick()
                ctx.set(dut.start, 0)
                ctx.set(dut.valid, 1)
                ctx.set(dut.i, {"levels": padded[beat * fire_lanes:][:fire_lanes], "beat": beat,
                                "end": beat == beats - 1})
            await ctx.tick()
            ctx.set(dut.valid, 0)

    async def sink(ctx):
        for _ in expected_events(passes):
            event = await stream_get(ctx, dut.o, draw.randint(0, o_stall), ready_first)
            found.append("end" if event.end else (event.address, event.level))

    simulate_component(dut, sweep, sink, background=[stream_checker(dut.o)], timeout=20_000)
    return found


def expected_events(passes):
    return [event for levels in passes
            for event in [(a, level) for a, level in enumerate(levels) if level] + ["end"]]


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("size, fire_lanes", [(1, 1), (5, 1), (4, 4), (7, 4), (33, 8), (2, 16)])
def test_random_passes(size, fire_lanes, sink):
    draw = random.Random(size)
    passes = [[draw.randint(1, 20) if draw.random() < share else 0 for _ in range(size)]
              for share in (0.3, 0, 1, 0.1, 1, 1, 0, 0.5)]
    assert run_emitter(size, 20, fire_lanes, passes, **sink) == expected_events(passes)


@pytest.mark.parametrize("levels", range(3 ** 4))
def test_every_pattern_of_a_beat(levels):
    passes = [[levels // 3 ** k % 3 for k in range(4)]] * 2
    assert run_emitter(4, 2, 4, passes) == expected_events(passes)


# An abandoned wait warns on Python before 3.13.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_run_stream_finds_a_dead_output():
    with pytest.raises(AssertionError, match="^no end after 50 cycles"):
        run_stream(BurstExpander(4, 3), [{"address": 1, "level": 1, "end": 0}], 2, timeout=50)
