"""The poisoned memories of the random networks: they spoil collisions, and nothing else."""

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from poison import poisoned

from qblif.golden import integer
from qblif.sim.pysim import run_network
from qblif.sim.stream import simulate_component


class Cells(wiring.Component):
    """A memory's ports, as the hardware uses them."""

    def __init__(self):
        super().__init__({"read": In(2), "en": In(1), "data": Out(4), "write": In(1),
                          "write_address": In(2), "write_data": In(4)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.cells = cells = memory.Memory(shape=4, depth=4, init=[1, 2, 3, 4])
        read, write = cells.read_port(), cells.write_port()
        m.d.comb += [read.addr.eq(self.read), read.en.eq(self.en), self.data.eq(read.data),
                     write.en.eq(self.write), write.addr.eq(self.write_address),
                     write.data.eq(self.write_data)]
        return m


@pytest.mark.parametrize("delay, expected", [
    (None, [2, 2, 9, 9, 9]), (0, [2, ~2 & 15, 9, 9, 9]), (1, [2, 2, ~9 & 15, ~9 & 15, 9])])
def test_the_cycle_that_is_spoilt(delay, expected):
    """Address 1 is read in every cycle but the fourth, and 9 is written to it in the second."""
    dut, found = Cells(), []

    async def run(ctx):
        ctx.set(dut.read, 1)
        ctx.set(dut.write_address, 1)
        ctx.set(dut.write_data, 9)
        for cycle in range(5):
            ctx.set(dut.en, cycle != 3)
            ctx.set(dut.write, cycle == 1)
            await ctx.tick()
            found.append(ctx.get(dut.data))

    if delay is None:
        simulate_component(dut, run)
    else:
        with poisoned(delay):
            simulate_component(dut, run)
    assert found == expected


def agrees(tiny):
    trained, layout, frames = tiny
    rtl = run_network(trained, layout, frames[:6], timeout=5_000)
    golden = integer.run(trained, frames[:6])
    return all(np.array_equal(rtl.membranes[name], expected)
               for name, expected in golden.membranes.items())


def test_no_memory_is_read_where_it_is_written(tiny):
    with poisoned():
        assert agrees(tiny)


def test_poison_one_cycle_late_is_found(tiny):
    """It spoils words that were just written and are read rightly: the events in the queues."""
    with poisoned(delay=1):
        try:
            assert not agrees(tiny)
        except AssertionError as error:  # Spoilt events can also break the stream's contract.
            assert "address" in str(error) or "no end" in str(error) or "no transfer" in str(error)
