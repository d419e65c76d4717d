"""The window reader alone: segments of line buffers that are played, to bursts."""

import random
from dataclasses import dataclass

import pytest
from mutants import mutant
from poison import poisoned
from window_cases import engine_of, network

from qblif.hw.core.window_reader import WindowReader
from qblif.hw.layout.latency import READ_DEPTH, READ_LATENCY
from qblif.sim.stream import (
    garbage,
    simulate_component,
    stream_checker,
    stream_get,
    stream_put,
    wait,
)

ENGINES = {  # Two synapses, words with weights of some channels only, one tap.
    "two": (((4, 5, 5), 4, {"kernel": 3, "padding": 1, "groups": 2}, {"kernel": (1, 3),
                                                                     "padding": (0, 1)}), 2),
    "groups": (((6, 4, 4), 6, {"kernel": 2, "groups": 3}), 2),
    "pool": (((3, 4, 6), 3, {"kernel": (1, 2), "pool": 2}), 3),
    "point": (((5, 3, 3), 5, {"kernel": 1}), 5),
}


def engine(name, ports=1):
    case, lanes = ENGINES[name]
    return engine_of(network(*case), ports=ports, lanes=lanes)


@dataclass
class Played:
    """A segment's fields, the entries that it reads, by port and address, and the bursts that they
    must become, by word and port."""

    fields: dict
    entries: dict
    bursts: list


def segment_of(draw, engine, last, counts=None):
    """A segment of any window's row."""
    edge = draw.randrange(len(engine.buffers))
    buffer, ports = engine.buffers[edge], range(engine.ports)
    window, conv = buffer.window, buffer.window.synapse
    if counts is None:
        most = draw.choice([0, 1, 2, 6]) or int(not last)
        counts = [draw.randint(0, min(most, buffer.region_depth)) for _ in ports]
        counts[draw.choice(ports)] = min(most, buffer.region_depth)
    span = draw.choice([span for span in window.columns if span.count])
    tap = draw.randrange(conv.kernel[0])
    first = [draw.randint(0, buffer.depth - count) for count in counts]
    played = Played(
        {"release": 0, "last": int(last), "edge": edge, "first": first, "count": counts,
         "column": span.low % (1 << buffer.column_bits),
         "weight": buffer.base + tap * conv.kernel[1] * window.reach}, {},
        [[[] for _ in ports] for _ in range(engine.words)])
    for port in ports:
        for k in range(counts[port]):
            channel, column = draw.randrange(window.source[0]), draw.randrange(span.first, span.end)
            level = draw.randint(1, buffer.source.emit_max)
            played.entries[port, first[port] + k] = {
                "column": column % (1 << buffer.entry_column_bits), "channel": channel,
                "level": level - 1}
            place = tap * conv.kernel[1] + (column - span.low) // conv.pool[1]
            end = int(last and k == counts[port] - 1)
            for word, low in enumerate(window.lows):
                reached = low <= channel < low + window.reach
                played.bursts[word][port].append((
                    level if reached else 0, end, edge if reached else None, buffer.base
                    + (word * window.taps + place) * window.reach + channel - low
                    if reached else None))
        if last and not counts[port]:  # Of level 0: nobody's.
            for word in played.bursts:
                word[port].append((0, 1, None, None))
    return played


