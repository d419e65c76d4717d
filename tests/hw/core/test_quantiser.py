import random

import pytest
import torch
from amaranth.sim import Simulator

from qblif.golden import neuron as golden
from qblif.golden.spec import Neuron
from qblif.golden.spec import Quantiser as QuantiserSpec
from qblif.hw.core.quantiser import QuantiserCore

random.seed(0)


def quantise(spec, kind, membranes):
    """``(level, amount)`` of each membrane from the hardware."""
    dut = QuantiserCore(spec, kind)
    found = []

    async def testbench(ctx):
        for v in membranes:
            ctx.set(dut.v, v)
            found.append((ctx.get(dut.level), ctx.get(dut.amount)))

    simulator = Simulator(dut)
    simulator.add_testbench(testbench)
    simulator.run()
    return found


def expected(spec, membranes):
    levels = golden.fire(spec, torch.tensor(membranes)).tolist()
    return [(level, level * spec.quantiser.theta) for level in levels]


def spec_of(v_width, n_max, theta, rounding="down"):
    return Neuron(v_width=v_width,
                  quantiser=QuantiserSpec(n_max=n_max, theta=theta, rounding=rounding))


@pytest.mark.parametrize("rounding", QuantiserSpec.ROUNDINGS)
@pytest.mark.parametrize("theta", range(1, 32))
@pytest.mark.parametrize("n_max", [1, 2, 3, 5, 20])
def test_ladder_everywhere(n_max, theta, rounding):
    spec = spec_of(6, n_max, theta, rounding)
    membranes = list(range(spec.v_min, spec.v_max + 1))
    assert quantise(spec, "ladder", membranes) == expected(spec, membranes)


@pytest.mark.parametrize("rounding", QuantiserSpec.ROUNDINGS)
@pytest.mark.parametrize("theta", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("n_max", [1, 2, 3, 5, 7, 8, 15, 16, 20])
def test_slice_everywhere(n_max, theta, rounding):
    spec = spec_of(6, n_max, theta, rounding)
    membranes = list(range(spec.v_min, spec.v_max + 1))
    assert quantise(spec, "slice", membranes) == expected(spec, membranes)


@pytest.mark.parametrize("kind, theta", [("slice", 4096), ("slice", 256), ("ladder", 4096),
                                         ("ladder", 3001), ("ladder", 131071)])
@pytest.mark.parametrize("n_max", [1, 4, 15, 20])
def test_random_at_real_width(n_max, kind, theta):
    spec = spec_of(18, n_max, theta)
    edges = {n * theta + d for n in range(n_max + 2) for d in (-1, 0)} | {0, -1}
    membranes = [v for v in edges if v <= spec.v_max] + [spec.v_min, spec.v_max]
    membranes += [random.randint(spec.v_min, spec.v_max) for _ in range(400)]
    assert quantise(spec, kind, membranes) == expected(spec, membranes)


def test_nearest_by_hand():
    """Threshold 8: half of it rounds up, and what the burst stands for is whole levels."""
    for kind in ("slice", "ladder"):
        assert quantise(spec_of(6, 2, 8, "nearest"), kind, [-1, 3, 4, 11, 12, 31]) == [
            (0, 0), (0, 0), (1, 8), (1, 8), (2, 16), (2, 16)]


def test_slice_needs_a_power_of_two():
    with pytest.raises(ValueError, match="^Quantiser slice needs a power of two as threshold, "
                                         "not 3"):
        QuantiserCore(spec_of(6, 3, 3), "slice")


def test_unknown_kind():
    with pytest.raises(ValueError, match="^Quantiser must be one of slice, ladder, not 'table'"):
        QuantiserCore(spec_of(6, 3, 4), "table")
