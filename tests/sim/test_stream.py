"""The checkers of streams, and the watchdog: each finds what it is there for."""

import random

import numpy as np
import pytest
from amaranth import C, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from qblif.golden.spec import Input
from qblif.hw.core.network import NetworkCore
from qblif.hw.core.payloads import Event
from qblif.hw.layout.input_stream import InputFormat
from qblif.sim import watchdog
from qblif.sim.pysim import frame_events
from qblif.sim.stream import (
    aer_checker,
    run_stream,
    simulate_component,
    stream_checker,
    stream_get,
    stream_put,
)


class Pass(wiring.Component):
    """A register stage; after ``stop`` transfers it hangs."""

    def __init__(self, shape=8, stop=None):
        self.stop = stop
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        taken = Signal(8)
        m.submodules.inner = inner = Inner()
        m.d.comb += inner.i.valid.eq(self.i.valid)
        go = C(1) if self.stop is None else taken != self.stop
        with m.If(self.o.ready | ~self.o.valid):
            m.d.comb += self.i.ready.eq(go)
            m.d.sync += [self.o.valid.eq(self.i.valid & go), self.o.payload.eq(self.i.payload),
                         taken.eq(taken + (self.i.valid & go))]
        return m


class Inner(wiring.Component):
    """A part that never accepts."""

    i: In(stream.Signature(1))

    def elaborate(self, platform):
        return Module()


def test_a_component_that_hangs(monkeypatch):
    monkeypatch.setattr(watchdog, "PATIENCE", 300)
    with pytest.raises(AssertionError, match="^no transfer for 300 cycles: i valid, not ready; "
                                             "o ready, not valid; inner.i valid, not ready$"):
        run_stream(Pass(stop=3), list(range(9)), 9)


def test_a_component_that_hangs_in_slow_cycles(monkeypatch):
    monkeypatch.setattr(watchdog, "SECONDS", 0)
    with pytest.raises(AssertionError, match="^no transfer for 1000 cycles: "):
        run_stream(Pass(stop=3), list(range(9)), 9)


def test_a_component_that_does_not_end():
    async def forever(ctx):
        while True:
            await ctx.tick()

    with pytest.raises(AssertionError, match="^no end after 40 cycles: "):
        simulate_component(Pass(), forever, timeout=40)


def test_a_load_is_no_hang(tiny, monkeypatch):
    """Words are loaded through no stream."""
    monkeypatch.setattr(watchdog, "PATIENCE", 300)
    trained, layout, _ = tiny

    def wait(load_valid):
        dut = NetworkCore(layout)

        async def bench(ctx):
            ctx.set(dut.load_valid, load_valid)
            for _ in range(500):
                await ctx.tick()
        simulate_component(dut, bench)

    wait(1)
    with pytest.raises(AssertionError, match="^no transfer for 300 cycles: "):
        wait(0)


def test_a_network_that_hangs_names_who_waits(tiny, monkeypatch):
    """The EOT marker of the first timestep never comes."""
    monkeypatch.setattr(watchdog, "PATIENCE", 500)
    trained, layout, _ = tiny
    dut = NetworkCore(layout, trained)

    async def source(ctx):
        await stream_put(ctx, dut.i, {"address": 1, "level": 2, "end": 0})
        await stream_get(ctx, dut.o)

    with pytest.raises(AssertionError) as found:
        simulate_component(dut, source)
    for sentence in ("o ready, not valid", "hidden.i_input ready, not valid",
                     "hidden.population.sequencer waits for the currents of engine 0"):
        assert sentence in str(found.value)


@pytest.mark.parametrize("events, message", [
    ([(3, 1, 0), (2, 1, 0), (3, 2, 0)], "^in: address 3 came twice in a timestep$"),
    ([(3, 0, 0)], "^in: address 3 came with level 0$")])
def test_aer_stream_against_its_contract(events, message):
    dut = Pass(Event(5, 3))

    async def source(ctx):
        ctx.set(dut.o.ready, 1)
        for address, level, end in events:
            await stream_put(ctx, dut.i, {"address": address, "level": level, "end": end})

    with pytest.raises(AssertionError, match=message):
        simulate_component(dut, source, background=[aer_checker(dut.i, "in")])


def test_an_address_comes_again_in_the_next_timestep():
    dut = Pass(Event(5, 3))
    events = [{"address": a, "level": 1, "end": e} for a, e in [(3, 0), (3, 1), (3, 0)]]

    async def source(ctx):
        ctx.set(dut.o.ready, 1)
        for event in events:
            await stream_put(ctx, dut.i, event)

    simulate_component(dut, source, background=[aer_checker(dut.i)])


@pytest.mark.parametrize("payload, message", [(5, "^valid fell"), (7, "^payload changed")])
def test_a_stream_that_does_not_hold(payload, message):
    dut = Pass()

    async def source(ctx):
        ctx.set(dut.i.payload, 5)
        ctx.set(dut.i.valid, 1)
        for _ in range(3):  # Into the register, which then is stalled.
            await ctx.tick()
        ctx.set(dut.i.payload, payload)
        ctx.set(dut.i.valid, payload != 5)
        await ctx.tick()
        await ctx.tick()

    with pytest.raises(AssertionError, match=message):
        simulate_component(dut, source, background=[stream_checker(dut.i)])


def test_frames_carry_garbage_where_it_is_ignored():
    draw = random.Random(0)
    frames = [np.array([draw.randint(0, 3) for _ in range(6)]) for _ in range(50)]
    layout = InputFormat(Input(shape=(6,), n_max=3))
    ends = [event for frame in frames for event in frame_events(frame, layout)
            if event["end"]]
    assert len(ends) == 50
    assert {event["address"] for event in ends} == set(range(8))
    assert {event["level"] for event in ends} == set(range(4))


def test_an_idle_stream_carries_garbage():
    dut, found = Pass(), set()

    async def source(ctx):
        ctx.set(dut.o.ready, 1)
        for _ in range(40):
            await stream_put(ctx, dut.i, 0, stall=1)

    async def watch(ctx):
        async for _, _, valid, payload in ctx.tick().sample(dut.i.valid, dut.i.payload):
            if not valid:
                found.add(payload)

    simulate_component(dut, source, background=[watch])
    assert len(found) > 20
