"""The binner against counts by hand, window by window, with stalls and clipped counts."""

import numpy as np
import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import wiring
from mutants import mutant

from qblif.golden.training.data.events import Binning
from qblif.hw.core.binner import Binner
from qblif.sim.stream import run_stream, simulate_component, stream_get, stream_put

STALLS = [{}, {"i_stall": 9}, {"o_stall": 5}, {"i_stall": 4, "o_stall": 4, "ready_first": False}]


def windowed(length, kind=Binner):
    """``kind`` with a window that its tests need not drive."""
    def elaborate(self, platform):
        m = kind.elaborate(self, platform)
        m.d.comb += self.window.eq(length)
        return m
    return type("Windowed", (kind,), {"elaborate": elaborate})


def draw(size, length, count, seed):
    """Times, bursts of them at once and pauses of many windows, and addresses."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 0, 0, 1, 2, length, 3 * length + 1], count)
    steps[0] = 0
    few = rng.integers(0, size, 3)
    addresses = np.where(rng.random(count) < 0.5, rng.choice(few, count),
                         rng.integers(0, size, count))
    return np.cumsum(steps), addresses


def expected(times, addresses, size, n_max, length):
    """Transfers by the golden binning; the window of the last event stays open."""
    windows = int(times[-1]) // length + 1
    zeros = np.zeros_like(times)
    frames = Binning(windows, window=length).frames(times, addresses, zeros, zeros, (1, size),
                                                    channels=1)
    found = []
    for counts in frames[:-1, 0, 0].tolist():
        found += [(address, min(n, n_max)) for address, n in enumerate(counts) if n] + ["end"]
    return found


def binned(times, addresses, *, size, n_max, length, kind=Binner, **options):
    given = [{"delta": int(delta), "address": int(address), "idle": 0}
             for delta, address in zip(np.diff(times, prepend=0), addresses, strict=True)]
    wanted = expected(times, addresses, size, n_max, length)
    dut = windowed(length, kind)(size, n_max)
    found = run_stream(dut, given, len(wanted), **options)
    return ["end" if p.end else (p.address, p.level) for p in found], wanted


@pytest.mark.parametrize("options", STALLS)
@pytest.mark.parametrize("size, n_max, length", [(1, 1, 1), (16, 3, 7), (40, 2, 5), (100, 15, 64)])
def test_counts_of_each_window(size, n_max, length, options):
    times, addresses = draw(size, length, 150, seed=size)
    found, wanted = binned(times, addresses, size=size, n_max=n_max, length=length, **options)
    assert found == wanted and len(wanted) > 20


def test_idle_items_end_windows_and_what_is_cut_off_is_counted():
    dut, seen = windowed(10)(20, 2), []

    async def process(ctx):
        for delta, address, idle in [(0, 5, 0), (0, 5, 0), (1, 5, 0), (0, 7, 0), (25, 0, 1)]:
            await stream_put(ctx, dut.i, {"delta": delta, "address": address, "idle": idle})
        for _ in range(20):
            await ctx.tick()
        seen.append((ctx.get(dut.clipped), ctx.get(dut.idle)))

    async def sink(ctx):
        for _ in range(4):
            p = await stream_get(ctx, dut.o)
            seen.append("end" if p.end else (p.address, p.level))

    simulate_component(dut, process, sink)
    assert seen == [(5, 2), (7, 1), "end", "end", (1, 1)]


def test_a_reset_clears_every_word():
    """What was counted before the reset, in the first word and in the last, is not sent behind."""
    reset, seen = Signal(), []
    dut = windowed(10)(40, 2)

    class Resettable(wiring.Component):
        def __init__(self):
            super().__init__(dict(dut.signature.members.items()))

        def elaborate(self, platform):
            m = Module()
            m.submodules.dut = ResetInserter(reset)(dut)
            wiring.connect(m, wiring.flipped(self.i), dut.i)
            wiring.connect(m, dut.o, wiring.flipped(self.o))
            return m

    async def process(ctx):
        for address in (1, 20, 39):
            await stream_put(ctx, top.i, {"delta": 0, "address": address, "idle": 0})
        for _ in range(5):
            await ctx.tick()
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await stream_put(ctx, top.i, {"delta": 0, "address": 7, "idle": 0})
        await stream_put(ctx, top.i, {"delta": 10, "address": 0, "idle": 1})

    async def sink(ctx):
        for _ in range(2):
            p = await stream_get(ctx, top.o)
            seen.append("end" if p.end else (p.address, p.level))

    top = Resettable()
    simulate_component(top, process, sink)
    assert seen == [(7, 1), "end"]


def test_a_full_sink_makes_items_wait_and_says_so():
    dut, seen = windowed(10)(20, 2), []

    async def process(ctx):
        for delta in (0, 10, 0):
            await stream_put(ctx, dut.i, {"delta": delta, "address": 3, "idle": 0})
        seen.append(ctx.get(dut.waited))

    async def sink(ctx):
        await stream_get(ctx, dut.o, stall=200)
        await stream_get(ctx, dut.o)

    simulate_component(dut, process, sink)
    assert 150 < seen[0] < 200


@pytest.mark.parametrize("old, new", [
    ("self.elapsed >= self.window", "self.elapsed > self.window"),
    ("self.elapsed.eq(self.elapsed - self.window)", "self.elapsed.eq(0)"),
    ("full = there & (", "full = ("),
    ("Mux(there, self.read_count.data + 1, 1)", "self.read_count.data + 1"),
    ("m.d.comb += [self.closing.eq(1), self.write_bits.en.eq(1)]",
     "m.d.comb += self.closing.eq(1)"),
    ("with m.If(following == 0)", "with m.If(left == 0)")])
def test_must_fail(old, new):
    times, addresses = draw(40, 5, 150, seed=40)
    try:
        found, wanted = binned(times, addresses, size=40, n_max=2, length=5,
                               kind=mutant(Binner, old, new))
    except AssertionError:  # It stalls, or a stream breaks its rules.
        return
    assert found != wanted
