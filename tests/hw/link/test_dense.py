import random

import numpy as np
import pytest

from qblif.golden.spec import Input
from qblif.hw.layout.input_stream import InputFormat
from qblif.hw.link.dense import DenseUnpacker
from qblif.hw.link.protocol import pack_dense
from qblif.sim.board_model import _unpack
from qblif.sim.stream import run_stream, simulate_component, stream_get, stream_put


class Dense(DenseUnpacker):
    """Always in its dense mode."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.dense.eq(1)
        return m


@pytest.mark.parametrize("n_max, size", [(1, 9), (2, 8), (3, 11), (7, 5), (15, 3), (20, 4)])
def test_dense_bytes_become_event_bytes(n_max, size):
    draw = np.random.default_rng(n_max)
    steps = draw.integers(0, n_max + 1, (12, size)) * (draw.random((12, size)) < 0.7)
    packed = pack_dense(steps.tolist(), n_max)
    found = bytes(run_stream(Dense(size, n_max), packed, 12 * (size + 1), i_stall=2, o_stall=2,
                             ready_first=False))
    layout = InputFormat(Input(shape=(size,), n_max=n_max, static=False), ends=12)
    np.testing.assert_array_equal(_unpack(found, layout), steps)


def test_other_bytes_pass():
    sent = [random.Random(0).randrange(256) for _ in range(50)]
    assert run_stream(DenseUnpacker(9, 2), sent, 50, i_stall=2, o_stall=2) == sent


def test_start_forgets_what_was_begun():
    """Neither the byte's other levels nor the number of levels so far is left of it."""
    dut, found = DenseUnpacker(9, 2), []

    async def bench(ctx):
        ctx.set(dut.dense, 1)
        await stream_put(ctx, dut.i, 0xAA)
        for _ in range(2):
            await stream_get(ctx, dut.o)
        assert ctx.get(dut.busy)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        assert not ctx.get(dut.busy)
        for byte in pack_dense([[1] * 9], 2):
            await stream_put(ctx, dut.i, byte)
            while ctx.get(dut.busy):
                found.append(await stream_get(ctx, dut.o))
    simulate_component(dut, bench)
    assert found == [1] * 9 + [0]


@pytest.mark.parametrize("n_max, size", [(1, 8), (3, 5), (15, 2)])
def test_busy_until_the_last_event(n_max, size):
    """From the byte that is taken until its last event, the end of the timestep included."""
    dut, events = DenseUnpacker(size, n_max), []

    async def bench(ctx):
        ctx.set(dut.dense, 1)
        for byte in pack_dense([[1] * size], n_max):
            await stream_put(ctx, dut.i, byte)
            while ctx.get(dut.busy):
                events.append(await stream_get(ctx, dut.o, stall=1))
    simulate_component(dut, bench)
    assert events == [1] * size + [0]
