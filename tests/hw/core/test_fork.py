import random

import pytest

from qblif.hw.core.fork import Fork
from qblif.sim.stream import simulate_component, stream_checker, stream_get, stream_put


@pytest.mark.parametrize("ready_first", [True, False])
@pytest.mark.parametrize("stall", [0, 3])
@pytest.mark.parametrize("count", [2, 3])
def test_every_sink_gets_every_payload_once(count, stall, ready_first):
    dut, items = Fork(8, count), list(range(60))
    outputs = [getattr(dut, f"o_{k}") for k in range(count)]
    found, draw = [[] for _ in outputs], random.Random(0)

    async def source(ctx):
        for item in items:
            await stream_put(ctx, dut.i, item, draw.randint(0, stall))

    def sink(output, taken):
        async def take(ctx):
            for _ in items:
                taken.append(await stream_get(ctx, output, draw.randint(0, stall), ready_first))
        return take

    simulate_component(dut, source, *map(sink, outputs, found),
                       background=list(map(stream_checker, outputs)), timeout=2_000)
    assert found == [items] * count


def test_a_payload_a_cycle():
    dut = Fork(8, 2)

    async def source(ctx):
        for item in range(50):
            await stream_put(ctx, dut.i, item)

    async def sink(ctx):
        ctx.set(dut.o_0.ready, 1)
        ctx.set(dut.o_1.ready, 1)
        for item in range(50):
            _, _, *both = await ctx.tick().sample(dut.o_0.payload, dut.o_1.payload)
            assert both == [item, item]

    simulate_component(dut, source, sink, timeout=52)
