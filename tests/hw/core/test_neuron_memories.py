import random

import pytest
from poison import poisoned

from qblif.golden.spec import Neuron
from qblif.hw.core.neuron import NeuronState
from qblif.hw.core.neuron_memories import BiasMemories, StateMemory
from qblif.sim.stream import simulate_component

LATENCY = 2


def cell(v_width):
    return NeuronState(Neuron(quantiser=None, v_width=v_width))


@pytest.mark.parametrize("count, fire_lanes", [(1, 1), (3, 2), (20, 1)])
def test_state_is_what_was_written(count, fire_lanes):
    dut = StateMemory(cell=cell(5), fire_lanes=fire_lanes, rows=count)
    draw, found = random.Random(0), []
    rows = [[{"v": draw.randint(-16, 15), "fired": draw.randint(0, 1)} for _ in range(fire_lanes)]
            for _ in range(count)]

    async def feed(ctx):
        ctx.set(dut.write, 1)
        for k, row in enumerate(rows):
            ctx.set(dut.write_address, k)
            ctx.set(dut.new, row)
            await ctx.tick()
        ctx.set(dut.write, 0)
        for k in range(count + LATENCY):
            ctx.set(dut.address, min(k, count - 1))
            _, _, row = await ctx.tick().sample(dut.state)
            found.append([{"v": s.v, "fired": s.fired} for s in row])

    simulate_component(dut, feed)
    assert found[LATENCY:] == rows


@pytest.mark.parametrize("count", [2, 3, 16, 17])
def test_rows_are_read_while_others_are_written(count):
    """In block RAM and outside of it; a row is read from the cycle behind its write on."""
    dut, draw = StateMemory(cell=cell(4), fire_lanes=1, rows=count), random.Random(count)
    rows, found, expected = [(0, 0)] * count, [], []

    async def feed(ctx):
        for _ in range(300):
            writes, write_address = draw.randint(0, 1), draw.randrange(count)
            address = draw.randrange(count)
            if writes and address == write_address:
                address = (address + 1) % count
            row = draw.randint(-8, 7), draw.randint(0, 1)
            expected.append(rows[address])
            ctx.set(dut.address, address)
            ctx.set(dut.write, writes)
            ctx.set(dut.write_address, write_address)
            ctx.set(dut.new, [{"v": row[0], "fired": row[1]}])
            _, _, state = await ctx.tick().sample(dut.state)
            found.append((state[0].v, state[0].fired))
            if writes:
                rows[write_address] = row

    with poisoned():
        simulate_component(dut, feed)
    assert found[LATENCY:] == expected[:-LATENCY]


@pytest.mark.parametrize("baked", [False, True])
@pytest.mark.parametrize("channels, fire_lanes", [(1, 1), (5, 2), (40, 2)])
def test_biases(channels, fire_lanes, baked):
    draw, found, rows = random.Random(channels), [], -(-channels // fire_lanes)
    biases = [draw.randint(-8, 7) for _ in range(channels)]
    dut = BiasMemories(width=4, fire_lanes=fire_lanes, rows=rows, init=biases if baked else None)

    async def feed(ctx):
        for k, bias in enumerate([] if baked else biases):
            ctx.set(dut.write, 1 << k % fire_lanes)
            ctx.set(dut.write_address, k // fire_lanes)
            ctx.set(dut.write_data, bias & 15)
            await ctx.tick()
        ctx.set(dut.write, 0)
        for k in range(rows + LATENCY):
            ctx.set(dut.address, min(k, rows - 1))
            _, _, row = await ctx.tick().sample(dut.bias)
            found.append([int(b) for b in row])

    simulate_component(dut, feed)
    assert sum(found[LATENCY:], [])[:channels] == biases
