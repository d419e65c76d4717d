import random

import pytest
from amaranth.hdl import unsigned

from qblif.hw.core.burst import BurstExpander
from qblif.hw.core.emitter import Emitter
from qblif.hw.layout.latency import StageTiming
from qblif.sim.stream import run_stream, simulate_component, stream_checker, stream_get

SINKS = [{}, {"o_stall": 4}, {"o_stall": 1, "ready_first": False}]


def run_emitter(size, n_max, fire_lanes, passes, *, queue=64, o_stall=0,
                ready_first=True):
    """Events of several passes; a pass is the levels of ``size`` neurons.

    A vector comes ``step_latency`` cycles after it was issued, and one a cycle is issued that may.
    """
    vectors = -(-size // fire_lanes)
    timing = StageTiming(vectors=vectors, read_latency=2, neuron_latency=5, queue=queue)
    dut = Emitter((size,), n_max, fire_lanes, timing)
    draw, found = random.Random(1), []

    async def sweep(ctx):
        padding = [0] * (vectors * fire_lanes - size)
        waiting = [{"levels": (levels + padding)[vector * fire_lanes:][:fire_lanes],
                    "address": {"channel": vector}, "end": vector == vectors - 1}
                   for levels in passes for vector in range(vectors)]
        under_way = [None] * timing.step_latency
        while waiting or any(under_way):
            under_way.append(waiting.pop(0) if waiting and ctx.get(dut.credit) else None)
            vector = under_way.pop(0)
            ctx.set(dut.valid, vector is not None)
            ctx.set(dut.i, vector or {})
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


@pytest.mark.parametrize("sink", SINKS)
def test_shortest_queue(sink):
    draw = random.Random(3)
    passes = [[draw.randint(0, 3) for _ in range(90)] for _ in range(4)]
    assert run_emitter(90, 3, 2, passes, queue=16, **sink) == expected_events(passes)


@pytest.mark.parametrize("levels", range(3 ** 4))
def test_every_pattern_of_a_vector(levels):
    passes = [[levels // 3 ** k % 3 for k in range(4)]] * 2
    assert run_emitter(4, 2, 4, passes) == expected_events(passes)


def test_run_stream_finds_a_dead_output():
    with pytest.raises(AssertionError, match="^no end after 50 cycles"):
        run_stream(BurstExpander(unsigned(2), range(4)), [{"base": 1, "level": 1, "end": 0}], 2,
                   timeout=50)
