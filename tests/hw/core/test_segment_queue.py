"""The segment queue alone: any events in any windows' rows, against what a reader must read."""

import itertools
import random

import pytest
from mutants import mutant
from poison import poisoned
from window_cases import engine_of, network

from qblif.hw.core.segment_queue import SegmentQueue
from qblif.hw.layout.latency import LOOKUP_LATENCY
from qblif.sim.stream import garbage, simulate_component, stream_checker, stream_get, wait


def engine(ports=1, lanes=4, timesteps=2):
    """Two synapses: windows of one pooled row, of up to three rows."""
    spec = network((2, 6, 4), 4, {"kernel": (1, 2), "pool": 2}, {"kernel": (3, 4), "stride": (2, 1),
                                                                 "padding": (1, 0)},
                   timesteps=timesteps)
    return engine_of(spec, ports=ports, lanes=lanes)


def short(ports=1, lanes=4):
    """One synapse, whose windows have one row."""
    return engine_of(network((2, 6, 4), 4, {"kernel": (1, 3)}), ports=ports, lanes=lanes)


def row_of(draw, engine, edge, last, empty=None):
    """A window's row, and where its events are."""
    buffer = engine.buffers[edge]
    conv, most = buffer.window.synapse, buffer.region_depth * engine.ports
    begin = draw.randint(0, most)
    end = begin if draw.random() < 0.4 else draw.randint(begin, most)
    if empty is not None:
        begin, end = (begin, begin) if empty else (draw.randint(0, most - 1), most)
    return {"release": 0, "edge": edge, "last": last, "empty": int(draw.random() < 0.1)
            if empty is None else 0, "tap": draw.randrange(conv.kernel[0] * conv.pool[0]),
            "column": draw.randrange(1 << buffer.column_bits), "row": draw.randrange(3),
            "slot": draw.randrange(buffer.rows), "region": draw.randrange(buffer.regions),
            }, begin, end


def step_of(draw, engine, patterns=None):
    """The rows of a step's windows; ``patterns``: which of them are empty."""
    if len(engine.buffers) == 1:
        edges = [0]
    else:
        edges = [0, *[1] * (len(patterns) - 1)] if patterns else [0, 0, *[1] * draw.randint(1, 3)]
    patterns = patterns or [None] * len(edges)
    return [row_of(draw, engine, edge, int(k == len(edges) - 1), empty)
            for k, (edge, empty) in enumerate(zip(edges, patterns, strict=True))]


def release_of(draw):
    return [({"release": 1, "row": draw.randrange(3), "last": 0, "empty": draw.randrange(2)}, 0, 0)]


