import pytest

from qblif.golden.spec import Decay, Quadratic
from qblif.hw.core.leak import Leak
from qblif.sim.stream import simulate_component

DECAYS = [Decay(), Decay((0,)), Decay((1,)), Decay((3,)), Decay((1, 2)), Decay((1,), (3,)),
          Decay((2, 3, 4))]
QUADRATICS = [Quadratic(bits=3), Quadratic(gain=20, low=-3, high=9, bits=3),
              Quadratic(gain=40, low=-10, high=30, bits=4)]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("leak", DECAYS + QUADRATICS, ids=str)
def test_every_membrane(leak, first):
    """One a cycle, with the latency that the table of latencies has."""
    dut, found = Leak(leak, 8), []
    membranes = list(range(-128, 128))

    async def feed(ctx):
        ctx.set(dut.first, first)
        for v in membranes + [0] * dut.latency:
            ctx.set(dut.v, v)
            _, _, o = await ctx.tick().sample(dut.o)
            found.append(int(o))

    simulate_component(dut, feed, timeout=300)
    assert found[dut.latency:] == [int(leak.apply(0 if first else v)) for v in membranes]
