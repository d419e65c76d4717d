import random

import pytest
from amaranth.hdl import unsigned

from qblif.golden.spec import as_map
from qblif.hw.core.burst import BurstExpander
from qblif.hw.core.emitter import Emitter
from qblif.hw.layout.addressing import address_bits
from qblif.hw.layout.latency import StageTiming
from qblif.hw.layout.passes import Passes
from qblif.sim.stream import run_stream, simulate_component, stream_checker, stream_get

SINKS = [{}, {"o_stall": 4}, {"o_stall": 1, "ready_first": False}]


def place(shape, channel, position):
    """Address of a channel of a position, in raster order."""
    low, middle, _ = address_bits(shape)
    row, column = divmod(position, as_map(shape)[2])
    return channel | column << low | row << low + middle


def run_emitter(shape, n_max, fire_lanes, steps, *, queue=64, o_stall=0, ready_first=True):
    """Events of several steps, ``(position, levels of its channels)``; markers as ``("end", row and
    column of the address)``.

    A vector comes ``step_latency`` cycles after it was issued, and one a cycle is issued that may.
    """
    channels, _, columns = as_map(shape)
    vectors, low = -(-channels // fire_lanes), address_bits(shape)[0]
    timing = StageTiming(passes=Passes(shape=shape, fire_lanes=fire_lanes, timesteps=1,
                                       width=vectors * fire_lanes),
                         read_latency=2, neuron_latency=5, queue=queue)
    dut = Emitter(shape, n_max, fire_lanes, timing)
    draw, found = random.Random(1), []

    async def sweep(ctx):
        padding = [0] * (vectors * fire_lanes - channels)
        waiting = [{"levels": (levels + padding)[vector * fire_lanes:][:fire_lanes],
                    "address": {"channel": vector, "column": position % columns,
                                "row": position // columns}, "end": vector == vectors - 1}
                   for position, levels in steps for vector in range(vectors)]
        under_way = [None] * timing.step_latency
        while waiting or any(under_way):
            under_way.append(waiting.pop(0) if waiting and ctx.get(dut.credit) else None)
            vector = under_way.pop(0)
            ctx.set(dut.valid, vector is not None)
            ctx.set(dut.i, vector or {})
            await ctx.tick()
        ctx.set(dut.valid, 0)

    async def sink(ctx):
        for _ in expected_events(shape, steps):
            event = await stream_get(ctx, dut.o, draw.randint(0, o_stall), ready_first)
            found.append(("end", event.address >> low) if event.end else
                         (event.address, event.level))

    simulate_component(dut, sweep, sink, background=[stream_checker(dut.o)], timeout=20_000)
    return found


def expected_events(shape, steps):
    low, found = address_bits(shape)[0], []
    for position, levels in steps:
        found += [(place(shape, c, position), level) for c, level in enumerate(levels) if level]
        found.append(("end", place(shape, 0, position) >> low))
    return found


def draw_steps(shape, shares, n_max=20):
    """Levels of a step for each share, with which a neuron fires; positions one after the other,
    several steps of each and several rounds of all."""
    draw = random.Random(shape[0])
    channels, rows, columns = as_map(shape)
    return [(number // 3 % (rows * columns),
             [draw.randint(1, n_max) if draw.random() < share else 0 for _ in range(channels)])
            for number, share in enumerate(shares)]


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("size, fire_lanes", [(1, 1), (5, 1), (4, 4), (7, 4), (33, 8), (2, 16)])
def test_random_passes(size, fire_lanes, sink):
    steps = draw_steps((size,), (0.3, 0, 1, 0.1, 1, 1, 0, 0.5))
    assert run_emitter((size,), 20, fire_lanes, steps, **sink) == expected_events((size,), steps)


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("fire_lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("shape", [(1, 2, 3), (3, 2, 2), (4, 1, 3), (5, 3, 1)])
def test_end_marker_has_the_address_of_its_position(shape, fire_lanes, sink):
    """Behind events, and where nothing fired at a position."""
    steps = draw_steps(shape, (0.3, 0, 1, 0, 0, 0, 1, 0.5, 0) * 4, n_max=3)
    assert run_emitter(shape, 3, fire_lanes, steps, **sink) == expected_events(shape, steps)


@pytest.mark.parametrize("sink", SINKS)
def test_shortest_queue(sink):
    steps = draw_steps((90,), [0.75] * 4, n_max=3)
    assert run_emitter((90,), 3, 2, steps, queue=16, **sink) == expected_events((90,), steps)


@pytest.mark.parametrize("sink", SINKS)
def test_markers_alone_fill_the_shortest_queue(sink):
    """Steps of one vector in which nothing fires: a marker a cycle."""
    steps = draw_steps((2, 3, 3), [0, 0.1] * 40, n_max=3)
    assert run_emitter((2, 3, 3), 3, 2, steps, queue=16, **sink) == expected_events(
        (2, 3, 3), steps)


@pytest.mark.parametrize("levels", range(3 ** 4))
def test_every_pattern_of_a_vector(levels):
    steps = [(0, [levels // 3 ** k % 3 for k in range(4)])] * 2
    assert run_emitter((4,), 2, 4, steps) == expected_events((4,), steps)


def test_run_stream_finds_a_dead_output():
    with pytest.raises(AssertionError, match="^no end after 50 cycles"):
        run_stream(BurstExpander(unsigned(2), range(4)), [{"base": 1, "level": 1, "end": 0}], 2,
                   timeout=50)
