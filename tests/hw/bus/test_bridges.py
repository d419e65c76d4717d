"""The bridges' own rules; loads and runs over them are in tests/sim/test_bus.py."""

import pytest

from qblif.hw.bus.axi_lite import AxiLite
from qblif.hw.bus.wishbone import Wishbone
from qblif.sim.stream import simulate_component

SLVERR = 2


def registers(dut, log, latency=2):
    """A background testbench that answers accesses: those above 0x100 by an error."""
    async def answer(ctx):
        port = dut.access
        while True:
            _, _, valid, write, address, data, whole = await ctx.tick().sample(
                port.valid, port.write, port.address, port.data_w, port.whole)
            if valid:
                for _ in range(latency - 1):
                    await ctx.tick()
                log.append((write, address << 2, data if write else None, whole))
                ctx.set(port.error, address >= 0x40)
                if not write:
                    ctx.set(port.data_r, 0xA0000000 + address)
                ctx.set(port.done, 1)
                await ctx.tick()
                ctx.set(port.done, 0)
    return answer


def test_timing_picture():
    """As in the docstring, with registers that take two cycles."""
    dut, log, rows = AxiLite(), [], []

    async def drive(ctx):
        ctx.set(dut.awaddr, 0x20)
        ctx.set(dut.wdata, 5)
        ctx.set(dut.wstrb, 15)
        for cycle in range(7):
            ctx.set(dut.awvalid, cycle <= 4)
            ctx.set(dut.wvalid, 1 <= cycle <= 4)
            ctx.set(dut.bready, cycle == 6)
            _, _, *row = await ctx.tick().sample(dut.access.valid, dut.access.done, dut.awready,
                                                 dut.wready, dut.bvalid)
            rows.append(row)

    simulate_component(dut, drive, background=[registers(dut, log, 1)])
    access, done, awready, wready, bvalid = ("".join(map(str, map(int, row)))
                                             for row in zip(*rows, strict=True))
    assert (access, done, awready, wready, bvalid) == (
        "0011000", "0001000", "0000100", "0000100", "0000011")
    assert log == [(1, 0x20, 5, 1)]


@pytest.mark.parametrize("b_stall, gap", [(0, 0), (4, 0), (0, 5)])
def test_reads_and_writes_take_turns(b_stall, gap):
    """Neither waits for ever while the other goes on; each has the response of its own access."""
    dut, log, done = AxiLite(), [], {"write": [], "read": []}

    async def write(ctx):
        ctx.set(dut.wstrb, 15)
        for k in range(6):
            await put(ctx, dut, {"aw": ("awaddr", 0xE8 + 8 * k), "w": ("wdata", k)}, gap)
            done["write"].append(await get(ctx, dut.bvalid, dut.bready, [dut.bresp], b_stall))

    async def read(ctx):
        for k in range(6):
            await put(ctx, dut, {"ar": ("araddr", 0xEC + 8 * k)})
            done["read"].append(await get(ctx, dut.rvalid, dut.rready, [dut.rresp, dut.rdata], 0))

    simulate_component(dut, write, read, background=[registers(dut, log)])
    assert done["write"] == [[0], [0], [0], [SLVERR], [SLVERR], [SLVERR]]
    assert done["read"] == [[SLVERR * (k > 2), 0xA0000000 + (0xEC + 8 * k >> 2)] for k in range(6)]
    assert [a for w, *a in log if w] == [[0xE8 + 8 * k, k, 1] for k in range(6)]
    if not gap:
        kinds = [entry[0] for entry in log[:8]]
        assert kinds.count(1) == 4, kinds


async def put(ctx, dut, channels, gap=0):
    """Offer a value on each channel, on the later one ``gap`` cycles after the other."""
    waiting = list(channels)

    async def tick():
        _, _, *taken = await ctx.tick().sample(*(getattr(dut, f"{c}ready") for c in waiting))
        return taken

    for channel, (name, value) in channels.items():
        ctx.set(getattr(dut, name), value)
        ctx.set(getattr(dut, f"{channel}valid"), 1)
        for _ in range(gap if channel != waiting[-1] else 0):
            assert not any(await tick())  # Not before all is there.
    while waiting:
        taken = await tick()
        for channel, ready in zip(list(waiting), taken, strict=True):
            if ready:
                ctx.set(getattr(dut, f"{channel}valid"), 0)
                waiting.remove(channel)


async def get(ctx, valid, ready, values, stall):
    for _ in range(stall):
        await ctx.tick()
    ctx.set(ready, 1)
    there = False
    while not there:
        _, _, there, *found = await ctx.tick().sample(valid, *values)
    ctx.set(ready, 0)
    return found


@pytest.mark.parametrize("strobes", range(16))
def test_part_of_a_word(strobes):
    """The registers learn that it is not whole, on either bus."""
    axi, wishbone, log = AxiLite(), Wishbone(), []

    async def over_axi(ctx):
        ctx.set(axi.wstrb, strobes)
        await put(ctx, axi, {"aw": ("awaddr", 4), "w": ("wdata", 9)})

    async def over_wishbone(ctx):
        for name, value in {"adr_i": 1, "dat_i": 9, "we_i": 1, "sel_i": strobes, "cyc_i": 1,
                            "stb_i": 1}.items():
            ctx.set(getattr(wishbone, name), value)
        done = False
        while not done:
            _, _, done = await ctx.tick().sample(wishbone.ack_o)

    simulate_component(axi, over_axi, background=[registers(axi, log)])
    simulate_component(wishbone, over_wishbone, background=[registers(wishbone, log)])
    assert log == [(1, 4, 9, strobes == 15)] * 2


@pytest.mark.parametrize("cyc, stb", [(0, 1), (1, 0), (0, 0)])
def test_wishbone_without_a_cycle(cyc, stb):
    dut, log = Wishbone(), []

    async def drive(ctx):
        ctx.set(dut.cyc_i, cyc)
        ctx.set(dut.stb_i, stb)
        await ctx.tick().repeat(6)

    simulate_component(dut, drive, background=[registers(dut, log)])
    assert log == []
