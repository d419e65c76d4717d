import random

import pytest

from qblif.hw.core.readout import ArgMax
from qblif.sim.stream import simulate_component, stream_checker, stream_get

SINKS = [{}, {"o_stall": 4}, {"o_stall": 1, "ready_first": False}]


def run_argmax(membranes, **sink):
    size = len(membranes[0])
    dut = ArgMax(size, 5)
    found, draw = [], random.Random(0)

    async def sweep(ctx):
        for frame in membranes:
            while not ctx.get(dut.credit):
                await ctx.tick()
            ctx.set(dut.start, 1)
            for neuron, v in enumerate(frame):
                await ctx.tick()
                ctx.set(dut.start, 0)
                ctx.set(dut.valid, 1)
                ctx.set(dut.neuron, neuron)
                ctx.set(dut.score, v)
                ctx.set(dut.end, neuron == size - 1)
            await ctx.tick()
            ctx.set(dut.valid, 0)

    async def take(ctx):
        for _ in membranes:
            payload = await stream_get(ctx, dut.o, draw.randint(0, sink.get("o_stall", 0)),
                                       sink.get("ready_first", True))
            found.append(payload.label)

    simulate_component(dut, sweep, take, background=[stream_checker(dut.o)], timeout=20_000)
    return found


@pytest.mark.parametrize("sink", SINKS)
def test_argmax_every_pair_and_ties(sink):
    pairs = [[a, b] for a in range(-16, 16, 3) for b in range(-16, 16, 3)] + [[-16, -16], [15, 15]]
    assert run_argmax(pairs, **sink) == [int(b > a) for a, b in pairs]


@pytest.mark.parametrize("size", [1, 3, 10])
def test_argmax_random(size):
    draw = random.Random(size)
    frames = [[draw.randint(-16, 15) for _ in range(size)] for _ in range(60)]
    assert run_argmax(frames) == [frame.index(max(frame)) for frame in frames]
