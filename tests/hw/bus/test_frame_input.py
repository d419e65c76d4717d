import itertools
import random

import numpy as np
import pytest
from amaranth.hdl import Cat
from bus_cases import KINDS, draw_packets, network, outcome, packets, status_errors, transfer

from qblif.golden.spec import Input
from qblif.hw.bus.frame_input import FrameInput
from qblif.hw.layout.input_stream import InputFormat
from qblif.sim.stream import simulate_component, stream_checker, stream_get, stream_put

NETWORKS = ("flat", "steps", "map")


def play(dut, sent, *, i_stall=0, o_stall=0, gate=0.0, seed=0, ready_first=True):
    """Send packets; returns the transfers that leave, and ``(refused, errors)`` of each frame."""
    draw, left, verdicts, errors = random.Random(seed), [], [], [0]
    expected = sum(len(outcome(dut, words)[0]) for words in sent)

    async def source(ctx):
        for words in sent:
            for k in range(len(words)):
                await stream_put(ctx, dut.i, transfer(words, k), draw.randint(0, i_stall))

    async def sink(ctx):
        for _ in range(expected):
            p = await stream_get(ctx, dut.o, draw.randint(0, o_stall), ready_first)
            left.append(None if p.end else (p.address, p.level))

    async def watch(ctx):
        ctx.set(dut.enable, 1)
        async for _, _, found, entered, refused in ctx.tick().sample(
                dut.errors, dut.entered, dut.refused):
            errors[0] |= found
            if entered:
                verdicts.append((refused, errors[0]))
                errors[0] = 0
            ctx.set(dut.enable, draw.random() >= gate)

    simulate_component(dut, source, sink, background=[watch, stream_checker(dut.o)])
    assert errors == [0]
    return left, verdicts


class Case(FrameInput):
    """The component with its network, as ``outcome`` takes a layout."""

    def __init__(self, kind):
        self.trained, layout = network(kind)
        super().__init__(layout.input)
        self.input = layout.input


@pytest.mark.parametrize("options", [
    {}, {"i_stall": 2}, {"i_stall": 1, "o_stall": 2, "ready_first": False, "gate": 0.7}], ids=str)
@pytest.mark.parametrize("kind", NETWORKS)
def test_right_and_wrong_packets(kind, options):
    draw = np.random.default_rng([len(kind), len(options)])
    trained, layout = network(kind)
    sent = draw_packets(draw, trained, layout, 60)
    left, verdicts = play(Case(kind), sent, seed=1, **options)
    wanted = [outcome(layout, words) for words in sent]
    assert left == [transfer for found, _ in wanted for transfer in found]
    assert verdicts == [(bool(names), status_errors(names)) for _, names in wanted]
    assert {name for _, names in wanted for name in names} == {"EARLY", "LATE", "RANGE", "ORDER"}


@pytest.mark.parametrize("kind", NETWORKS)
def test_right_packets_pass_as_they_are(kind):
    """By the contract of the network's own input, without the model above."""
    trained, layout = network(kind)
    frames = np.random.default_rng(7).integers(0, 6, (4, trained.spec.input.size)
                                               if trained.spec.input.static
                                               else (4, 3, trained.spec.input.size))
    left, verdicts = play(Case(kind), packets(layout, frames))
    stream = layout.input.stream(frames)
    assert left == [None if end else (address, level) for address, level, end in zip(
        stream.address.tolist(), stream.level.tolist(), stream.eot.tolist(), strict=True)]
    assert verdicts == [(False, 0)] * 4


def trace(dut, transfers, cycles):
    """``o`` in every cycle, with a transfer offered until it is taken and a sink that is ready."""
    found = []

    async def source(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.o.ready, 1)
        for address, level, last in transfers:
            await stream_put(ctx, dut.i, {"address": address, "level": level, "last": last})
        await ctx.tick().repeat(cycles)

    async def watch(ctx):
        async for _, _, valid, p in ctx.tick().sample(dut.o.valid, dut.o.p):
            found.append("." if not valid else "m" if p.end else "e")

    simulate_component(dut, source, background=[watch])
    return "".join(found[:cycles])


