import random

import pytest

from qblif.hw.core.queue import EventQueue
from qblif.sim.stream import simulate_component, stream_checker, stream_get, wait


def test_queue_passes_items_in_order():
    dut, found, draw = EventQueue(8, 16), [], random.Random(0)
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

    simulate_component(dut, push, pop, background=[stream_checker(dut.o)])
    assert found == items


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
