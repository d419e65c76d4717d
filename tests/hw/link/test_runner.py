"""The runner alone: the test plays the network."""

import random

import numpy as np
import pytest

from qblif.golden.spec import Dense, Input, Network, Neuron, Population
from qblif.hw.layout import memories
from qblif.hw.layout.input_stream import InputFormat
from qblif.hw.link.protocol import pack_events
from qblif.hw.link.runner import Runner
from qblif.sim.stream import simulate_component, stream_checker, stream_put

RESET = 5


def network(*shape, n_max=2, timesteps=2, static=True, order="inner"):
    """The format in which a network takes its input."""
    return InputFormat.of(Network(
        timesteps=timesteps, input=Input(shape=shape, n_max=n_max, static=static),
        populations=[Population(name="out", shape=(3,), sum_width=12,
                                neuron=Neuron(quantiser=None, v_width=12))],
        synapses=[Dense(source="input", target="out")]), order)


def items(steps):
    """What the network is to get of a frame."""
    return [item for levels in steps for item in
            [*((k, level, 0) for k, level in enumerate(levels) if level), (0, 0, 1)]]


class Played:
    """Frames of bytes through a runner; a frame that is cut is left without ``finish``.

    ``runs`` holds ``(status, events, label)`` for each; ``early`` counts events that were played
    before the frame's last byte.
    """

    def __init__(self, layout, frames, *, stall=0, cut=(), abort=()):
        self.dut = Runner(layout, 3, RESET)
        self.runs, self.early, self.resets = [], [], []
        self.taken, self.draw, self.stall = [], random.Random(stall), stall
        self.whole, self.labels = False, 0

        async def host(ctx):
            dut = self.dut
            await ctx.tick().repeat(RESET + 2)
            for k, data in enumerate(frames):
                await self.begin(ctx)
                for byte in data:
                    await stream_put(ctx, dut.i, byte, self.draw.randint(0, stall))
                self.early.append(len(self.taken))
                if k in cut:
                    if k in abort:
                        ctx.set(dut.abort, 1)
                        await ctx.tick()
                        ctx.set(dut.abort, 0)
                        assert not ctx.get(dut.active)
                    continue
                ctx.set(dut.finish, 1)
                while not ctx.get(dut.done) and not ctx.get(dut.error):
                    await ctx.tick()
                assert not ctx.get(dut.active) and ctx.get(dut.label_valid) == ctx.get(dut.done)
                self.runs.append((("error", "done")[ctx.get(dut.done)], list(self.taken),
                                  ctx.get(dut.label)))
                ctx.set(dut.finish, 0)

        simulate_component(self.dut, host, background=[self.network, stream_checker(self.dut.o)])

    async def begin(self, ctx):
        ctx.set(self.dut.start, 1)
        await ctx.tick()
        ctx.set(self.dut.start, 0)
        assert ctx.get(self.dut.active) and not ctx.get(self.dut.label_valid)
        assert not ctx.get(self.dut.done) and not ctx.get(self.dut.error)
        self.taken.clear()
        count = 0
        while ctx.get(self.dut.reset):
            assert not ctx.get(self.dut.i.ready)
            await ctx.tick()
            count += 1
        self.resets.append(count)

    async def network(self, ctx):
        """Takes events; its class comes some cycles after the frame's last end."""
        dut, ends, wait = self.dut, 0, 0
        while True:
            ctx.set(dut.o.ready, self.draw.randint(0, self.stall) == 0)
            _, _, reset, valid, ready, event = await ctx.tick().sample(
                dut.reset, dut.o.valid, dut.o.ready, dut.o.payload)
            ctx.set(dut.result.valid, 0)
            if reset:
                ends = wait = 0
            elif valid and ready:
                item = (event.address, event.level, event.end)
                self.taken.append((0, 0, 1) if event.end else item)
                ends += event.end
                wait = 6 * (event.end and ends == dut.ends)
            elif wait:
                wait -= 1
                if not wait:
                    ctx.set(dut.result.p.label, self.labels % 3)
                    ctx.set(dut.result.valid, 1)
                    self.labels += 1


def frames(draw, count, size, n_max, steps, share=0.5):
    return [[[draw.randint(1, n_max) * (draw.random() < share) for _ in range(size)]
             for _ in range(steps)] for _ in range(count)]


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("size, n_max", [(7, 2), (70, 15), (4, 1)])
@pytest.mark.parametrize("stall", [0, 3])
def test_frames(size, n_max, static, stall):
    sent = frames(random.Random(size), 4, size, n_max, 1 if static else 2, 0.3)
    made = Played(network(size, n_max=n_max, static=static), [pack_events(f, n_max) for f in sent],
                  stall=stall)
    assert made.runs == [("done", items(frame), k % 3) for k, frame in enumerate(sent)]
    assert made.early == [0] * 4, "played before it was complete"
    assert made.resets == [RESET] * 4