def segment(engine, fields, begin, end):
    """What must come of a window's row."""
    buffer, ports = engine.buffers[fields["edge"]], engine.ports
    window = buffer.window
    numbers = range(begin, begin if fields["empty"] else end)
    base = (fields["slot"] * buffer.regions + fields["region"]) * buffer.region_depth
    banks = [[base + n // ports for n in numbers if n % ports == port] for port in range(ports)]
    taps = fields["tap"] // window.synapse.pool[0] * window.synapse.kernel[1]
    return {"edge": fields["edge"], "column": fields["column"],
            "weight": buffer.base + taps * window.reach, "banks": banks}


def expected(engine, steps):
    """Segments as they leave: ``(fields, word)``."""
    for step in steps:
        if step[0][0]["release"]:
            yield {"release": 1, "row": step[0][0]["row"]}, None
            continue
        found = [segment(engine, *row) for row in step]
        kept = [part for part in found if any(part["banks"])]
        for word in range(engine.words):
            for k, part in enumerate(kept or [{"banks": [[]] * engine.ports}]):
                yield part | {"release": 0, "last": int(k == max(0, len(kept) - 1))}, word


def look_up(dut, rows):
    """The line buffers: what they find in each row, in time."""
    async def answer(ctx):
        waiting, under_way = list(rows), [None] * (LOOKUP_LATENCY - 2)
        async for _, _, valid in ctx.tick().sample(dut.valid):
            under_way.append(waiting.pop(0) if valid else None)
            fields, begin, end = under_way.pop(0) or ({}, 0, 0)
            for k in range(len(dut.engine.buffers)):
                mine = fields.get("edge") == k
                ctx.set(getattr(dut, f"begin_{k}"), begin if mine else garbage(2))
                ctx.set(getattr(dut, f"end_{k}"), end if mine else garbage(2))
    return answer


def run(dut, engine, steps, *, gaps=0.0, stall=0, seed=0, timeout=50_000):
    """What leaves and what must."""
    draw, found = random.Random(seed), []
    wanted = list(expected(engine, steps))

    rows = list(itertools.chain(*steps))

    async def push(ctx):
        for fields, _, _ in rows:
            while draw.random() < gaps or not ctx.get(dut.room):
                await ctx.tick()
            ctx.set(dut.valid, 1)
            ctx.set(dut.i, fields)
            await ctx.tick()
            ctx.set(dut.valid, 0)

    async def pop(ctx):
        for fields, _ in wanted:
            await wait(ctx, draw.choice([0, stall]))
            while not ctx.get(dut.o.valid):
                await ctx.tick()
            word = ctx.get(dut.word)
            taken = await stream_get(ctx, dut.o)
            banks = [list(range(first, first + count))
                     for first, count in zip(taken.first, taken.count, strict=True)]
            part = {name: banks if name == "banks" else int(taken[name]) for name in fields}
            found.append((part, None if taken.release else word))

    with poisoned():
        simulate_component(dut, push, pop, timeout=timeout,
                           background=[stream_checker(dut.o), look_up(dut, rows)])
    return found, wanted


def check(dut, engine, steps, **options):
    found, wanted = run(dut, engine, steps, **options)
    assert found == wanted


@pytest.mark.parametrize("lanes, gaps", [(4, 0), (2, 0.5)])
def test_every_pattern_of_empty_rows(lanes, gaps):
    """Of steps of two and three rows, with target rows' ends behind some of them, in pairs."""
    layout, draw = engine(lanes=lanes), random.Random(0)
    patterns = [p for n in (2, 3) for p in itertools.product((False, True), repeat=n)]
    steps = []
    for first, then in itertools.product(patterns, repeat=2):
        for ends in (0, 1):
            steps += [step_of(draw, layout, first), *[release_of(draw)] * ends,
                      step_of(draw, layout, then)]
    check(SegmentQueue(layout), layout, steps, gaps=gaps)


@pytest.mark.parametrize("ports, lanes, gaps", [(1, 4, 0), (2, 2, 0.5)])
def test_steps_of_one_row(ports, lanes, gaps):
    layout, draw = short(ports, lanes), random.Random(0)
    check(SegmentQueue(layout), layout, short_steps(layout, draw), gaps=gaps)


def short_steps(layout, draw):
    """Every pattern of four steps, with target rows' ends behind some of them."""
    return [step for pattern in itertools.product((False, True), repeat=4) for empty in pattern
            for step in (step_of(draw, layout, [empty]), *[release_of(draw)] * draw.randint(0, 1))]


@pytest.mark.parametrize("gaps, stall", [(0, 0), (0.7, 0), (0, 20), (0.3, 3)])
@pytest.mark.parametrize("ports, lanes", [(1, 4), (2, 2), (4, 1)])
def test_windows(ports, lanes, gaps, stall):
    layout, draw = engine(ports, lanes), random.Random(ports)
    steps = [release_of(draw) if draw.random() < 0.2 else step_of(draw, layout)
             for _ in range(40)]
    check(SegmentQueue(layout), layout, steps, gaps=gaps, stall=stall)


def test_latency():
    """A step's last row, and a target row's end, are there two cycles after they are found."""
    layout, draw = engine(), random.Random(0)
    for row in (step_of(draw, layout, [False, False])[1], *release_of(draw)):
        dut, seen = SegmentQueue(layout), []

        async def push(ctx, dut=dut, seen=seen, row=row):
            ctx.set(dut.valid, 1)
            ctx.set(dut.i, row[0])
            for _ in range(LOOKUP_LATENCY + 4):
                seen.append(ctx.get(dut.o.valid))
                await ctx.tick()
                ctx.set(dut.valid, 0)

        simulate_component(dut, push, background=[look_up(dut, [row])])
        assert seen == [0] * (LOOKUP_LATENCY + 2) + [1, 1]


def test_a_row_a_cycle():
    layout, draw = engine(), random.Random(0)
    steps = [step_of(draw, layout, [False, False]) for _ in range(50)]
    # The reader takes all of them at once; the test's own pop takes none in its first cycle.
    run(SegmentQueue(layout), layout, steps, timeout=2 * 100 + 10)


@pytest.mark.parametrize("old, new", [
    ("fifo.depth - TOKEN_ROOM", "fifo.depth - 1"),
    ("came & ~new.release & new.last & ~some & holding & ~alone",
     "came & ~new.release & new.last & ~some & holding"),
    ("push.last.eq(held.last | closes)", "push.last.eq(held.last)"),
    ("skip = engine.ports - 1 - port", "skip = port"),
    ("(begin + skip) >> bits, (end + skip) >> bits", "begin >> bits, end >> bits"),
    ("place // pool * columns * window.reach", "place * columns * window.reach"),
    ("Mux(row.empty, 0, after - first)", "after - first"),
])
def test_a_broken_rule_is_found(old, new):
    layout, draw = engine(ports=2, lanes=2), random.Random(3)
    steps = [release_of(draw) if draw.random() < 0.2 else step_of(draw, layout)
             for _ in range(40)]
    kind = mutant(SegmentQueue, old, new)
    with pytest.raises(AssertionError):
        check(kind(short()), short(), short_steps(short(), draw))
        check(kind(layout), layout, steps, stall=30, timeout=3_000)
