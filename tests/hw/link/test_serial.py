import random

import pytest
from amaranth import *
from amaranth.lib import wiring

from qblif.hw.link.serial import TOLERANCE, SerialReceiver, SerialTransmitter, bit_cycles
from qblif.sim.stream import simulate_component, stream_get, stream_put

CLOCK, PHASES = 1e-6, 10  # Of the simulation, in seconds; places of an edge between two of it.


class Loop(wiring.Component):
    """A transmitter whose line leads to a receiver."""

    def __init__(self, cycles, receiver_cycles=None):
        self.transmitter = SerialTransmitter(cycles)
        self.receiver = SerialReceiver(receiver_cycles or cycles)
        self.i, self.o = self.transmitter.i, self.receiver.o
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.transmitter = self.transmitter
        m.submodules.receiver = self.receiver
        m.d.comb += self.receiver.rx.eq(self.transmitter.tx)
        return m


def pass_bytes(sent, cycles, receiver_cycles=None, gaps=0, seed=0):
    dut, found, draw = Loop(cycles, receiver_cycles), [], random.Random(seed)

    async def source(ctx):
        for byte in sent:
            await stream_put(ctx, dut.i, byte, draw.randint(0, gaps))

    async def sink(ctx):
        for _ in sent:
            found.append(await stream_get(ctx, dut.o))
    simulate_component(dut, source, sink)
    return found


def test_every_byte():
    sent = random.Random(0).sample(range(256), 256)
    assert pass_bytes(sent, 4) == sent


@pytest.mark.parametrize("cycles", [5, 8, 13])
def test_other_rates_with_gaps(cycles):
    sent = [random.Random(cycles).randrange(256) for _ in range(40)]
    assert pass_bytes(sent, cycles, gaps=3 * cycles) == sent


@pytest.mark.parametrize("sender", [50, 51, 53, 54])
def test_rates_that_differ_by_a_few_percent(sender):
    sent = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7F]
    assert pass_bytes(sent, sender, 52) == sent


@pytest.mark.parametrize("cycles", [4, 5, 7])
@pytest.mark.parametrize("wrong", [-TOLERANCE, 0, TOLERANCE])
def test_few_cycles_a_bit_at_every_phase(cycles, wrong):
    """Edges fall between the clock's, and the rates differ by as much as is accepted."""
    sent = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7F, 0xFE]
    dut, found = SerialReceiver(cycles), []

    async def line(ctx):
        for _ in range(PHASES):
            for bit in sum(map(frame, sent), []):
                ctx.set(dut.rx, bit)
                await ctx.delay(CLOCK * cycles * (1 + wrong))
            await ctx.delay(CLOCK / PHASES)
        await ctx.delay(CLOCK * 10 * cycles)

    async def sink(ctx):
        ctx.set(dut.o.ready, 1)
        while True:
            _, _, valid, byte = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                found.append(byte)
    simulate_component(dut, line, background=[sink])
    assert found == sent * PHASES


async def send_bits(ctx, dut, bits):
    for bit in bits:
        ctx.set(dut.rx, bit)
        await ctx.tick().repeat(dut.cycles)
    ctx.set(dut.rx, 1)


def frame(byte, stop=1):
    return [0, *(byte >> k & 1 for k in range(8)), stop]


def receive(actions, cycles=8):
    """The bytes that come while ``actions(ctx, dut)`` drives the line."""
    dut, found = SerialReceiver(cycles), []

    async def sink(ctx):
        ctx.set(dut.o.ready, 1)
        async for _, _, valid, byte in ctx.tick().sample(dut.o.valid, dut.o.payload):
            if valid:
                found.append(byte)

    async def line(ctx):
        await actions(ctx, dut)
        await ctx.tick().repeat(2 * cycles)
    simulate_component(dut, line, background=[sink])
    return found


def test_byte_without_stop_bit_is_dropped():
    async def actions(ctx, dut):
        await send_bits(ctx, dut, frame(0x5A, stop=0) + [1, 1] + frame(0xC3))
    assert receive(actions) == [0xC3]


def test_break_is_no_byte():
    async def actions(ctx, dut):
        await send_bits(ctx, dut, [0] * 40 + [1] + frame(0x11))
    assert receive(actions) == [0x11]


def test_glitch_is_no_start_bit():
    async def actions(ctx, dut):
        ctx.set(dut.rx, 0)
        await ctx.tick().repeat(2)
        ctx.set(dut.rx, 1)
        await ctx.tick().repeat(20)
        await send_bits(ctx, dut, frame(0x77))
    assert receive(actions) == [0x77]


def test_glitch_inside_a_bit_is_outvoted():
    async def actions(ctx, dut):
        for k, bit in enumerate(frame(0x00)):
            for cycle in range(dut.cycles):
                ctx.set(dut.rx, bit ^ (k == 4 and cycle == 4))
                await ctx.tick()
    assert receive(actions) == [0x00]


def test_byte_that_nobody_takes_is_kept_and_the_next_dropped():
    dut, found = SerialReceiver(4), []

    async def line(ctx):
        for byte in (1, 2):
            await send_bits(ctx, dut, frame(byte))
        await ctx.tick().repeat(8)
        found.append(await stream_get(ctx, dut.o))
        await send_bits(ctx, dut, frame(3))
        found.append(await stream_get(ctx, dut.o))
    simulate_component(dut, line)
    assert found == [1, 3]


def test_bit_cycles():
    assert bit_cycles(12_000_000, 921_600) == 13
    assert bit_cycles(48_000_000, 921_600) == 52


def test_rate_too_high():
    with pytest.raises(ValueError, match="^Serial rate must be at most 250000 at a clock of"):
        bit_cycles(1_000_000, 500_000)


def test_rate_that_the_clock_cannot_give():
    with pytest.raises(ValueError, match="^Serial rate 115200 cannot be made from a clock of 10"):
        bit_cycles(1_000_000, 115_200)
