"""A line buffer alone: every span of columns of every row, against the levels that went in."""

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest
from mutants import mutant
from poison import poisoned
from window_cases import draw_levels, engine_of, network, transfers

from qblif.hw.core.line_buffer import LineBuffer
from qblif.hw.layout.latency import LOOKUP_LATENCY
from qblif.sim.stream import garbage, simulate_component, stream_put, wait


def layout_of(source, rows, timesteps=1, ports=1, kernel=2, n_max=5, stride=1):
    """A line buffer of so many rows of maps of this shape."""
    spec = network(source, 1, {"kernel": (1, kernel), "padding": (0, kernel - 1),
                               "stride": stride}, timesteps=timesteps)
    spec = replace(spec, input=replace(spec.input, n_max=n_max))
    return replace(engine_of(spec, ports=ports).buffers[0], rows=rows)


def expected(layout, levels, row, region, first, last):
    """``(column, channel, level - 1)`` of the events of these columns."""
    mask = (1 << layout.entry_column_bits) - 1
    return [(column & mask, int(channel), int(levels[region, channel, row, column]) - 1)
            for column in range(first, last + 1)
            for channel in np.flatnonzero(levels[region, :, row, column])]


def spans(layout, draw, every):
    """``(region, first, last)`` of what is read of a row."""
    columns = layout.window.source[2]
    found = [(region, first, last) for first in range(columns) for last in range(first, columns)
             for region in range(layout.regions)]
    return found if every else draw.sample(found, min(len(found), 4))


