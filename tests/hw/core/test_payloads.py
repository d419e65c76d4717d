import pytest
from amaranth import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qblif.hw.core.payloads import index_shape, pipe, saturate
from qblif.sim.stream import simulate_component


class Saturated(wiring.Component):
    i: In(signed(6))
    o: Out(signed(4))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(saturate(self.i, 4))
        return m


class Delayed(wiring.Component):
    i: In(4)
    o: Out(4)

    def __init__(self, cycles):
        self.cycles = cycles
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(pipe(m, self.i, self.cycles, "i"))
        return m


def test_saturate_everywhere():
    dut = Saturated()

    async def feed(ctx):
        for value in range(-32, 32):
            ctx.set(dut.i, value)
            assert ctx.get(dut.o) == max(-8, min(7, value))
            await ctx.tick()

    simulate_component(dut, feed, timeout=100)


@pytest.mark.parametrize("cycles", range(4))
def test_pipe_delays_by_its_cycles(cycles):
    dut, found = Delayed(cycles), []

    async def feed(ctx):
        for value in range(16):
            ctx.set(dut.i, value)
            found.append(ctx.get(dut.o))
            await ctx.tick()

    simulate_component(dut, feed, timeout=20)
    assert found[cycles:] == list(range(16 - cycles))


@pytest.mark.parametrize("count, width", [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_index_shape(count, width):
    assert len(Signal(index_shape(count))) == width
