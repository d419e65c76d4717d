import random

import pytest

from qblif.hw.bus.register_slice import RegisterSlice
from qblif.sim.stream import run_stream, simulate_component


@pytest.mark.parametrize("i_stall, o_stall, ready_first", [
    (0, 0, True), (3, 0, True), (0, 3, True), (2, 2, True), (1, 1, False), (0, 3, False)])
def test_passes_all_in_order(i_stall, o_stall, ready_first):
    items = [random.Random(0).randrange(256) for _ in range(300)]
    assert run_stream(RegisterSlice(8), items, 300, i_stall=i_stall, o_stall=o_stall,
                      ready_first=ready_first) == items


def test_timing_picture():
    """As in the docstring: a transfer in each cycle, two while the sink stalls."""
    dut, rows = RegisterSlice(8), []

    async def drive(ctx):
        ctx.set(dut.i.valid, 1)
        for o_ready in (0, 0, 1, 1, 1, 1, 1):
            ctx.set(dut.i.payload, ord("a") + sum(ready for ready, _ in rows))
            ctx.set(dut.o.ready, o_ready)
            _, _, ready, valid, payload = await ctx.tick().sample(
                dut.i.ready, dut.o.valid, dut.o.payload)
            rows.append((ready, chr(payload) if valid else "."))

    simulate_component(dut, drive)
    assert [ready for ready, _ in rows] == [1, 1, 0, 1, 1, 1, 1]
    assert "".join(o for _, o in rows) == ".aabcde"


def test_ready_is_of_registers_alone():
    """It does not follow the sink within a cycle."""
    dut = RegisterSlice(8)

    async def drive(ctx):
        ctx.set(dut.i.valid, 1)
        await ctx.tick().repeat(3)
        for o_ready in (0, 1, 0):
            ctx.set(dut.o.ready, o_ready)
            assert ctx.get(dut.i.ready) == 0

    simulate_component(dut, drive)
