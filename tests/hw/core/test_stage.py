"""One stage with two synapses, alone: what leaves it is what the integer model says."""

import random

import numpy as np
import pytest

from qblif.golden import integer
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.addressing import address_order, addresses
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.pysim import frame_events
from qblif.sim.stream import aer_checker, simulate_component, stream_checker, stream_get, stream_put

FRAMES = 6


def network():
    """The stage ``sum`` adds a convolution of the input and one of the population ``a``."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=16), v_width=10)
    maps = {"shape": (3, 2, 3), "neuron": fires, "sum_width": 12}
    synapses = [Conv2d(source="input", target="a", kernel=1, w_width=5),
                Conv2d(source="input", target="sum", kernel=3, padding=1, w_width=5),
                Conv2d(source="a", target="sum", kernel=1, groups=3, w_width=5),
                Dense(source="sum", target="out", w_width=5)]
    spec = Network(
        timesteps=2, input=Input(shape=(2, 2, 3), n_max=3, static=False), synapses=synapses,
        populations=[Population(name="a", **maps), Population(name="sum", **maps, bias_width=4),
                     Population(name="out", shape=(2,), sum_width=12,
                                neuron=Neuron(quantiser=None, v_width=12))])
    draw = np.random.default_rng(1)
    return Trained(spec, {s.name: draw.integers(-9, 16, spec.weight_shape(s)).astype(np.int32)
                          for s in synapses}, {"sum": np.array([3, -5, 7], np.int32)})


@pytest.mark.parametrize("i_stall, o_stall", [(0, 0), (4, 0), (0, 9)])
@pytest.mark.parametrize("lanes, fire_lanes", [((3, 3), 1), ((2, 4), 2), ((1, 1), 1)])
def test_two_synapses(lanes, fire_lanes, i_stall, o_stall):
    trained, draw, found = network(), random.Random(0), []
    spec = trained.spec
    plan = Plan(stages=(StagePlan(lanes=1), StagePlan(lanes=lanes, fire_lanes=fire_lanes),
                        StagePlan(lanes=1)))
    frames = np.random.default_rng(2).integers(0, 4, (FRAMES, 2, 12))
    golden = integer.run(trained, frames)
    dut = NetworkCore(compile(spec, plan), trained).stages[1]
    levels = {"input": frames, "a": golden.levels["a"].numpy().swapaxes(0, 1)}

    def source(name):
        async def play(ctx):
            while ctx.get(dut.clearing):
                await ctx.tick()
            for frame in levels[name]:
                for event in frame_events(frame, Input(shape=spec.source(name).shape, n_max=3)):
                    await stream_put(ctx, getattr(dut, f"i_{name}"), event,
                                     draw.randint(0, i_stall))
        return play

    events = []
    for timestep in golden.levels["sum"].numpy().swapaxes(0, 1).reshape(-1, 18):
        events += [(int(addresses((3, 2, 3))[n]), int(timestep[n]))
                   for n in address_order((3, 2, 3)) if timestep[n]] + ["end"]

    async def sink(ctx):
        for _ in events:
            payload = await stream_get(ctx, dut.o, draw.randint(0, o_stall))
            found.append("end" if payload.end else (payload.address, payload.level))

    simulate_component(dut, sink, *map(source, levels),
                       background=[stream_checker(dut.o), aer_checker(dut.o)])
    assert found == events
