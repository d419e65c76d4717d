"""What is derived from a network description."""

from dataclasses import FrozenInstanceError, replace

import pytest
from network_cases import HIDDEN, READOUT, network

from qblif.golden.spec import Decay, Dense, Neuron, Quantiser


@pytest.mark.parametrize("theta, shift", [(1, 0), (2, 1), (3, None), (64, 6), (96, None)])
def test_quantiser_shift(theta, shift):
    assert Quantiser(n_max=3, theta=theta).shift == shift


def test_membrane_range_is_that_of_two_complement():
    assert (HIDDEN.v_min, HIDDEN.v_max) == (-512, 511)
    assert HIDDEN.emit_max == 7 and READOUT.emit_max == 0
    binary = replace(HIDDEN, output="binary")
    assert binary.emit_max == 1 and binary.quantiser.n_max == 7


def test_threshold_may_be_the_largest_membrane():
    assert Neuron(quantiser=Quantiser(n_max=1, theta=15), v_width=5).v_max == 15


@pytest.mark.parametrize("leak, headroom", [(Decay(), None), (Decay((2,)), 2), (Decay((1, 3)), 1),
                                            (Decay((1,), (4,)), 0)])
def test_leak_headroom(leak, headroom):
    assert replace(HIDDEN, leak=leak).leak_headroom == headroom


def test_leak_headroom_of_a_read_out():
    assert replace(READOUT, leak=Decay((2,))).leak_headroom is None


def test_network_answers_about_its_parts():
    spec = network()
    assert spec.source("input") is spec.input and spec.source("out") is spec.populations[1]
    assert [s.name for s in spec.synapses_to("out")] == ["hidden->out"]
    assert [spec.weight_shape(s) for s in spec.synapses] == [(4, 6), (2, 4)]
    assert spec.input.size == 6 and spec.populations[1].emit_max == 0


def test_residual_edge_is_part_of_the_graph():
    skip = Dense(source="input", target="out")
    spec = network(synapses=[*network().synapses, skip])
    assert spec.synapses_to("out")[1] is skip


def test_specs_are_frozen():
    with pytest.raises(FrozenInstanceError):
        network().timesteps = 4
