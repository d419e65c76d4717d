import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Signal, signed, unsigned

from qblif.golden.spec import Input
from qblif.golden.spec.pixels import to_levels
from qblif.hw.logic.compare import at_least
from qblif.hw.logic.pixel_encoder import PixelEncoder
from qblif.sim.stream import simulate_component


@pytest.mark.parametrize("n_max, steps", [
    *((n_max, ()) for n_max in (1, 2, 3, 5, 7, 10, 15, 16, 63)), (1, (43,)), (1, (1, 128, 255))])
def test_every_pixel(n_max, steps):
    copies = max(1, len(steps))
    dut, found = PixelEncoder(Input(shape=(3 * copies,), n_max=n_max, thresholds=steps)), []
    pixels = np.arange(3 * 256).reshape(3, 256).T * 5 % 256  # Each input has every one.
    assert all(len(set(column)) == 256 for column in pixels.T)

    async def drive(ctx):
        for row in pixels.tolist():
            ctx.set(dut.i, row)
            await ctx.tick()
            found.append(list(ctx.get(dut.o)))

    simulate_component(dut, drive, timeout=300)
    np.testing.assert_array_equal(found, to_levels(pixels.astype(np.uint8), n_max, steps))


@pytest.mark.parametrize("shape", [unsigned(1), unsigned(4), signed(1), signed(4)], ids=repr)
def test_at_least_any_constant(shape):
    dut, value = Module(), Signal(shape)
    values = range(-8, 8) if shape.signed else range(16)
    values = [v for v in values if v in range(*((-(1 << shape.width - 1), 1 << shape.width - 1)
                                                if shape.signed else (0, 1 << shape.width)))]
    constants = range(-10, 18)
    reached = Signal(len(constants))
    dut.d.comb += reached.eq(Cat(at_least(value, constant) for constant in constants))
    found = []

    async def drive(ctx):
        for v in values:
            ctx.set(value, v)
            found.append(ctx.get(reached))

    simulate_component(dut, drive)
    assert found == [sum((v >= constant) << k for k, constant in enumerate(constants))
                     for v in values]
