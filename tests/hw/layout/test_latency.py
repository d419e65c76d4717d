"""Latencies of the table that no other test measures, on real pipelines: quadratic leak, several
stages, several synapses."""

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from qblif.golden import integer
from qblif.golden.spec import (
    Conv2d,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quadratic,
    Quantiser,
)
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.latency import (
    COMPLETE_LATENCY,
    COUNT_LATENCY,
    LEAK_LATENCY,
    MOST_TREE,
    NETWORK_READBACK_LATENCY,
    NEURON_LATENCY,
    READOUT_LATENCY,
    STAGE_READBACK_LATENCY,
    SUMS_ADDER_LATENCY,
    SUMS_READ_LATENCY,
    SYNAPTIC_LATENCY,
    TAKEN_LATENCY,
    reset_cycles,
)
from qblif.hw.layout.memory_image import load_writes
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.pysim import frame_events
from qblif.sim.stream import simulate_component, stream_put

QUADRATIC = Neuron(leak=Quadratic(bits=5), quantiser=Quantiser(n_max=5, theta=32), v_width=12)
PLAN = Plan(stages=(StagePlan(lanes=2, fire_lanes=1, ports=2, buffers=2),
                    StagePlan(lanes=(2, 4), fire_lanes=2), StagePlan(lanes=5)))


def network():
    """Maps and flat populations, two synapses to one of them, biases, a quadratic leak."""
    spec = Network(
        timesteps=2, input=Input(shape=(2, 1, 5), n_max=3), populations=[
            Population(name="a", shape=(3, 1, 5), neuron=QUADRATIC, sum_width=14, bias_width=5),
            Population(name="b", shape=(4,), neuron=QUADRATIC, sum_width=14, bias_width=6),
            Population(name="out", shape=(5,), neuron=Neuron(quantiser=None, v_width=14),
                       sum_width=14)],
        synapses=[Conv2d(source="input", target="a", kernel=(1, 3), padding=(0, 1)),
                  Dense(source="input", target="b"), Dense(source="a", target="b"),
                  Dense(source="b", target="out")])
    draw = np.random.default_rng(1)
    return Trained(spec, {s.name: draw.integers(-40, 60, spec.weight_shape(s)).astype(np.int32)
                          for s in spec.synapses},
                   {"a": draw.integers(-15, 16, 3).astype(np.int32),
                    "b": draw.integers(-30, 31, 4).astype(np.int32)})


LAYOUT = compile(network().spec, PLAN)


def test_readback():
    """Of every word, whichever was read before: the slowest takes exactly the latency."""
    trained = network()
    dut = NetworkCore(LAYOUT, trained, readback=True)
    words = list(load_writes(trained, LAYOUT))
    order = np.random.default_rng(0).permutation(len(words)).tolist()
    slowest = {"network": 0, "stage": 0}

    async def bench(ctx):
        ctx.set(dut.readback, 1)
        for k in order:
            word = words[k]
            ctx.set(dut.load, {"stage": word.stage, "bank": word.bank, "address": word.address})
            for cycle in range(2 * NETWORK_READBACK_LATENCY):
                for name, data in (("network", dut.readback_data),
                                   ("stage", dut.stages[word.stage].readback_data)):
                    if ctx.get(data) != word.data:
                        slowest[name] = max(slowest[name], cycle + 1)
                await ctx.tick()
    simulate_component(dut, bench)
    assert slowest == {"network": NETWORK_READBACK_LATENCY, "stage": STAGE_READBACK_LATENCY}


def test_cycle_counter_stops():
    trained = network()
    dut = NetworkCore(LAYOUT, trained)
    counts = []

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        for event in frame_events(np.full(10, 3), LAYOUT.input):
            await stream_put(ctx, dut.i, event)
        await ctx.tick().until(dut.o.valid)
        for _ in range(12):
            counts.append(ctx.get(dut.cycles))
            await ctx.tick()
    simulate_component(dut, bench)
    # The first is of one cycle after the result.
    assert counts.index(counts[-1]) == COUNT_LATENCY - 1


TIMINGS = [stage.timing for stage in LAYOUT.stages]


def test_reset_is_longer_than_any_pipeline():
    assert [timing.step_latency for timing in TIMINGS] == [10, 11, 5]
    assert reset_cycles(TIMINGS) == 11
    assert reset_cycles(TIMINGS[2:]) == COMPLETE_LATENCY + MOST_TREE == 9


def test_no_network_needs_a_longer_reset_than_the_documentation_asks_for():
    assert max(COMPLETE_LATENCY + MOST_TREE, max(SUMS_READ_LATENCY.values()) + SUMS_ADDER_LATENCY
               + max(LEAK_LATENCY.values()) + TAKEN_LATENCY + SYNAPTIC_LATENCY
               + max(NEURON_LATENCY, READOUT_LATENCY)) <= 16


@pytest.mark.parametrize("cycles", range(3, 90, 6))
def test_reset_in_mid_frame(cycles):
    """After a reset of so many cycles a frame's class is that of a network which had none."""
    trained = network()
    dut, reset = NetworkCore(LAYOUT, trained), Signal()
    draw = np.random.default_rng(cycles)
    frames, labels = draw.integers(0, 4, (3, 10)), []
    membranes = {p.name: [] for p in trained.spec.populations}

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        events = [event for frame in draw.integers(0, 4, (9, 10))
                  for event in frame_events(frame, LAYOUT.input)]
        ctx.set(dut.i.valid, 1)
        for _ in range(cycles):
            ctx.set(dut.i.payload, events[0])
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            del events[:ready]
        ctx.set(dut.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick().repeat(reset_cycles(TIMINGS))
        ctx.set(reset, 0)
        labels.clear()
        for recorded in membranes.values():
            recorded.clear()
        for frame in frames:
            for event in frame_events(frame, LAYOUT.input):
                await stream_put(ctx, dut.i, event)
        while len(labels) < len(frames):
            await ctx.tick()

    async def watch(ctx):
        while True:
            if ctx.get(dut.o.valid):
                labels.append(ctx.get(dut.o.p.label))
            for name, recorded in membranes.items():
                if ctx.get(getattr(dut, f"trace_{name}_valid")):
                    recorded += list(ctx.get(getattr(dut, f"trace_{name}").membranes))
            await ctx.tick()

    simulate_component(ResetInserter(reset)(dut), bench, background=[watch], timeout=5000)
    golden = integer.run(trained, frames)
    assert labels == golden.classes.tolist()
    assert membranes["out"] == golden.membranes["out"].swapaxes(0, 1).flatten().tolist()