async def read(ctx, dut, slot, region, first, last):
    """The entries of these columns, in order; an address a cycle for each bank."""
    layout, ports = dut.layout, dut.layout.ports
    ctx.set(dut.lookup, {"first": first, "last": last, "region": region, "slot": slot})
    await ctx.tick()
    ctx.set(dut.lookup, {name: garbage(len(dut.lookup[name])) for name in ("first", "slot")})
    await wait(ctx, LOOKUP_LATENCY - 2)
    begin, end = ctx.get(dut.begin), ctx.get(dut.end)
    base = (slot * layout.regions + region) * layout.region_depth
    numbers = [range(begin + (port - begin) % ports, end, ports) for port in range(ports)]
    beats, found = max(map(len, numbers), default=0), {}
    for beat in range(beats + 2):  # Entries come two cycles after their addresses.
        for port, mine in enumerate(numbers):
            if beat < len(mine):
                ctx.set(dut.address[port], base + mine[beat] // ports)
            if 0 <= beat - 2 < len(mine):
                entry = ctx.get(dut.entries[port])
                found[mine[beat - 2]] = entry.column, entry.channel, entry.level
        await ctx.tick()
    return [entry for _, entry in sorted(found.items())]


def run(dut, frames, *, every=False, stall=0, late=0, seed=0, timeout=40_000):
    """``[(what is read, what went in)]`` of each span.

    Each row is read while it comes, column by column, and is then released ``late`` cycles later.
    """
    layout, draw, found = dut.layout, random.Random(seed), []
    _, height, columns = layout.window.source
    written, taken = [0], [0]

    async def source(ctx):
        for levels in frames:
            for item in transfers(levels):
                if item["end"]:
                    item |= {"address": garbage(len(dut.i.p.address)),
                             "level": garbage(len(dut.i.p.level))}
                await stream_put(ctx, dut.i, item, draw.randint(0, stall))

    async def sink(ctx):
        for number, row in enumerate(itertools.chain(*[range(height)] * len(frames))):
            levels = frames[number // height]
            for region, first, last in sorted(spans(layout, draw, every), key=lambda s: s[2]):
                while written[0] < number or (
                        written[0] == number and ctx.get(dut.column) <= last):
                    await ctx.tick()
                entries = await read(ctx, dut, number % layout.rows, region, first, last)
                found.append((entries, expected(layout, levels, row, region, first, last)))
            while written[0] <= number:
                await ctx.tick()
            await wait(ctx, draw.randint(0, late))
            ctx.set(dut.release, 1)
            await ctx.tick()
            ctx.set(dut.release, 0)
        assert taken[0] == sum(np.count_nonzero(levels) for levels in frames)

    async def watch(ctx):
        async for _, _, whole, event in ctx.tick().sample(dut.written, dut.taken):
            written[0] += whole
            taken[0] += event

    with poisoned():
        simulate_component(dut, source, sink, background=[watch], timeout=timeout)
    return found


def check(dut, frames, **options):
    for entries, went_in in run(dut, frames, **options):
        assert entries == went_in


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("ports", [1, 2])
def test_every_frame_of_a_small_map(ports, rows):
    """All maps of 2 channels, 1 row and 2 columns with levels up to 2."""
    layout = layout_of((2, 1, 2), rows, ports=ports, n_max=2)
    frames = [np.reshape(levels, (1, 2, 1, 2))
              for levels in itertools.product(range(3), repeat=4)]
    check(LineBuffer(layout), frames, every=True)


@pytest.mark.parametrize("stall, late", [(0, 0), (2, 0), (0, 40)])
@pytest.mark.parametrize("source, rows, timesteps, ports, kernel", [
    ((5, 3, 7), 2, 3, 4, 3), ((3, 4, 5), 3, 2, 2, 9), ((17, 2, 3), 4, 1, 1, 1),
    ((1, 5, 1), 2, 4, 1, 2), ((4, 1, 4), 1, 2, 2, 4)])
def test_maps(source, rows, timesteps, ports, kernel, stall, late):
    layout = layout_of(source, rows, timesteps, ports, kernel, n_max=20)
    draw = np.random.default_rng(rows)
    frames = [draw_levels(draw, (timesteps, *source), 20) for _ in range(3)]
    full = np.full((timesteps, *source), 20)
    check(LineBuffer(layout), [full, *frames, full], stall=stall, late=late)


def test_a_transfer_a_cycle():
    layout = layout_of((3, 4, 3), 2)
    dut, frames = LineBuffer(layout), [np.ones((1, 3, 4, 3), int)] * 2

    async def source(ctx):
        for item in itertools.chain(*map(transfers, frames)):
            await stream_put(ctx, dut.i, item)

    async def release(ctx):  # As soon as there is a row.
        while True:
            ctx.set(dut.release, ctx.get(dut.written))
            await ctx.tick()

    simulate_component(dut, source, background=[release], timeout=2 * 12 * 4 + 1)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_it_takes_as_many_rows_as_it_has(rows):
    """And another in the cycle after one is released, even several at once."""
    dut, written = LineBuffer(layout_of((1, 4, 2), rows, stride=2)), [0]
    assert dut.drops == 2

    async def source(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.p, {"end": 1})
        released = 0
        for count in (0, 1, 2, 1, 2):
            ctx.set(dut.release, count)
            await ctx.tick()
            ctx.set(dut.release, 0)
            assert ctx.get(dut.i.ready)
            await wait(ctx, 30)
            assert not ctx.get(dut.i.ready)
            released += count
            assert written[0] == released + rows

    async def watch(ctx):
        async for _, _, whole in ctx.tick().sample(dut.written):
            written[0] += whole

    simulate_component(dut, source, background=[watch])


def test_an_event_out_of_order():
    dut = LineBuffer(layout_of((2, 2, 3), 2))

    async def source(ctx):
        await stream_put(ctx, dut.i, {"address": 0, "level": 1, "end": 0})
        await stream_put(ctx, dut.i, {"address": 2, "level": 1, "end": 0})  # Column 1, no marker.

    with pytest.raises(AssertionError, match="an event of input out of order$"):
        simulate_component(dut, source)


@pytest.mark.parametrize("old, new", [
    ("room.eq(held_next < layout.rows)", "room.eq(held_next <= layout.rows)"),
    ("[head.eq(ring[0]), tail.eq(ring[0])]", "[head.eq(tail), tail.eq(ring[0])]"),
    ("m.d.sync += [register.eq(0) for register in (head, *ring)]",
     "m.d.sync += [register.eq(0) for register in (head, tail)]"),
    ("Cat(place[:len(self.lookup.first)], region, slot)",
     "Cat(place[:len(self.lookup.first)], slot)"),
    ("* layout.regions + step) * layout.region_depth",
     "* layout.regions + step) * (layout.region_depth - 1)"),
    ("base + (tail >> bits)", "base + (tail >> bits + 1)"),
])
def test_a_broken_rule_is_found(old, new):
    """And memories that are read one cycle after they are written, see :mod:`test_poison`."""
    kind, full = mutant(LineBuffer, old, new), np.ones((2, 2, 2, 3), int)
    with pytest.raises(AssertionError):
        check(kind(layout_of((2, 2, 3), 2, timesteps=2, ports=2)), [full] * 3, every=True, late=60,
              timeout=3_000)
