"""The worked example of :mod:`qblif.hw.layout.cycles`."""

import numpy as np

from qblif.golden import integer
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout import latency
from qblif.hw.layout.compile import compile
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.pysim import run_network


def test_example():
    spec = Network(
        timesteps=1, input=Input(shape=(4,), n_max=1),
        populations=[
            Population(name="hidden", shape=(4,), sum_width=12, neuron=Neuron(
                quantiser=Quantiser(n_max=1, theta=16), v_width=12)),
            Population(name="out", shape=(2,), sum_width=12,
                       neuron=Neuron(quantiser=None, v_width=12))],
        synapses=[Dense(source="input", target="hidden"), Dense(source="hidden", target="out")])
    first = np.zeros((4, 4), np.int32)
    first[1:3] = 30
    trained = Trained(spec, {"input->hidden": first, "hidden->out": np.ones((2, 4), np.int32)}, {})
    layout = compile(spec, Plan(stages=(StagePlan(lanes=2, fire_lanes=2), StagePlan(lanes=2))))
    frames = np.array([[0, 1, 0, 1]])
    levels = {name: fired.numpy() for name, fired in integer.run(trained, frames).levels.items()}
    assert levels["hidden"].tolist() == [[[0, 1, 1, 0]]]
    cycles = count_cycles(layout, frames, levels, work=True)
    assert (cycles.first.tolist(), cycles.last.tolist()) == ([0], [43])
    hidden, out = cycles.work["hidden"], cycles.work["out"]
    assert hidden.digits["input->hidden"].tolist() == [[1, 3, 2], [3, 5, 2]]
    assert out.digits["hidden->out"].tolist() == [[26, 27, 1], [27, 28, 1]]
    assert (hidden.vectors.tolist(), out.vectors.tolist()) == ([[13, 15, 2]], [[36, 38, 2]])
    found = run_network(trained, layout, frames, baked=True)
    assert (found.results - found.starts).tolist() == [43]


def test_latencies_of_the_example():
    """The sum of the named latencies on the way from the last end to the class."""
    encoder = (latency.ENCODER_FETCH + latency.ENCODER_QUEUE + latency.ENCODER_LOAD
               + latency.ENCODER_PICK)
    hidden, out = 2 + 1 + latency.NEURON_LATENCY, 2 + 1 + latency.READOUT_LATENCY
    assert 43 == (4 + 1 + latency.COMPLETE_LATENCY + latency.START_LATENCY + hidden + encoder
                  + 1 + 1 + 1  # A pick each of neuron 1, neuron 2 and the end.
                  + 1 + latency.COMPLETE_LATENCY + latency.START_LATENCY + 1 + out
                  + latency.CLASS_LATENCY)
