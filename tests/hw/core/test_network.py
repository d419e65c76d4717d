import numpy as np
import pytest

from qblif.golden import integer
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.passes import ORDERS
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.pysim import frame_events, run_network
from qblif.sim.stream import simulate_component, stream_put, wait

CLASSES = 30


def queueing(timesteps=1, static=False):
    """Four inputs, four neurons of which few fire, and a read-out that is slower than they are."""
    hidden = Neuron(quantiser=Quantiser(n_max=1, theta=4), v_width=8)
    spec = Network(
        timesteps=timesteps, input=Input(shape=(4,), n_max=1, static=static),
        populations=[Population(name="hidden", shape=(4,), neuron=hidden, sum_width=6),
                     Population(name="out", shape=(CLASSES,), sum_width=6,
                                neuron=Neuron(quantiser=None, v_width=8))],
        synapses=[Dense(source="input", target="hidden", w_width=4),
                  Dense(source="hidden", target="out", w_width=4)])
    draw = np.random.default_rng(0)
    trained = Trained(spec, {"input->hidden": np.eye(4, dtype=np.int32) * 7,
                             "hidden->out": draw.integers(-8, 8, (CLASSES, 4)).astype(np.int32)})
    return trained, compile(spec, Plan(stages=(StagePlan(lanes=4), StagePlan(lanes=1))))


@pytest.mark.parametrize("timesteps, static", [(1, False), (1, True), (2, False), (3, True)])
def test_cycles_of_frames_that_queue_up(timesteps, static):
    """``cycles`` counts from the first transfer to the last class, however many frames wait."""
    trained, layout = queueing(timesteps, static)
    shape = (4,) if static else (timesteps, 4)
    frames = np.zeros((40, *shape), int)
    frames[..., 0] = np.arange(40).reshape(-1, *[1] * (len(shape) - 1)) % 8 == 0
    rtl = run_network(trained, layout, frames)
    np.testing.assert_array_equal(rtl.classes, integer.run(trained, frames).classes)
    assert rtl.cycles == rtl.results[-1] - rtl.starts[0]
    in_flight = [(rtl.starts <= at).sum() - (rtl.results < at).sum() for at in rtl.results]
    if timesteps == 1:  # More than the four a stage that were once thought to be the most.
        assert max(in_flight) > 4 * 2 + 4
    assert max(in_flight) <= NetworkCore(layout).most_frames


def queueing_map(order, timesteps, static):
    """Two maps of six rows, of which few neurons fire, and a read-out that is slower than they."""
    fires = Neuron(quantiser=Quantiser(n_max=1, theta=4), v_width=8)
    shape = (1, 6, 2)
    spec = Network(
        timesteps=timesteps, input=Input(shape=shape, n_max=1, static=static), populations=[
            Population(name="a", shape=shape, neuron=fires, sum_width=6),
            Population(name="b", shape=shape, neuron=fires, sum_width=6),
            Population(name="out", shape=(CLASSES,), sum_width=8,
                       neuron=Neuron(quantiser=None, v_width=10))],
        synapses=[Conv2d(source="input", target="a", kernel=1, w_width=4),
                  Conv2d(source="a", target="b", kernel=(3, 1), padding=(1, 0), w_width=4),
                  Dense(source="b", target="out", w_width=4)])
    draw = np.random.default_rng(0)
    trained = Trained(spec, {
        "input->a": np.full((1, 1, 1, 1), 7, np.int32),
        "a->b": np.array([0, 7, 0], np.int32).reshape(1, 1, 3, 1),
        "b->out": draw.integers(-8, 8, (CLASSES, 12)).astype(np.int32)})
    return trained, compile(spec, Plan(order=order, stages=(StagePlan(lanes=1, slack=4),) * 3))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("timesteps, static", [(1, False), (2, False), (3, True)])
def test_cycles_of_maps_that_queue_up(timesteps, static, order):
    """Frames in line buffers count too."""
    trained, layout = queueing_map(order, timesteps, static)
    shape = (12,) if static else (timesteps, 12)
    frames = np.zeros((12, *shape), int)
    frames[..., 5] = np.arange(12).reshape(-1, *[1] * (len(shape) - 1)) % 4 == 0
    rtl = run_network(trained, layout, frames, o_stall=300)
    np.testing.assert_array_equal(rtl.classes, integer.run(trained, frames).classes)
    assert rtl.cycles == rtl.results[-1] - rtl.starts[0]
    in_flight = [(rtl.starts <= at).sum() - (rtl.results < at).sum() for at in rtl.results]
    assert 1 < max(in_flight) <= NetworkCore(layout).most_frames


@pytest.mark.parametrize("order", ORDERS)
def test_class_before_the_last_row_of_the_input(order):
    """A stride that needs the first of three rows: the class leaves while its frame enters."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=1), v_width=8)
    spec = Network(
        timesteps=1, input=Input(shape=(1, 3, 4), n_max=3), populations=[
            Population(name="a", shape=(1, 1, 4), neuron=fires, sum_width=6),
            Population(name="out", shape=(CLASSES,), sum_width=8,
                       neuron=Neuron(quantiser=None, v_width=10))],
        synapses=[Conv2d(source="input", target="a", kernel=1, stride=(3, 1), w_width=4),
                  Dense(source="a", target="out", w_width=4)])
    draw = np.random.default_rng(0)
    trained = Trained(spec, {
        "input->a": np.full((1, 1, 1, 1), 2, np.int32),
        "a->out": draw.integers(-8, 8, (CLASSES, 4)).astype(np.int32)})
    layout = compile(spec, Plan(order=order, stages=(StagePlan(lanes=4),) * 2))
    frames = draw.integers(0, 4, (5, 12))
    rtl = run_network(trained, layout, frames, i_stall=20)
    np.testing.assert_array_equal(rtl.classes, integer.run(trained, frames).classes)
    alone = run_network(trained, layout, frames[:1], i_stall=20)
    assert alone.cycles == alone.results[0] - alone.starts[0]


@pytest.mark.parametrize("order", ORDERS)
def test_an_event_out_of_order_is_reported(order):
    """It is dropped, and ``disorder`` stays until it is cleared."""
    trained, layout = queueing_map(order, 1, False)
    dut, seen, labels = NetworkCore(layout, trained), [], []
    frame = np.zeros((1, 12), int)
    frame[0, [1, 4]] = 1

    async def source(ctx):
        ctx.set(dut.o.ready, 1)
        for wrong in (False, True, False):
            *events, end = frame_events(frame, layout.input)
            for event in [*events, *events[:1] * wrong, end]:
                await stream_put(ctx, dut.i, event)
            await wait(ctx, 2)
            seen.append(ctx.get(dut.disorder))
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            seen.append(ctx.get(dut.disorder))
        while len(labels) < 3:
            await ctx.tick()

    async def watch(ctx):
        async for _, _, valid, label in ctx.tick().sample(dut.o.valid, dut.o.p.label):
            labels.extend([label] * valid)

    simulate_component(dut, source, background=[watch])
    assert seen == [0, 0, 1, 0, 0, 0]
    assert labels == integer.run(trained, frame[None]).classes.tolist() * 3


def test_load_within_a_frame():
    trained, layout = queueing()
    dut = NetworkCore(layout)

    async def source(ctx):
        for event in frame_events(np.ones(4, int), layout.input):
            await stream_put(ctx, dut.i, event)
        await wait(ctx, 3)
        ctx.set(dut.load_valid, 1)
        await wait(ctx, 3)

    with pytest.raises(AssertionError, match="load within a frame$"):
        simulate_component(dut, source)