def test_a_frame_plays_one_event_a_cycle():
    made, cycles = [], []

    class Timed(Played):
        async def network(self, ctx):
            made.append(self)
            dut, now = self.dut, 0
            ctx.set(dut.o.ready, 1)
            async for _, _, valid, end in ctx.tick().sample(dut.o.valid, dut.o.p.end):
                now += 1
                if valid:
                    cycles.append(now)
                ctx.set(dut.result.valid, valid & end)
    Timed(network(30), [pack_events([[2] * 30], 2)])
    assert len(cycles) == 31 and cycles[-1] - cycles[0] == 30


END = bytes(1)
GOOD = pack_events([[1, 0, 2, 0, 0, 1, 2]], 2)


@pytest.mark.parametrize("wrong", [
    b"", GOOD[:-1], GOOD + END, GOOD + b"\5", b"\3" + END, bytes([7 << 2 | 1]) + END,
    bytes([63 << 2]) + END, bytes([7 << 2, 1]) + END, b"\4" * 8 + END])
def test_bytes_that_are_no_frame(wrong):
    made = Played(network(7), [wrong, GOOD])
    assert [status for status, *_ in made.runs] == ["error", "done"]
    assert made.runs[1][1] == items([[1, 0, 2, 0, 0, 1, 2]])


FORMATS = [((3, 2, 3), {}), ((2, 2, 3), {"static": False, "timesteps": 3}),
           ((3, 2, 2), {"static": False, "timesteps": 3, "order": "outer"}), ((1, 3, 5), {}),
           ((4, 2, 4), {"static": False}), ((5, 1, 1), {"static": False, "timesteps": 3})]


def neurons_of(layout):
    """Every address that belongs to a neuron."""
    shape = (1, layout.source.size) if layout.source.static else (
        1, layout.interleaved, layout.source.size)
    stream = layout.stream(np.ones(shape, int))
    return set(stream.address[stream.eot == 0].tolist())


def passing(count):
    """Bytes that pass so many addresses."""
    return bytes([63 << 2]) * (count // 63) + bytes([count % 63 << 2]) * (count % 63 > 0)


@pytest.mark.parametrize("shape, options", FORMATS)
def test_an_event_at_an_address_of_no_neuron(shape, options):
    """It is refused, in a field that is too large or beyond the last, as silence it passes."""
    layout = network(*shape, **options)
    places, neurons = range(layout.address_space + 2), neurons_of(layout)
    made = Played(layout, [passing(at) + b"\1" + END * layout.ends for at in places])
    for at, (status, events, _) in zip(places, made.runs, strict=True):
        assert status == ("done" if at in neurons else "error"), at
        assert status == "error" or events == [(at, 1, 0), *[(0, 0, 1)] * layout.ends]


@pytest.mark.parametrize("shape, options", FORMATS)
def test_no_bytes_are_events_out_of_order(shape, options):
    """Addresses are sent as ascending steps: whatever is played ascends from end to end, so that
    the network never has to refuse an event."""
    layout, draw = network(*shape, **options), random.Random(7)
    neurons, played = neurons_of(layout), 0
    bytes_ = [0, 1, 2, 5, 6, 4, 9, 3, 16, 40]
    sent = [bytes(draw.choice(bytes_) for _ in range(draw.randint(1, 6))) + END * layout.ends
            for _ in range(150)]
    for _, events, _ in Played(layout, sent, stall=1).runs:
        lowest = 0
        for address, _, end in events:
            assert end or lowest <= address and address in neurons
            lowest = 0 if end else address + 1
        played += len(events)
    assert played > 50


def test_passing_up_to_the_last_neuron_is_right():
    made = Played(network(7), [bytes([7 << 2]) + END, bytes([6 << 2 | 2]) + END])
    assert [run[1] for run in made.runs] == [[(0, 0, 1)], [(6, 2, 0), (0, 0, 1)]]


@pytest.mark.parametrize("abort", [(), (0, 1)])
def test_frame_that_was_left(abort):
    """What came of it counts for nothing, however often: not its events, ends or addresses."""
    full = pack_events([[1] * 40], 2)[:-1]
    made = Played(network(40), [full, full + END, pack_events([[2] * 40], 2)], cut=(0, 1),
                  abort=abort)
    assert made.runs == [("done", items([[2] * 40]), 0)]
    assert made.early == [0, 0, 0]


def test_frame_longer_than_the_queue(monkeypatch):
    """It is played from when the queue is full, and nothing of it is lost."""
    monkeypatch.setattr(memories, "LONGEST_QUEUE", 32)
    sent = frames(random.Random(3), 2, 200, 2, 1, 0.9)
    made = Played(network(200), [pack_events(f, 2) for f in sent], stall=2)
    assert made.runs == [("done", items(frame), k) for k, frame in enumerate(sent)]
    assert min(made.early) > 0
