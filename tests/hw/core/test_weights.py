import random
from unittest import mock

import pytest
from amaranth.lib import memory as memories
from poison import poisoned

from qblif.hw.core.weights import WeightMemory
from qblif.hw.layout.memories import MEMORIES, pack
from qblif.sim.stream import simulate_component

LATENCY = 2


def draw_words(depth, lanes, w_width):
    draw, half = random.Random(depth), 1 << w_width - 1
    return [[draw.randrange(-half, half) for _ in range(lanes)] for _ in range(depth)]


def read(dut, addresses, writes=(), port=0):
    """Words at ``addresses``, one a cycle, after ``writes`` of ``(slice, address, data)``."""
    return read_ports(dut, [addresses], writes, first=port)[0]


def read_ports(dut, addresses, writes=(), first=0):
    """The same for several ports at once: words at each port's addresses."""
    ports, count = range(first, first + len(addresses)), len(addresses[0])
    found = [[] for _ in ports]

    async def run(ctx):
        ctx.set(dut.writing, bool(writes))
        for index, address, value in writes:
            ctx.set(dut.write, 1 << index)
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, value)
            await ctx.tick()
        ctx.set(dut.write, 0)
        ctx.set(dut.writing, 0)
        for k in range(count + LATENCY):
            for port, order in zip(ports, addresses, strict=True):
                ctx.set(getattr(dut, f"address_{port}"), order[min(k, count - 1)])
            _, _, *words = await ctx.tick().sample(*(getattr(dut, f"weights_{port}")
                                                     for port in ports))
            for row, word in zip(found, words, strict=True):
                row.append([int(weight) for weight in word])

    with poisoned():
        simulate_component(dut, run, timeout=count + len(writes) + 20)
    return [row[LATENCY:] for row in found]


def slice_writes(dut, words):
    return [(index, address, pack(word, dut.w_width, index * dut.slice_lanes, dut.slice_lanes))
            for index in range(dut.slices) for address, word in enumerate(words)]


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("depth, lanes, w_width", [
    (1, 1, 2), (5, 3, 8), (300, 5, 4), (600, 7, 6), (1100, 3, 8), (40, 9, 16), (1152, 8, 8),
    (1153, 5, 7), (3456, 4, 8), (1100, 10, 8)])
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


@pytest.mark.parametrize("ports", [2, 4])
@pytest.mark.parametrize("memory", [memory for memory in MEMORIES if memory != "spram"])
@pytest.mark.parametrize("depth, lanes, w_width", [
    (1, 1, 2), (5, 3, 8), (40, 9, 16), (300, 5, 4), (1100, 3, 8), (1153, 5, 7)])
def test_ports(depth, lanes, w_width, memory, ports):
    """Each port reads its own word; two of a copy the same and different ones, and over the edges
    of the parts."""
    dut = WeightMemory(depth=depth, lanes=lanes, w_width=w_width, memory=memory, ports=ports)
    words, draw = draw_words(depth, lanes, w_width), random.Random(1)
    edges = [part.start + k for part in dut.geometry.parts[1:] for k in (-1, 0)] or [0]
    orders = [[draw.choice([*edges, draw.randrange(depth)]) for _ in range(80)]
              for _ in range(ports)]
    orders[-1][40:] = orders[0][40:]
    found = read_ports(dut, orders, slice_writes(dut, words))
    assert found == [[words[a] for a in order] for order in orders]


@pytest.mark.parametrize("ports", [2, 4])
def test_ports_of_baked_weights(ports):
    words = draw_words(70, 3, 6)
    dut = WeightMemory(depth=70, lanes=3, w_width=6, init=words, ports=ports)
    orders = [[(k * (port + 1)) % 70 for k in range(70)] for port in range(ports)]
    changed = {5: words[6], 69: words[0]}
    writes = [(index, address, pack(word, 6, index * dut.slice_lanes, dut.slice_lanes))
              for index in range(dut.slices) for address, word in changed.items()]
    assert read_ports(dut, orders, writes) == [
        [changed.get(a, words[a]) for a in order] for order in orders]


@pytest.mark.parametrize("memory, ports", [("spram", 1), ("block", 2), ("packed", 4)])
def test_a_write_has_the_address_of_a_read_port(memory, ports):
    """So that a memory has one address more than the ports that read it alone: two at most, on an
    ECP5 all that there are.  The port does not read in that cycle."""
    found, draw = [], random.Random(0)
    dut = WeightMemory(depth=600, lanes=4, w_width=8, memory=memory, ports=ports)

    class Found(memories.Memory):
        def __init__(self, **parameters):
            super().__init__(**parameters)
            found.append(self)

    async def run(ctx):
        for _ in range(100):
            enables = draw.getrandbits(dut.slices)
            ctx.set(dut.write, enables)
            ctx.set(dut.writing, enables != 0)
            for name in ("write_address", *(f"address_{port}" for port in range(ports))):
                ctx.set(getattr(dut, name), draw.randrange(600))
            await ctx.tick()
            for cells in found:
                *_, shared = cells.read_ports
                write, = cells.write_ports
                assert len(cells.read_ports) == min(ports, 2)
                if enables:
                    assert ctx.get(shared.addr) == ctx.get(write.addr)
                assert not (ctx.get(shared.en) and ctx.get(write.en))
                assert ctx.get(shared.en) or enables

    with mock.patch.object(memories, "Memory", Found):
        simulate_component(dut, run)
    assert len(found) >= dut.geometry.copies * dut.slices