@pytest.mark.parametrize("transfers, expected", [
    (((1, 1, 0), (2, 1, 0), (0, 0, 1), (3, 1, 0)), ".eeme."),
    (((1, 1, 0), (2, 1, 1), (3, 1, 0)), ".eeme."),
    (((1, 1, 0), (0, 0, 0), (1, 1, 0), (2, 1, 0), (0, 0, 1), (3, 1, 0)), ".em...e."),
], ids=["right", "early tlast", "late tlast"])
def test_timing_picture(transfers, expected):
    """As in the docstring, cycle by cycle."""
    assert trace(Case("flat"), transfers, len(expected)) == expected


async def put(ctx, dut, words, count=None):
    """The transfers of a packet, or its first ones."""
    for k in range(len(words) if count is None else count):
        await stream_put(ctx, dut.i, transfer(words, k))


def restarted(dut, source, at=None):
    """Transfers that leave after the restart, and tlast of those that were taken up to it; the
    restart comes in cycle ``at``, or when the source says so."""
    left, taken, over = [], [], [False]

    async def drive(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.o.ready, 1)
        await source(ctx)
        await ctx.tick().repeat(8)

    async def watch(ctx):
        for cycle in itertools.count():
            if at is not None:
                ctx.set(dut.restart, cycle == at)
            _, _, restart, move, last, valid, p = await ctx.tick().sample(
                dut.restart, dut.i.valid & dut.i.ready, dut.i.p.last, dut.o.valid, dut.o.p)
            if over[0] and valid:
                left.append(None if p.end else (p.address, p.level))
            if not over[0] and move:
                taken.append(last)
            over[0] |= restart

    simulate_component(dut, drive, background=[watch])
    return left, taken


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("cycle", range(1, 33, 3))
def test_restart_drops_the_rest_of_the_frame(kind, cycle):
    """In any cycle, with a source that sends on: what comes next is the first packet of which no
    transfer was taken."""
    trained, layout = network(kind)
    sent = draw_packets(np.random.default_rng(3), trained, layout, 8)
    dut = Case(kind)

    async def source(ctx):
        for words in sent:
            await put(ctx, dut, words)

    left, taken = restarted(dut, source, cycle)
    begun = sum(taken) + (not taken[-1])
    assert left == [t for words in sent[begun:] for t in outcome(layout, words)[0]]


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
def test_restart_of_the_source_too(kind, share):
    """Within a frame, and within one whose rest is being dropped."""
    trained, layout = network(kind)
    right = draw_packets(np.random.default_rng(4), trained, layout, 3, ["right"])
    for words in (right[0], right[0] + [*right[1], 1 << 24, 2 << 24]):
        dut, count = Case(kind), 1 + int(share * (len(words) - 1))

        async def source(ctx, dut=dut, words=words, count=count):
            await put(ctx, dut, words, count)
            ctx.set(Cat(dut.restart, dut.new_frame), 3)
            await ctx.tick()
            ctx.set(Cat(dut.restart, dut.new_frame), 0)
            await put(ctx, dut, right[2])

        assert restarted(dut, source)[0] == outcome(layout, right[2])[0]


def test_wrong_packets_are_of_every_kind():
    """The packets of these tests: each kind is refused for its own reason, somewhere."""
    draw, found = np.random.default_rng(0), {kind: set() for kind in KINDS}
    for name in NETWORKS:
        trained, layout = network(name)
        for kind in KINDS:
            sent = draw_packets(draw, trained, layout, 40, [kind])
            found[kind] |= {error for words in sent for error in outcome(layout, words)[1]}
    assert found == {
        "right": set(), "short": {"EARLY"}, "long": {"LATE"}, "no-end": {"EARLY"} | found["no-end"],
        "no-last": {"EARLY"}, "range": {"RANGE"}, "level": {"RANGE"}, "code": found["code"],
        "twice": {"ORDER"}, "swap": {"ORDER"}}
    assert "RANGE" in found["code"]


def test_too_many_addresses():
    wide = InputFormat(Input(shape=(1 << 10, 1 << 10, 1 << 5), n_max=1))
    with pytest.raises(ValueError, match="^Input on a bus can have 16777216 addresses, not "):
        FrameInput(wide)
