"""A reset in the middle of a frame leaves nothing behind, although data registers have none."""

import numpy as np
import pytest
from amaranth import ResetInserter, Signal, Value

from qblif.golden import integer
from qblif.golden.spec import Conv2d, Decay, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.latency import reset_cycles
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.pysim import arrange, frame_events
from qblif.sim.stream import simulate_component, stream_put

FRAMES = 2


def network(static, kind):
    """Twelve inputs and five classes; the neurons between are flat, or two maps, of which the
    second has a residual edge from the input."""
    hidden = Neuron(leak=Decay((1,)), quantiser=Quantiser(n_max=5, theta=16), v_width=14)
    draw = np.random.default_rng(4)
    fields = {"neuron": hidden, "sum_width": 13, "bias_width": 6}
    if kind == "flat":
        shape, synapses = (12,), [Dense(source="input", target="hidden", w_width=6)]
        populations = [Population(name="hidden", shape=(12,), **fields)]
    else:
        shape = (2, 3, 2)
        synapses = [Conv2d(source="input", target="first", w_width=6, kernel=3, padding=1),
                    Conv2d(source="first", target="hidden", w_width=6, kernel=(3, 1),
                           padding=(1, 0)),
                    Conv2d(source="input", target="hidden", w_width=6, kernel=1),
                    Dense(source="input", target="out", w_width=5)]
        populations = [Population(name=name, shape=(3, 3, 2), **fields)
                       for name in ("first", "hidden")]
    synapses.append(Dense(source="hidden", target="out", w_width=7))
    spec = Network(
        timesteps=3, input=Input(shape=shape, n_max=6, static=static), synapses=synapses,
        populations=[*populations, Population(
            name="out", shape=(5,), neuron=Neuron(quantiser=None, v_width=16), sum_width=14)])
    weights = {"hidden->out": (-64, 64), "input->out": (-16, 16)}
    return Trained(
        spec, {s.name: draw.integers(*weights.get(s.name, (-9, 14)), spec.weight_shape(s)
                                     ).astype(np.int32) for s in synapses},
        {p.name: draw.integers(-20, 30, p.channels).astype(np.int32) for p in populations})


def plan_of(spec, lanes, ports=1, order="inner"):
    return Plan(order=order, stages=tuple(
        StagePlan(lanes=n, ports=ports, buffers=1 + (ports > 1)) for n in lanes))


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("kind, options", [  # Currents in registers, in memory, and of a map.
    ("flat", {"lanes": [12, 5]}), ("flat", {"lanes": [6, 3]}), ("flat", {"lanes": [2, 1]}),
    ("map", {"lanes": [3, 3, 2]}), ("map", {"lanes": [2, 3, 1], "order": "outer"}),
    ("map", {"lanes": [3, 1, 5], "ports": 4})],
    ids=str)
@pytest.mark.parametrize("cycles", [7, 61, 133])
def test_reset_in_mid_frame(cycles, kind, options, static):
    """For as long as the host interface holds it."""
    trained = network(static, kind)
    spec = trained.spec
    draw = np.random.default_rng(cycles)
    shape = (FRAMES, 12) if static else (FRAMES, 3, 12)
    frames = draw.integers(0, 7, shape)
    layout = compile(spec, plan_of(spec, **options))
    dut, reset = NetworkCore(layout, trained), Signal()
    traces, labels = {p.name: [] for p in spec.populations}, []

    async def source(ctx):
        vectors = [vector for frame in draw.integers(0, 7, (20, *shape[1:]))
                 for vector in frame_events(frame, layout.input)]
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for _ in range(cycles):
            ctx.set(dut.i.payload, vectors[0])
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            del vectors[:ready]
        ctx.set(dut.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick().repeat(reset_cycles([stage.timing for stage in layout.stages]))
        for vectors in traces.values():
            vectors.clear()
        labels.clear()
        ctx.set(reset, 0)
        for frame in frames:
            for event in frame_events(frame, layout.input):
                await stream_put(ctx, dut.i, event)
        while len(labels) < FRAMES:
            await ctx.tick()

    async def watch(ctx):
        ports = [getattr(dut, f"trace_{name}") for name in traces]
        valid = [getattr(dut, f"trace_{name}_valid") for name in traces]
        async for _, _, result, label, *found in ctx.tick().sample(
                dut.o.valid, dut.o.p.label, *valid, *map(Value.cast, ports)):
            if result:
                labels.append(label)
            for vectors, port, now, bits in zip(traces.values(), ports, found[:len(ports)],
                                                found[len(ports):], strict=True):
                if now:
                    vectors.append(port.shape().from_bits(bits))

    simulate_component(ResetInserter(reset)(dut), source, background=[watch])
    golden = integer.run(trained, frames)
    assert labels == golden.classes.tolist()
    for stage in layout.stages:
        name = stage.name
        levels, membranes = arrange(stage, traces[name])
        np.testing.assert_array_equal(levels, golden.levels[name])
        np.testing.assert_array_equal(membranes, golden.membranes[name])
