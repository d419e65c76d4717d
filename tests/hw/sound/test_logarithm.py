"""The logarithm: every energy of ten bits, its timing, and real widths."""

import random

from qblif.golden.sound import logarithm
from qblif.hw.sound.logarithm import Logarithm
from qblif.sim.stream import simulate_component


def logs(width, energies):
    found = []

    async def process(ctx):
        for energy in energies:
            ctx.set(dut.energy, energy)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for _ in range(width - max(1, energy.bit_length())):
                assert not ctx.get(dut.done)
                await ctx.tick()
            assert ctx.get(dut.done)
            found.append(ctx.get(dut.log))

    dut = Logarithm(width)
    simulate_component(dut, process)
    return found


def test_every_energy_of_ten_bits():
    assert logs(10, range(1 << 10)) == logarithm(range(1 << 10)).tolist()


def test_by_hand():
    # 1.25 * 2**6, the most, and what stands for 0.
    assert logarithm([80, 1023, 0, 1]).tolist() == [4 * 6 + 1, 4 * 9 + 3, 0, 0]


def test_real_width():
    rng = random.Random(0)
    energies = [rng.getrandbits(rng.randrange(1, 33)) for _ in range(200)] + [(1 << 32) - 1]
    assert logs(32, energies) == logarithm(energies).tolist()