def run(dut, steps, *, gaps=0, stall=0, seed=0, timeout=30_000):
    """``(bursts, expected)`` of each port, ``(releases, expected)`` of each synapse, and the cycle
    of each burst; ``steps`` are lists of segments, or the number of a target row that ends."""
    layout, draw = dut.engine, random.Random(seed)
    ports, edges = range(layout.ports), range(len(layout.buffers))
    offered = []
    for step in steps:
        if isinstance(step, int):
            counts = [garbage(1) for _ in ports]
            offered.append((Played({"release": 1, "row": step, "count": counts}, {}, []), 0))
        else:
            offered += [(segment, word) for word in range(layout.words) for segment in step]
    bursts = [[burst for segment, word in offered if segment.bursts
               for burst in segment.bursts[word][port]] for port in ports]
    drops = [[buffer.window.drops[step] for step in steps if isinstance(step, int)]
             for buffer in layout.buffers]
    found, released, times = [[] for _ in ports], [[] for _ in edges], []
    entries = {}  # Of the segment that is in the reader.

    async def source(ctx):
        for segment, word in offered:
            ctx.set(dut.word, word)
            await stream_put(ctx, dut.i, segment.fields, draw.choice([0, gaps]))
            entries.clear()
            entries.update(segment.entries)

    def sink(port):
        async def take(ctx):
            for level, *_ in bursts[port]:
                burst = await stream_get(ctx, getattr(dut, f"o_{port}"), draw.choice([0, stall]))
                found[port].append((burst.level, burst.end, *(
                    (burst.base.edge, burst.base.address) if level else (None, None))))
            await wait(ctx, READ_DEPTH)
        return take

    async def memory(ctx):
        """Entries two cycles after their address; garbage where there is none."""
        kinds = [getattr(dut, f"entries_{edge}").shape().elem_shape for edge in edges]
        before = None
        while True:
            here = {port: entries.get((port, ctx.get(dut.address[port]))) for port in ports}
            await ctx.tick()
            for port, entry in (before or {}).items():
                for edge, kind in enumerate(kinds):
                    ctx.set(getattr(dut, f"entries_{edge}")[port],
                            kind.from_bits(garbage(kind.size)) if entry is None else entry)
            before = here

    async def watch(ctx):
        now, before = 0, 0
        async for _, _, ended, *values in ctx.tick().sample(
                dut.i.valid & dut.i.ready & dut.i.p.release,
                *(getattr(dut, f"release_{edge}") for edge in edges),
                *(output.valid & output.ready for output in outputs)):
            now += 1
            for edge in edges:
                released[edge] += [values[edge]] if before else []
                assert before or not values[edge], "rows are released within a target row"
            before = ended  # The release comes DROP_LATENCY later.
            times.extend([now] * any(values[len(edges):]))

    outputs = [getattr(dut, f"o_{port}") for port in ports]
    with poisoned():
        simulate_component(dut, source, *map(sink, ports), timeout=timeout,
                           background=[memory, watch, *map(stream_checker, outputs)])
    return (found, bursts), (released, drops), times


def check(layout, *, kind=WindowReader, count=12, **options):
    draw, steps = random.Random(layout.ports), []
    for _ in range(count):
        kept = draw.randint(1, 3)
        steps.append([segment_of(draw, layout, k == kept - 1) for k in range(kept)])
        if draw.random() < 0.2:
            steps.append(draw.randrange(layout.buffers[0].window.target[1]))
    bursts, releases, _ = run(kind(layout), steps, **options)
    assert bursts[0] == bursts[1]
    assert releases[0] == releases[1]


@pytest.mark.parametrize("ports, gaps, stall", [(1, 0, 15), (2, 3, 0), (4, 0, 0), (4, 2, 9)])
@pytest.mark.parametrize("name", ENGINES)
def test_segments(name, ports, gaps, stall):
    check(engine(name, ports), gaps=gaps, stall=stall)


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [0, 3, 0, 1], [0, 0, 0, 0], [5, 5, 5, 5]])
def test_a_segment_takes_as_long_as_its_fullest_bank(counts):
    """And the next one follows without a gap."""
    layout, draw = engine("point", 4), random.Random(0)
    steps = [[segment_of(draw, layout, True, counts)] for _ in range(20)]
    _, _, times = run(WindowReader(layout), steps)
    assert times == list(range(times[0], times[0] + 20 * max(1, *counts)))


def test_latency():
    """From a read, the cycle after the segment is accepted, to the burst."""
    layout, draw = engine("point"), random.Random(0)
    _, _, times = run(WindowReader(layout), [[segment_of(draw, layout, True, [1])]])
    accepted = 1
    assert times == [accepted + 1 + READ_LATENCY]


@pytest.mark.parametrize("name, old, new", [
    ("point", "read.eq(busy & credit.all())", "read.eq(busy & credit.any())"),
    ("point", "credit[port].eq(under_way != READ_DEPTH)", "credit[port].eq(1)"),
    ("groups", "segment.weight.eq(i.p.weight + offset)", "segment.weight.eq(i.p.weight)"),
    ("point", "i.p.last & (i.p.count[port] == 0)", "i.p.count[port] == 0"),
    ("point", "segment.last & (segment.count[port] <= 1)",
     "segment.last & (segment.count[port] == 1)"),
    ("pool", "place // window.synapse.pool[1] * window.reach", "place * window.reach"),
    ("groups", "Mux(some & reached, level + 1, 0)", "Mux(some, level + 1, 0)"),
    ("two", "busy.eq(i.valid & ~i.p.release)", "busy.eq(i.valid)"),
    ("groups", "low = pipe(m, self.low, 2", "low = pipe(m, self.low, 1"),
])
def test_a_broken_rule_is_found(name, old, new):
    with pytest.raises(AssertionError):
        check(engine(name, 2), kind=mutant(WindowReader, old, new), stall=15, timeout=1_000)
