"""The framer: markers behind every step, in raster order, and nothing out of order."""

import itertools
import random

import numpy as np
import pytest
from mutants import mutant
from window_cases import draw_levels, transfers

from qblif.golden.spec import Input
from qblif.hw.core.framer import Framer
from qblif.hw.layout.input_stream import InputFormat
from qblif.sim.stream import (
    garbage,
    run_stream,
    simulate_component,
    stream_checker,
    stream_get,
    stream_put,
)

STALLS = [{}, {"i_stall": 3}, {"o_stall": 3}, {"i_stall": 2, "o_stall": 2, "ready_first": False}]


def format_of(shape, interleaved=1, n_max=5):
    return InputFormat(Input(shape=shape, n_max=n_max, static=interleaved == 1),
                       interleaved=interleaved)


def framed(frames):
    """What must leave for ``(frames, timesteps, channels, rows, columns)``."""
    return [item for frame in frames for item in transfers(frame)]


def plain(payload):
    return {"end": 1} if payload.end else {"address": payload.address, "level": payload.level,
                                           "end": 0}


def events_of(layout, frames):
    """The frames as they come in; a marker's other fields are ignored."""
    stream = layout.stream(frames.reshape(len(frames), layout.interleaved, -1))
    bits = (layout.address_space - 1).bit_length(), layout.source.n_max.bit_length()
    return [{"address": garbage(bits[0]), "level": garbage(bits[1]), "end": 1} if eot else
            {"address": int(address), "level": int(level), "end": 0}
            for address, level, eot in zip(stream.address, stream.level, stream.eot, strict=True)]


def frame(layout, frames, kind=Framer, **options):
    wanted = framed(frames)
    found = run_stream(kind(layout), events_of(layout, frames), len(wanted), **options)
    return list(map(plain, found)), wanted


def markers_addresses(layout, frames):
    """Column and row that each marker names."""
    found = run_stream(Framer(layout), events_of(layout, frames), len(framed(frames)))
    return [payload.address >> 2 for payload in found if payload.end]


@pytest.mark.parametrize("interleaved", [1, 2])
def test_every_small_frame(interleaved):
    """All frames of one channel and a row of two columns, and of a column of two rows."""
    for shape in ((1, 1, 2), (1, 2, 1)):
        frames = np.array(list(itertools.product((0, 1), repeat=2 * interleaved)))
        found, wanted = frame(format_of(shape, interleaved),
                              frames.reshape(len(frames), interleaved, *shape))
        assert found == wanted


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("interleaved", [1, 3, 4])
@pytest.mark.parametrize("shape", [(3, 3, 5), (1, 4, 4), (17, 2, 1), (5, 1, 3)])
def test_frames(shape, interleaved, stalls):
    draw = np.random.default_rng(interleaved)
    frames = np.stack([draw_levels(draw, (interleaved, *shape)) for _ in range(4)])
    frames[1], frames[2] = 0, 1
    found, wanted = frame(format_of(shape, interleaved), frames, **stalls)
    assert found == wanted


def test_a_marker_names_its_position():
    layout = format_of((3, 2, 3), 2)
    assert markers_addresses(layout, np.zeros((1, 2, 3, 2, 3), int)) == [
        column | row << 2 for row in range(2) for column in range(3) for _ in range(2)]


def test_a_transfer_a_cycle():
    layout = format_of((3, 3, 3), 2)
    frames = np.ones((3, 2, 3, 3, 3), int)
    # Reset, one cycle of latency, and the last tick.
    found, wanted = frame(layout, frames, timeout=len(framed(frames)) + 3)
    assert found == wanted


def passed(layout, events):
    """``(transfers that must leave, events that must be dropped)``, event by event."""
    count = layout.interleaved * layout.source.shape[1] * layout.source.shape[2]
    left, step, highest, dropped = [], 0, -1, 0
    low, middle = ((n - 1).bit_length() for n in (layout.source.shape[0], layout.source.shape[2]))
    for event in events:
        if not event["end"] and event["address"] <= highest:
            dropped += 1
            continue
        wanted = count if event["end"] else layout.step_of(event["address"])
        left += [{"end": 1}] * (wanted - step)
        step, highest = (0, -1) if event["end"] else (wanted, event["address"])
        if not event["end"]:
            channel, place = event["address"] & (1 << low) - 1, event["address"] >> low
            left.append({"address": channel | place >> layout.timestep_bits << low,
                         "level": event["level"], "end": 0})
    return left, dropped


