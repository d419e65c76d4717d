"""The order of a stream through a whole network: what comes out of order, and what timesteps and a
map's height cost."""

from dataclasses import replace

import numpy as np
import pytest
from mutants import mutant
from poison import poisoned

import qblif.hw.core.network as network_module
from qblif.golden import integer
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.framer import Framer
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.layout.stream_engine import StreamEngine
from qblif.sim.pysim import frame_events
from qblif.sim.stream import simulate_component, stream_get, stream_put, wait


def network(height, timesteps, static=False):
    """Two maps and an edge past the second one, averaged over eight rows for the read-out."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=16), v_width=12)
    maps = {"shape": (2, height, 3), "neuron": fires, "sum_width": 16}
    return Network(
        timesteps=timesteps, input=Input(shape=(2, height, 3), n_max=3, static=static),
        populations=[Population(name="a", **maps), Population(name="b", **maps),
                     Population(name="out", shape=(3,), sum_width=20,
                                neuron=Neuron(quantiser=None, v_width=20))],
        synapses=[Conv2d(source="input", target="a", kernel=3, padding=1, w_width=5),
                  Conv2d(source="a", target="b", kernel=3, padding=1, w_width=5),
                  Conv2d(source="input", target="b", kernel=1, w_width=5),
                  Dense(source="b", target="out", w_width=5)])


def plan(order="inner"):
    return Plan(order=order, stages=(StagePlan(lanes=2), StagePlan(lanes=2), StagePlan(lanes=3)))


def trained_of(spec):
    draw = np.random.default_rng(0)
    return Trained(spec, {s.name: draw.integers(-9, 16, spec.weight_shape(s)).astype(np.int32)
                          for s in spec.synapses})


def frames_of(spec, count):
    draw = np.random.default_rng(1)
    shape = (count, spec.input.size) if spec.input.static else (
        count, spec.timesteps, spec.input.size)
    return draw.integers(0, 4, shape) * (draw.random(shape) < 0.5)


def run(dut, transfers, classes):
    """``(classes, read-out membranes, disorder after each class, and after clear)``."""
    labels, membranes, disorder = [], [], []

    async def source(ctx):
        for item in transfers:
            await stream_put(ctx, dut.i, item)

    async def sink(ctx):
        for _ in range(classes):
            labels.append((await stream_get(ctx, dut.o)).label)
        disorder.append(ctx.get(dut.disorder))
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        await wait(ctx, 3)
        disorder.append(ctx.get(dut.disorder))

    async def watch(ctx):
        async for _, _, valid, trace in ctx.tick().sample(dut.trace_out_valid, dut.trace_out):
            if valid:
                membranes.append([int(value) for value in trace.membranes])

    with poisoned():
        simulate_component(dut, source, sink, background=[watch], timeout=20_000)
    return labels, membranes, disorder


def out_of_order(events, draw):
    """The events of a frame, with some that came before once more; never behind the end marker."""
    found = list(events)
    for _ in range(6):
        place = draw.integers(1, len(events) - 1)
        found.insert(place + 1, found[draw.integers(0, place)] | {"level": 3})
    return found


def check_disorder(static, timesteps):
    spec = network(4, timesteps, static)
    trained, frames, draw = trained_of(spec), frames_of(spec, 2), np.random.default_rng(2)
    layout = compile(spec, plan())
    events = [list(frame_events(frame, layout.input)) for frame in frames]
    ordered = run(NetworkCore(layout, trained), sum(events, []), len(frames))
    assert ordered[0] == integer.run(trained, frames).classes.tolist()
    assert ordered[2] == [0, 0]
    mixed = sum((out_of_order(part, draw) for part in events), [])
    assert len(mixed) == sum(map(len, events)) + 6 * len(frames)
    found = run(NetworkCore(layout, trained), mixed, len(frames))
    assert found[:2] == ordered[:2]
    assert found[2] == [1, 0]


@pytest.mark.parametrize("static, timesteps", [(True, 1), (False, 2)])
def test_an_event_out_of_order_changes_no_other(static, timesteps):
    check_disorder(static, timesteps)


def test_it_is_found_where_the_framer_lets_them_pass(monkeypatch):
    monkeypatch.setattr(network_module, "Framer", mutant(Framer, "i.p.address < lowest", "C(0, 1)"))
    with pytest.raises(AssertionError):
        check_disorder(True, 1)


def line_buffers(spec, order="inner"):
    """The line buffers of a network, by name of their synapse."""
    return {buffer.synapse.name: buffer for engine in compile(spec, plan(order)).engines
            if isinstance(engine, StreamEngine) for buffer in engine.buffers}


@pytest.mark.parametrize("order", ["inner", "outer"])
@pytest.mark.parametrize("timesteps", [1, 2, 4])
@pytest.mark.parametrize("static", [False, True])
def test_line_buffers_do_not_grow_with_the_height(static, timesteps, order):
    """Nor does anything else of a streaming engine's memories."""
    layouts = [compile(network(height, timesteps, static), plan(order)) for height in (8, 16, 32)]
    found = [[(buffer.rows, buffer.depth, buffer.entry_width, buffer.table_depth,
               buffer.position_width) for buffer in line_buffers(layout.spec, order).values()]
             for layout in layouts]
    assert len(found[0]) == 3 and found[1:] == found[:1] * 2
    costs = [[engine.cost for engine in layout.engines if isinstance(engine, StreamEngine)]
             for layout in layouts]
    assert costs[1:] == costs[:1] * 2
    # Of a map's stage, the membranes alone, and those only with timesteps outermost: no memory is
    # deeper.  An address in a queue has a bit more where there are twice as many rows.
    stages = [[[rows for rows, _ in stage.cost.memories] for stage in layout.stages[:2]]
              for layout in layouts]
    grows = order == "outer" and timesteps > 1
    assert (stages[1:] != stages[:1] * 2) == grows


@pytest.mark.parametrize("static", [False, True])
def test_line_buffers_grow_with_the_timesteps_at_most(static):
    one, *others = (line_buffers(network(8, timesteps, static)) for timesteps in (1, 2, 4))
    for timesteps, buffers in zip((2, 4), others, strict=True):
        for name, buffer in buffers.items():
            constant = static and name.startswith("input")
            assert buffer.depth == one[name].depth * (1 if constant else timesteps)
            assert buffer.rows == one[name].rows
            assert buffer.entry_width == one[name].entry_width
    outer = line_buffers(network(8, 4, static), "outer")
    assert {name: b.depth for name, b in outer.items()} == {n: b.depth for n, b in one.items()}


@pytest.mark.parametrize("timesteps", [1, 2, 4])
def test_timesteps_of_one_network(timesteps):
    """The same weights with any number of timesteps, in both orders."""
    spec = network(4, timesteps)
    trained = replace(trained_of(network(4, 1)), spec=spec)
    frames = frames_of(spec, 1)
    golden = integer.run(trained, frames)
    for order in ("inner", "outer"):
        layout = compile(spec, plan(order))
        events = [e for frame in frames for e in frame_events(frame, layout.input)]
        labels, membranes, _ = run(NetworkCore(layout, trained), events, 1)
        assert labels == golden.classes.tolist()
        last = np.reshape(membranes, (timesteps, 3))[-1]
        np.testing.assert_array_equal(last, golden.membranes["out"][-1, 0])
