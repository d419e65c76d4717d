"""One neuron's intermediate results, against the integer model and by hand."""

import numpy as np
import pytest
import test_random_graphs
import test_random_networks
from random_cases import Draw, draw_frames

from qblif.golden import integer
from qblif.golden.neuron_trace import neuron_trace, quantities
from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.golden.spec.artifact import Trained

RANDOM = {"networks": test_random_networks.draw_network, "graphs": test_random_graphs.draw_graph}


@pytest.mark.parametrize("kind", RANDOM)
@pytest.mark.parametrize("number", range(12))
def test_levels_and_membranes_are_those_of_the_model(kind, number):
    draw = Draw(number, *kind.encode())
    trained = RANDOM[kind](draw)
    spec, frames = trained.spec, draw_frames(draw, trained.spec)
    golden = integer.run(trained, frames)
    for frame in range(len(frames)):
        levels = {p: found[:, frame].numpy() for p, found in golden.levels.items()} | {
            "input": np.broadcast_to(frames[frame], (spec.timesteps, spec.input.size))}
        for population in spec.populations:
            neuron, name = draw.integer(0, population.size - 1), population.name
            steps = neuron_trace(trained, levels, name, neuron)
            assert [step["membrane"] for step in steps] == \
                golden.membranes[name][:, frame, neuron].tolist()
            assert [step.get("level", 0) for step in steps] == \
                golden.levels[name][:, frame, neuron].tolist()


def of_one_neuron(neuron, weight, bias=2):
    """A network of one input of level 1, and one neuron that fires."""
    spec = Network(
        timesteps=3, input=Input(shape=(1,), n_max=3), populations=[
            Population(name="a", shape=(1,), neuron=neuron, sum_width=8, bias_width=4),
            Population(name="out", shape=(1,), sum_width=8,
                       neuron=Neuron(quantiser=None, v_width=8))],
        synapses=[Dense(source="input", target="a"), Dense(source="a", target="out")])
    return Trained(spec, {"input->a": np.full((1, 1), weight, np.int32),
                          "a->out": np.ones((1, 1), np.int32)}, {"a": np.array([bias], np.int32)})


def steps_of(reset, output="level", weight=7, levels=(1, 1, 1)):
    neuron = Neuron(quantiser=Quantiser(n_max=3, theta=4), leak=Decay((1,)), v_width=8,
                    reset=reset, output=output)
    trained = of_one_neuron(neuron, weight)
    return neuron_trace(trained, {"input": np.array(levels)[:, None]}, "a", 0)


def test_gate_by_hand():
    # 7 + 2 = 9 fires 2; halved to 5 (9 - 4), 14 is gated to 14 - 7 = 7.
    first, second, _ = steps_of(Reset(gate=Decay((1,))))
    assert first == {"before": 0, "leak": 0, "sum": 7, "bias": 2, "current": 9, "charge": 9,
                     "gate": 9, "reached": 2, "level": 2, "membrane": 9}
    assert second == {"before": 9, "leak": 5, "sum": 7, "bias": 2, "current": 9, "charge": 14,
                      "gate": 7, "reached": 1, "level": 1, "membrane": 7}


def test_late_by_hand():
    # The burst of 9, which is 2 * 4, leaves a timestep later: 5 + 9 - 8.
    _, second, _ = steps_of(Reset(kind="late"))
    assert second == {"before": 9, "leak": 5, "sum": 7, "bias": 2, "current": 9, "taken": 8,
                      "charge": 6, "reached": 1, "level": 1, "membrane": 6}


def test_held_by_hand():
    # 15 + 2 = 17 fires 3, the most there is, and leaves 5: above the threshold, 5 - 4 is not.
    first, second, _ = steps_of(Reset(kind="held"), weight=15, levels=(1, 0, 0))
    assert (first["reached"], first["taken"], first["membrane"]) == (3, 0, 5)
    assert second == {"before": 5, "leak": 3, "sum": 0, "bias": 2, "current": 2, "taken": 4,
                      "charge": 5, "reached": 0, "level": 0, "membrane": 5}


def test_binary_output_by_hand():
    first, second, _ = steps_of(Reset(kind="subtract"), output="binary")
    assert (first["reached"], first["level"], first["membrane"]) == (2, 1, 1)
    assert (second["leak"], second["charge"], second["reached"], second["level"]) == (1, 10, 2, 1)


def test_read_out_has_no_quantiser():
    neuron = Neuron(quantiser=None, v_width=8, reset=Reset(kind="late"))
    assert quantities(neuron) == ("before", "leak", "sum", "bias", "current", "charge", "membrane")
