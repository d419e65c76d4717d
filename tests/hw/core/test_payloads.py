import itertools

import pytest
from amaranth import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qblif.golden.spec import Neuron, Population, Quantiser, as_map
from qblif.hw.core.payloads import (
    Issue,
    TraceVector,
    index_shape,
    pipe,
    saturate,
    set_shape,
    vector_address,
)
from qblif.hw.layout.addressing import addresses, lane_bits, vector_order
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


@pytest.mark.parametrize("sets, width", [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_set_shape(sets, width):
    """One set takes no bits; ``first`` has one for each."""
    assert len(Signal(set_shape(sets))) == width
    issue = Issue(5, sets)
    assert (issue["first"].width, issue["set"].width, issue["word"].width) == (sets, width, 3)


@pytest.mark.parametrize("fire_lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("shape", [(1,), (5,), (3, 2, 3), (6, 1, 2), (2, 3, 1)])
def test_address_of_a_vector(shape, fire_lanes):
    """The fields of every vector, above the lane's bits, are the address of its first neuron."""
    shared, found = vector_address(shape, fire_lanes), []
    _, rows, columns = as_map(shape)
    per_position = -(-as_map(shape)[0] // fire_lanes)
    for row, column, channel in itertools.product(range(rows), range(columns),
                                                  range(per_position)):
        fields = {"channel": channel, "column": column, "row": row}
        found.append(shared.const(fields).as_value().value << lane_bits(shape, fire_lanes))
    first = [neurons[0] for neurons in vector_order(shape, fire_lanes)]
    assert found == addresses(shape)[first].tolist()
    population = Population(name="p", shape=shape, sum_width=6, neuron=Neuron(
        quantiser=Quantiser(n_max=3, theta=2), v_width=5))
    assert TraceVector(population, fire_lanes)["address"].width == max(1, shared.size)
