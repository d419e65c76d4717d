import numpy as np
import pytest

from qblif.golden import integer
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
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
