import random

import numpy as np
import pytest

from qblif.golden.spec import Input
from qblif.hw.link.dense import DenseUnpacker
from qblif.hw.link.protocol import pack_dense
from qblif.sim.board_model import _unpack
from qblif.sim.stream import run_stream, simulate_component


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
    source = Input(shape=(size,), n_max=n_max, static=False)
    np.testing.assert_array_equal(_unpack(found, source), steps)


def test_other_bytes_pass():
    sent = [random.Random(0).randrange(256) for _ in range(50)]
    assert run_stream(DenseUnpacker(9, 2), sent, 50, i_stall=2, o_stall=2) == sent


def test_start_forgets_what_was_begun():
    dut, found = DenseUnpacker(9, 2), []

    async def bench(ctx):
        ctx.set(dut.dense, 1)
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, 0xAA)
        await ctx.tick()
        ctx.set(dut.i.valid, 0)
        found.append(ctx.get(dut.busy))
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        found.append(ctx.get(dut.busy))
    simulate_component(dut, bench)
    assert found == [1, 0]
