"""A reset in the middle of a frame leaves nothing behind, although data registers have none."""

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from qblif.golden import integer
from qblif.golden.spec import Conv2d, Decay, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.sim.pysim import arrange, frame_events
from qblif.sim.stream import simulate_component, stream_put

RESET_CYCLES = 16  # As the documentation asks for.
FRAMES = 4


def network(static, kind):
    """Ten inputs and five classes; the neurons between are flat, or a map with a residual edge."""
    hidden = Neuron(leak=Decay((1,)), quantiser=Quantiser(n_max=5, theta=16), v_width=14)
    draw = np.random.default_rng(4)
    if kind == "flat":
        shapes, synapses = [(10,), (12,)], [Dense(source="input", target="hidden", w_width=6)]
    else:
        shapes = [(2, 1, 5), (3, 1, 5)]
        synapses = [Conv2d(source="input", target="hidden", w_width=6, kernel=(1, 3),
                           padding=(0, 1)),
                    Dense(source="input", target="out", w_width=5)]
    synapses.append(Dense(source="hidden", target="out", w_width=7))
    spec = Network(
        timesteps=3, input=Input(shape=shapes[0], n_max=6, static=static), synapses=synapses,
        populations=[
            Population(name="hidden", shape=shapes[1], neuron=hidden, sum_width=13, bias_width=6),
            Population(name="out", shape=(5,), neuron=Neuron(quantiser=None, v_width=16),
                       sum_width=14)])
    weights = {"input->hidden": (-9, 14), "hidden->out": (-64, 64), "input->out": (-16, 16)}
    return Trained(
        spec, {s.name: draw.integers(*weights[s.name], spec.weight_shape(s)).astype(np.int32)
               for s in synapses},
        {"hidden": draw.integers(-20, 30, spec.populations[0].channels).astype(np.int32)})


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("kind, lanes", [  # Sums in registers, in memory, and of a map.
    ("flat", [12, 5]), ("flat", [6, 3]), ("flat", [2, 1]), ("map", [3, 2]), ("map", [1, 1])])
@pytest.mark.parametrize("cycles", [7, 61, 133])
def test_reset_in_mid_frame(cycles, kind, lanes, static):
    trained = network(static, kind)
    spec = trained.spec
    draw = np.random.default_rng(cycles)
    shape = (FRAMES, 10) if static else (FRAMES, 3, 10)
    frames = draw.integers(0, 7, shape)
    dut, reset = NetworkCore(compile(spec, make_plan(spec, lanes=lanes)), trained), Signal()
    traces, labels = {p.name: [] for p in spec.populations}, []

    async def source(ctx):
        vectors = [vector for frame in draw.integers(0, 7, (20, *shape[1:]))
                 for vector in frame_events(frame, spec.input)]
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for _ in range(cycles):
            ctx.set(dut.i.payload, vectors[0])
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            del vectors[:ready]
        ctx.set(dut.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick().repeat(RESET_CYCLES)
        for vectors in traces.values():
            vectors.clear()
        labels.clear()
        ctx.set(reset, 0)
        for frame in frames:
            for event in frame_events(frame, spec.input):
                await stream_put(ctx, dut.i, event)
        while len(labels) < FRAMES:
            await ctx.tick()

    async def watch(ctx):
        while True:
            if ctx.get(dut.o.valid):
                labels.append(ctx.get(dut.o.p.label))
            for name, vectors in traces.items():
                if ctx.get(getattr(dut, f"trace_{name}_valid")):
                    vectors.append(ctx.get(getattr(dut, f"trace_{name}")))
            await ctx.tick()

    simulate_component(ResetInserter(reset)(dut), source, background=[watch])
    golden = integer.run(trained, frames)
    assert labels == golden.classes.tolist()
    for population in spec.populations:
        name = population.name
        levels, membranes = arrange(population, traces[name], spec.timesteps, FRAMES)
        np.testing.assert_array_equal(levels, golden.levels[name])
        np.testing.assert_array_equal(membranes, golden.membranes[name])
