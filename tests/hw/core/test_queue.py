import random

import pytest
from poison import poisoned

from qblif.hw.core.queue import EventQueue
from qblif.sim.stream import simulate_component, stream_checker, stream_get, wait


@pytest.mark.parametrize("depth", [2, 16, 64])
def test_queue_passes_items_in_order(depth):
    """In block RAM and outside of it; the writer keeps it full for a while, and empty."""
    dut, found, draw = EventQueue(8, depth), [], random.Random(0)
    assert dut.depth == depth
    items = [draw.randint(0, 255) for _ in range(200)]

    async def push(ctx):
        for k, item in enumerate(items):
            while k - len(found) >= dut.depth or draw.random() < 0.3:
                ctx.set(dut.push, 0)
                await ctx.tick()
            ctx.set(dut.push, 1)
            ctx.set(dut.item, item)
            await ctx.tick()
        ctx.set(dut.push, 0)

    async def pop(ctx):
        for _ in items:
            found.append(await stream_get(ctx, dut.o, draw.choice([0, 0, 0, 12])))

    with poisoned():
        simulate_component(dut, push, pop, background=[stream_checker(dut.o)])
    assert found == items


@pytest.mark.parametrize("depth", [2, 16])
def test_latency_and_throughput(depth):
    """Into an empty queue: three cycles to its output; an item a cycle from there on."""
    dut, found = EventQueue(8, depth), []

    async def push(ctx):
        ctx.set(dut.o.ready, 1)
        for item in range(20):
            ctx.set(dut.push, 1)
            ctx.set(dut.item, item)
            _, _, valid, o, level = await ctx.tick().sample(dut.o.valid, dut.o.p, dut.level)
            found.append(o if valid else None)
            assert level <= 2

    simulate_component(dut, push)
    assert found == [None] * 3 + list(range(17))


def test_push_into_a_full_queue():
    dut = EventQueue(8, 16)

    async def push(ctx):
        ctx.set(dut.push, 1)
        await wait(ctx, dut.depth + 3)  # Two go on into the output registers: one too many.

    with pytest.raises(AssertionError, match="push into a full queue$"):
        simulate_component(dut, push)


def test_a_queue_can_be_filled():
    dut, found = EventQueue(8, 16), []

    async def push(ctx):
        for item in range(dut.depth + 2):
            ctx.set(dut.push, 1)
            ctx.set(dut.item, item)
            await ctx.tick()
        ctx.set(dut.push, 0)
        assert ctx.get(dut.level) == dut.depth
        for _ in range(dut.depth + 2):
            found.append(await stream_get(ctx, dut.o))

    simulate_component(dut, push)
    assert found == list(range(dut.depth + 2))
