"""The resonator: every small case, and its timing."""

import itertools
import random

import numpy as np
import pytest

from qblif.golden.sound import resonate
from qblif.golden.spec.sound import FrontEnd
from qblif.hw.sound.resonator import Resonator
from qblif.sim.stream import simulate_component


def steps(cases, kind=Resonator, **sizes):
    """``y`` of each case, a dictionary of inputs; ``done`` must come when the picture says."""
    found = []

    async def process(ctx):
        for case in cases:
            for name, value in case.items():
                ctx.set(getattr(dut, name), value)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for cycle in range(sizes["fraction"] + 2):
                assert ctx.get(dut.done) == 0, cycle
                await ctx.tick()
            assert ctx.get(dut.done) == 1
            found.append(ctx.get(dut.y))

    dut = kind(**sizes)
    simulate_component(dut, process)
    return found


def wanted(cases, width, fraction):
    columns = {name: np.array([case[name] for case in cases]) for name in cases[0]}
    return resonate(**columns, width=width, fraction=fraction).tolist()


def test_every_small_case():
    drive = random.Random(0)
    cases = [dict(last=last, before=before, a1=a1, a2=a2, drive=drive.randrange(-16, 16))
             for last, before, a1, a2 in itertools.product(range(-4, 4), range(-4, 4),
                                                           range(-8, 8), range(5))]
    assert steps(cases, width=3, fraction=2, drive_width=5) == wanted(cases, 3, 2)


@pytest.mark.parametrize("seed", range(3))
def test_real_widths(seed):
    rng, spec = random.Random(seed), FrontEnd()
    extremes = [-1 << 23, (1 << 23) - 1, 0, -1]
    cases = [dict(last=rng.choice([*extremes, rng.randrange(-1 << 23, 1 << 23)]),
                  before=rng.choice([*extremes, rng.randrange(-1 << 23, 1 << 23)]),
                  a1=a1, a2=a2, drive=rng.randrange(-1 << 18, 1 << 18))
             for _ in range(10) for a1, a2 in spec.coefficients]
    found = steps(cases, width=24, fraction=10, drive_width=19)
    assert found == wanted(cases, 24, 10)
    assert {-1 << 23, (1 << 23) - 1} <= {*found}  # It saturated both ways.
