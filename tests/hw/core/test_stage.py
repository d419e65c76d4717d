"""One stage with two synapses, alone: what leaves it is what the integer model says."""

import itertools
import random

import numpy as np
import pytest
from dense_cases import transfers
from poison import poisoned

from qblif.golden import integer
from qblif.golden.spec import (
    Conv2d,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quantiser,
    as_map,
)
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.dense_engine import DenseEngineCore
from qblif.hw.core.network import NetworkCore
from qblif.hw.core.stream_engine import StreamEngineCore
from qblif.hw.layout.addressing import address_bits, addresses
from qblif.hw.layout.compile import compile
from qblif.hw.layout.passes import ORDERS
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.stream import aer_checker, simulate_component, stream_checker, stream_get, stream_put

FRAMES, TIMESTEPS = 5, 2


def network():
    """The stage ``sum`` adds a convolution of the input and one of the population ``a``; ``flat``
    dense synapses from the input and from the map ``sum``."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=16), v_width=10)
    maps = {"shape": (3, 2, 3), "neuron": fires, "sum_width": 12}
    synapses = [Conv2d(source="input", target="a", kernel=1, w_width=5),
                Conv2d(source="input", target="sum", kernel=3, padding=1, w_width=5),
                Conv2d(source="a", target="sum", kernel=1, groups=3, w_width=5),
                Dense(source="input", target="flat", w_width=5),
                Dense(source="sum", target="flat", w_width=5),
                Dense(source="flat", target="out", w_width=5)]
    spec = Network(
        timesteps=TIMESTEPS, input=Input(shape=(2, 2, 3), n_max=3, static=False),
        populations=[Population(name="a", **maps), Population(name="sum", **maps, bias_width=4),
                     Population(name="flat", shape=(7,), neuron=fires, sum_width=12, bias_width=4),
                     Population(name="out", shape=(2,), sum_width=12,
                                neuron=Neuron(quantiser=None, v_width=12))], synapses=synapses)
    draw = np.random.default_rng(1)
    return Trained(spec, {s.name: draw.integers(-9, 16, spec.weight_shape(s)).astype(np.int32)
                          for s in synapses},
                   {"sum": np.array([3, -5, 7], np.int32),
                    "flat": np.arange(-3, 4, dtype=np.int32)})


def steps_of(order, positions):
    """``(timestep, position)`` in order, of one frame."""
    if order == "inner":
        return [(t, position) for position in range(positions) for t in range(TIMESTEPS)]
    return [(t, position) for t in range(TIMESTEPS) for position in range(positions)]


def check(name, order, stage_plan, kind, i_stall, o_stall):
    trained, draw, found = network(), random.Random(0), []
    spec = trained.spec
    plan = Plan(stages=tuple(stage_plan if p.name == name else StagePlan(lanes=1)
                             for p in spec.populations), order=order)
    frames = np.random.default_rng(2).integers(0, 4, (FRAMES, TIMESTEPS, 12))
    golden = integer.run(trained, frames)
    fired = {p: levels.numpy().swapaxes(0, 1) for p, levels in golden.levels.items()}
    dut = next(stage for stage in NetworkCore(compile(spec, plan), trained).stages
               if stage.layout.name == name)
    assert [type(engine) for engine in dut.engines] == kind

    def source(source):
        shape, port = spec.source(source).shape, getattr(dut, f"i_{source}")
        levels = frames if source == "input" else fired[source]

        async def play(ctx):
            for frame in levels:
                for steps in [frame] if order == "inner" else np.split(frame, TIMESTEPS):
                    for event in transfers(shape, steps):
                        await stream_put(ctx, port, event, draw.randint(0, i_stall))
        return play

    shape, events = spec.source(name).shape, []
    channels, low, address = as_map(shape)[0], address_bits(shape)[0], addresses(shape)
    neurons = np.arange(address.size).reshape(channels, -1)
    for frame, (t, position) in itertools.product(
            fired[name], steps_of(order, neurons.shape[1])):
        events += [(int(address[n]), int(frame[t, n]))
                   for n in neurons[:, position] if frame[t, n]]
        events.append(("end", int(address[neurons[0, position]]) >> low))

    async def sink(ctx):
        for _ in events:
            payload = await stream_get(ctx, dut.o, draw.randint(0, o_stall))
            found.append(("end", payload.address >> low) if payload.end
                         else (payload.address, payload.level))

    with poisoned():
        simulate_component(dut, sink, *map(source, dut.inputs),
                           background=[stream_checker(dut.o), aer_checker(dut.o)])
    assert found == events


STALLS = pytest.mark.parametrize("i_stall, o_stall", [(0, 0), (4, 0), (0, 9)])


@STALLS
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("plan", [
    {"lanes": 3}, {"lanes": 4, "fire_lanes": 2, "ports": 2}, {"lanes": 1, "buffers": 2},
    {"lanes": 2, "fire_lanes": 2, "ports": 4, "buffers": 3, "slack": 0}], ids=str)
def test_two_synapses_of_a_map(plan, order, i_stall, o_stall):
    """They share one streaming engine."""
    check("sum", order, StagePlan(**plan), [StreamEngineCore], i_stall, o_stall)


@STALLS
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("lanes, fire_lanes", [
    ((7, 7), 1), ((2, 4), 2), ((1, 1), 1), ((8, 1), 1)])
def test_two_synapses_without_a_map(lanes, fire_lanes, order, i_stall, o_stall):
    """Each has its dense engine; their currents, in registers and in memory, are added."""
    check("flat", order, StagePlan(lanes=lanes, fire_lanes=fire_lanes), [DenseEngineCore] * 2,
          i_stall, o_stall)
