"""The network behind its streams, in Amaranth's simulator; tests/sim/test_bus.py has the buses."""

import numpy as np
import pytest
from bus_cases import classes, draw_packets, network, transfer

from qblif.hw.bus import network as bus_network
from qblif.hw.bus.network import BusNetwork
from qblif.hw.bus.registers import CONTROL
from qblif.sim.stream import simulate_component, stream_checker, stream_get, stream_put


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("kind", ["flat", "steps"])
def test_results_wait_for_their_turn(kind, most, monkeypatch):
    """No result is taken for a long time: no more frames enter than there is room for verdicts."""
    monkeypatch.setattr(bus_network, "FRAMES_UNDER_WAY", most)
    trained, layout = network(kind)
    sent = draw_packets(np.random.default_rng(6), trained, layout, 8)
    sent = sent[:4] + [[0] * layout.input.ends] * 6 + sent[4:]  # Empty frames are short.
    dut, found, entered = BusNetwork(layout, trained), [], [0]

    async def source(ctx):
        for words in sent:
            for k in range(len(words)):
                await stream_put(ctx, dut.i, transfer(words, k))

    async def sink(ctx):
        await ctx.tick().repeat(500)
        assert entered[0] <= most + 1  # One result waits behind the network.
        for _ in sent:
            found.append(await stream_get(ctx, dut.o))

    async def watch(ctx):
        async for _, _, pulse in ctx.tick().sample(dut.frames.entered):
            entered[0] += pulse

    simulate_component(dut, source, sink, background=[watch, stream_checker(dut.o)])
    signed = [value - (value >> 31 << 32) for value in found]
    assert signed == classes(trained, layout, sent)


@pytest.mark.parametrize("kind", ["flat", "steps"])
def test_reset_takes_as_long_as_the_network_needs(kind):
    """After a reset of the bus, and by CONTROL: no frame enters before."""
    trained, layout = network(kind)
    dut, waits = BusNetwork(layout, trained), []
    sent = draw_packets(np.random.default_rng(6), trained, layout, 2, ["right"])

    async def drive(ctx):
        ctx.set(dut.o.ready, 1)
        for words in sent:
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.p, transfer(words, 0))
            count, taken = 0, 0
            while not taken:
                _, _, taken = await ctx.tick().sample(dut.i.ready)
                count += not taken
            waits.append(count)
            for k in range(1, len(words)):
                await stream_put(ctx, dut.i, transfer(words, k))
            ctx.set(dut.i.valid, 0)
            ctx.set(dut.access.address, CONTROL.offset >> 2)
            ctx.set(dut.access.data_w, 1 << CONTROL.field("RESET").low)
            for name in ("write", "whole", "valid"):
                ctx.set(getattr(dut.access, name), 1)
            await ctx.tick().until(dut.access.done)
            ctx.set(dut.access.valid, 0)

    simulate_component(dut, drive)
    assert waits == [dut.reset_cycles] * 2


def test_clear_counts_what_enters_behind_it():
    """In each cycle around that in which a frame is complete; FRAMES and REFUSED."""
    trained, layout = network("steps")
    before = []
    for delay in range(8):
        dut, cycles = BusNetwork(layout, trained), {}

        async def source(ctx, dut=dut):
            ctx.set(dut.o.ready, 1)
            for word, last in ((0, 0), (0, 0), (0, 0), (0, 1)):  # Late: refused.
                await stream_put(ctx, dut.i, {"address": word, "level": 0, "last": last})
            await ctx.tick().repeat(20)
            count = before[-1]
            assert (ctx.get(dut.control.frames), ctx.get(dut.control.refused)) == (count, count)

        async def clear(ctx, dut=dut, delay=delay):
            await ctx.tick().repeat(dut.reset_cycles + delay - 2)
            ctx.set(dut.access.address, CONTROL.offset >> 2)
            ctx.set(dut.access.data_w, 1 << CONTROL.field("CLEAR").low)
            for name in ("write", "whole", "valid"):
                ctx.set(getattr(dut.access, name), 1)
            await ctx.tick().until(dut.access.done)
            ctx.set(dut.access.valid, 0)

        async def watch(ctx, dut=dut, cycles=cycles):
            cycle = 0
            while len(cycles) < 2:
                _, _, entered, cleared = await ctx.tick().sample(
                    dut.frames.entered, dut.control.clear)
                cycles |= ({"entered": cycle} if entered else {}) | (
                    {"clear": cycle} if cleared else {})
                cycle += 1
            before.append(cycles["entered"] > cycles["clear"])

        simulate_component(dut, source, clear, background=[watch])
    assert before == sorted(before, reverse=True) and 2 <= sum(before) <= 6
