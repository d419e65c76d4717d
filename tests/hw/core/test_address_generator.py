import random

import numpy as np
import pytest
from scatter_cases import CASES, fan_out, scatter_of

from qblif.golden.spec import Conv2d, Dense
from qblif.hw.core.address_generator import AddressGenerator
from qblif.hw.layout.scatter import ScatterMap
from qblif.sim.stream import simulate_component


def rtl(scatter, bases, gap=0.0):
    """``[(weight, word), ...]`` of every step of each base."""
    dut, found, draw = AddressGenerator(scatter), [], random.Random(0)

    async def feed(ctx):
        for base in bases:
            ctx.set(dut.base, base)
            found.append([])
            last = False
            while not last:
                step = draw.random() >= gap
                ctx.set(dut.step, step)
                weight, word, is_last = ctx.get(dut.weight), ctx.get(dut.word), ctx.get(dut.last)
                await ctx.tick()
                if step:
                    found[-1].append((weight, word))
                    last = is_last

    simulate_component(dut, feed, timeout=20_000)
    return found


def steps(scatter, channel, row, column):
    """The same, by trying all targets and taps."""
    conv, (channels, *_), (_, rows, columns) = scatter.synapse, scatter.source, scatter.target
    first = scatter.words[channel]
    for y in range(rows):
        for x in range(columns):
            tap_y, tap_x = (at // pool + padding - stride * place
                            for at, pool, padding, stride, place in zip(
                                (row, column), conv.pool, conv.padding, conv.stride, (y, x),
                                strict=True))
            if 0 <= tap_y < conv.kernel[0] and 0 <= tap_x < conv.kernel[1]:
                tap = tap_y * conv.kernel[1] + tap_x
                for slot in range(scatter.slots):
                    yield ((tap * scatter.slots + slot) * channels + channel,
                           (y * columns + x) * scatter.groups + first + slot)


@pytest.mark.parametrize("gap", [0.0, 0.5])
@pytest.mark.parametrize("case", [
    *CASES, ((2, 4, 4), 5, 1, {"kernel": (4, 3), "stride": (1, 2), "padding": 1})])
def test_every_neuron(case, gap):
    scatter = scatter_of(*case)
    neurons = [place for place in np.ndindex(*case[0]) if fan_out(scatter, *place)]
    found = rtl(scatter, [fan_out(scatter, *place) for place in neurons], gap)
    assert found == [list(steps(scatter, *place)) for place in neurons]
    assert [len(digit) for digit in found] == [
        scatter.steps().reshape(case[0])[place] for place in neurons]


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 8])
def test_dense(lanes):
    scatter = ScatterMap(Dense(source="a", target="b").as_conv((4,)), (4, 1, 1), (5, 1, 1), lanes)
    found = rtl(scatter, [{"weight": k} for k in range(4)])
    assert found == [[(k + 4 * group, group) for group in range(-(-5 // lanes))] for k in range(4)]


def test_the_example_of_the_docstring():
    conv = Conv2d(source="a", target="b", kernel=3, stride=2, padding=1)
    scatter = ScatterMap(conv, (1, 7, 7), (1, 4, 4), 1)
    assert fan_out(scatter, 0, 3, 4) == {"weight": 7, "word": 6, "rows": 1, "columns": 0}
    assert rtl(scatter, [fan_out(scatter, 0, 3, 4)]) == [[(7, 6), (1, 10)]]
