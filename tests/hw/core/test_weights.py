import random

import pytest

from qblif.hw.core.weights import WeightMemory
from qblif.hw.layout.memories import MEMORIES, pack
from qblif.sim.stream import simulate_component

LATENCY = 2


def draw_words(depth, lanes, w_width):
    draw, half = random.Random(depth), 1 << w_width - 1
    return [[draw.randrange(-half, half) for _ in range(lanes)] for _ in range(depth)]


def read(dut, addresses, writes=()):
    """Words at ``addresses``, one a cycle, after ``writes`` of ``(slice, address, data)``."""
    found = []

    async def run(ctx):
        for index, address, value in writes:
            ctx.set(dut.write, 1 << index)
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, value)
            await ctx.tick()
        ctx.set(dut.write, 0)
        for k in range(len(addresses) + LATENCY):
            ctx.set(dut.address, addresses[min(k, len(addresses) - 1)])
            _, _, word = await ctx.tick().sample(dut.weights)
            found.append([int(weight) for weight in word])

    simulate_component(dut, run, timeout=len(addresses) + len(writes) + 20)
    return found[LATENCY:]


def slice_writes(dut, words):
    return [(index, address, pack(word, dut.w_width, index * dut.slice_lanes, dut.slice_lanes))
            for index in range(dut.slices) for address, word in enumerate(words)]


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("depth, lanes, w_width", [
    (1, 1, 2), (5, 3, 8), (300, 5, 4), (600, 7, 6), (1100, 3, 8), (40, 9, 16), (1152, 8, 8),
    (1153, 5, 7), (3456, 4, 8)])
def test_loaded(depth, lanes, w_width, memory):
    dut = WeightMemory(depth=depth, lanes=lanes, w_width=w_width, memory=memory)
    words = draw_words(depth, lanes, w_width)
    order = random.Random(1).sample(range(depth), min(depth, 60))
    order += [edge + k for part in dut.geometry.parts[1:] for edge in [part.start] for k in (-1, 0)]
    assert read(dut, order, slice_writes(dut, words)) == [words[a] for a in order]


@pytest.mark.parametrize("depth, lanes, w_width", [(5, 3, 8), (600, 7, 6)])
def test_baked(depth, lanes, w_width):
    words = draw_words(depth, lanes, w_width)
    dut = WeightMemory(depth=depth, lanes=lanes, w_width=w_width, init=words)
    assert read(dut, list(range(depth))) == words


def test_several_blocks_of_rows():
    words = draw_words((1 << 14) + 40, 1, 2)
    dut = WeightMemory(depth=len(words), lanes=1, w_width=2, init=words)
    edge = 1 << 14
    order = [0, edge, edge - 1, edge + 39, 1, edge + 1, edge - 2]
    writes = [(0, edge + 1, pack(words[5], 2)), (0, 1, pack(words[6], 2))]
    changed = {edge + 1: words[5], 1: words[6]}
    assert read(dut, order, writes) == [changed.get(a, words[a]) for a in order]
