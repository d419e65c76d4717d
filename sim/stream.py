"""Drive and check Amaranth streams in Amaranth's own simulator.

Testbenches that see every tick use ``async for``, which takes half the time of waiting for one
tick after the other.  None uses ``until`` or ``repeat``: on Python before 3.13 an abandoned one
warns, and can hide the failure that it was abandoned for.
"""

import random

from amaranth.hdl import ClockDomain, Fragment, Module, Value
from amaranth.sim import Simulator

from .watchdog import Watchdog

__all__ = ["aer_checker", "garbage", "run_stream", "simulate_component", "stream_checker",
           "stream_get", "stream_put", "wait"]

_garbage = random.Random()  # Seeded for each simulation, so that it can be repeated.


def garbage(bits):
    """``bits`` random bits, for fields that a contract calls ignored."""
    return _garbage.getrandbits(bits) if bits else 0


async def wait(ctx, cycles):
    """Let ``cycles`` pass."""
    for _ in range(cycles):
        await ctx.tick()


async def stream_put(ctx, stream, payload, stall=0):
    """Offer ``payload`` after ``stall`` idle cycles, until it is accepted; garbage otherwise."""
    await wait(ctx, stall)
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    ready = False
    while not ready:
        _, _, ready = await ctx.tick().sample(stream.ready)
    ctx.set(stream.valid, 0)
    bits = Value.cast(stream.payload)
    ctx.set(bits.as_unsigned(), garbage(len(bits)))


async def stream_get(ctx, stream, stall=0, ready_first=True):
    """One payload of ``stream``, after ``stall`` cycles of not being ready.

    With ``ready_first`` the sink raises ready before valid, as a full-rate consumer does; without
    it the sink waits for valid, so that a producer that waits for ready hangs.
    """
    await wait(ctx, stall)
    if not ready_first:
        while not ctx.get(stream.valid):
            await ctx.tick()
    ctx.set(stream.ready, 1)
    valid = False
    while not valid:
        _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
    ctx.set(stream.ready, 0)
    return payload


def stream_checker(stream):
    """A background testbench: valid and payload must hold until they are accepted."""
    async def rules(ctx):
        held = None
        async for _, _, valid, ready, payload in ctx.tick().sample(
                stream.valid, stream.ready, stream.payload):
            if held is not None:
                assert valid, "valid fell before the payload was accepted"
                assert payload == held, f"payload changed while stalled: {held!r} -> {payload!r}"
            held = payload if valid and not ready else None
    return rules


def aer_checker(stream, name="AER stream"):
    """A background testbench: an address comes once in a timestep, with a level above 0.

    The widths of all sums are proven for that.  It is checked here and not in the hardware, where
    it would take a bit of memory for each address of a stream from outside.
    """
    async def rules(ctx):
        seen = set()
        async for _, _, valid, ready, bits in ctx.tick().sample(
                stream.valid, stream.ready, Value.cast(stream.payload)):
            if not (valid and ready):
                continue
            payload = stream.payload.shape().from_bits(bits)
            if payload.end:
                seen.clear()
                continue
            assert payload.level, f"{name}: address {payload.address} came with level 0"
            assert payload.address not in seen, (
                f"{name}: address {payload.address} came twice in a timestep")
            seen.add(payload.address)
    return rules


def simulate_component(dut, *testbenches, background=(), timeout=100_000):
    """Run until all ``testbenches`` have returned.

    Raises :class:`AssertionError` where that takes more than ``timeout`` cycles, or where all
    streams stand still, see :class:`qblif.sim.watchdog.Watchdog`.
    """
    _garbage.seed(0)
    fragment = Fragment.get(dut, None)
    top = Module()
    top.domains.sync = ClockDomain()  # Also for what has no register of its own.
    top.submodules.dut = fragment
    watchdog = Watchdog(fragment, timeout)
    top.d.comb += watchdog.logic()
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in (*background, watchdog.run):
        simulator.add_testbench(testbench, background=True)
    simulator.run()


def run_stream(dut, inputs, count, *, i_stall=0, o_stall=0, ready_first=True, seed=0,
               timeout=100_000):
    """Push ``inputs`` into ``dut.i``; return the first ``count`` payloads of ``dut.o``.

    Before each transfer either side idles for 0 to ``i_stall`` or ``o_stall`` cycles, drawn under
    ``seed``.  Payload and valid of ``dut.o`` must hold until they are accepted.
    """
    draw = random.Random(seed)
    outputs = []

    async def source(ctx):
        for payload in inputs:
            await stream_put(ctx, dut.i, payload, draw.randint(0, i_stall))

    async def sink(ctx):
        for _ in range(count):
            outputs.append(await stream_get(ctx, dut.o, draw.randint(0, o_stall), ready_first))

    simulate_component(dut, source, sink, background=[stream_checker(dut.o)], timeout=timeout)
    return outputs