def run_refused(layout, events, *, kind=Framer, stall=0, timeout=20_000):
    """What leaves, and how many events are reported."""
    dut, found, refused, draw = kind(layout), [], [0], random.Random(0)
    wanted, dropped = passed(layout, events)

    async def source(ctx):
        for event in events:
            await stream_put(ctx, dut.i, event, draw.randint(0, stall))
        ctx.set(dut.i.valid, 0)

    async def sink(ctx):
        for _ in wanted:
            found.append(plain(await stream_get(ctx, dut.o, draw.randint(0, stall))))

    async def watch(ctx):
        async for _, _, taken, report in ctx.tick().sample(dut.i.valid & dut.i.ready, dut.refused):
            refused[0] += taken & report
            assert taken or not report, "reported, but not dropped"

    simulate_component(dut, source, sink, background=[watch, stream_checker(dut.o)],
                       timeout=timeout)
    return (found, refused[0]), (wanted, dropped)


def all_sequences(space, length):
    """Frames of every sequence of so many addresses, repetitions and all."""
    for addresses in itertools.product(range(space), repeat=length):
        yield from ({"address": address, "level": 1 + k, "end": 0}
                    for k, address in enumerate(addresses))
        yield {"end": 1}


@pytest.mark.parametrize("shape, interleaved", [((2, 1, 2), 1), ((1, 2, 2), 1), ((1, 1, 2), 2)])
def test_every_sequence_of_events(shape, interleaved):
    """An address that is not above the one before it is dropped; the others pass as ever."""
    layout = format_of(shape, interleaved)
    found, wanted = run_refused(layout, list(all_sequences(4, 3)))
    assert found == wanted


@pytest.mark.parametrize("stall", [0, 3])
def test_events_out_of_order(stall):
    layout, draw = format_of((3, 3, 3), 2), random.Random(stall)
    events = []
    for _ in range(12):
        frames = np.random.default_rng(len(events)).integers(0, 3, (1, 2, 3, 3, 3))
        part = events_of(layout, frames)[:-1]
        for _ in range(draw.randint(0, 4)):
            part.insert(draw.randrange(len(part)), draw.choice(part))
        events += [*part, {"end": 1}]
    found, wanted = run_refused(layout, events, stall=stall)
    assert found == wanted and wanted[1] > 5


@pytest.mark.parametrize("old, new", [
    ("i.p.address < lowest", "i.p.address + 1 < lowest"),
    ("i.valid & ~i.p.end & (", "i.valid & ("),
    ("o.valid.eq(i.valid & ~self.refused)", "o.valid.eq(i.valid)"),
    ("lowest.eq(Mux(i.p.end, 0, i.p.address + 1))", "lowest.eq(i.p.address + 1)"),
    ("marker = i.p.end | ~here", "marker = i.p.end"),
    ("self.refused | here & free", "here & free"),
    ("(step, layout.interleaved), (column, columns), (row, rows)",
     "(column, columns), (step, layout.interleaved), (row, rows)"),
])
def test_a_broken_rule_is_found(old, new):
    kind, layout = mutant(Framer, old, new), format_of((1, 1, 2), 2)
    with pytest.raises(AssertionError):
        found, wanted = run_refused(layout, list(all_sequences(4, 3)), kind=kind, timeout=3_000)
        assert found == wanted


@pytest.mark.parametrize("shape", [(3, 2, 3), (1, 3, 1), (2, 5, 6)])
@pytest.mark.parametrize("timesteps", [1, 3])
def test_an_address_of_no_neuron_is_refused(shape, timesteps):
    """Codes that a field has to spare, between events that pass."""
    layout = format_of(shape, timesteps)
    every = layout.by_address(np.ones((1, timesteps, np.prod(shape)), int))[0, 0]
    bits = len(Framer(layout).i.p.address)
    events = [{"address": address, "level": 1, "end": 0} for address in range(1 << bits)]
    used = [event for event in events if event["address"] < len(every) and
            every[event["address"]]]
    count = len(used) + layout.steps
    found, wanted = (list(map(plain, run_stream(Framer(layout), [*part, {"end": 1}], count)))
                     for part in (events, used))
    assert found == wanted and len(used) < len(events)
