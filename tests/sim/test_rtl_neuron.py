"""What is read out of a recording, where a random network would not tell."""

import numpy as np

from qblif.sim.bench_files import UNKNOWN
from qblif.sim.probe import Wave
from qblif.sim.rtl_neuron import read_weights


def test_weights_are_those_two_cycles_behind_their_address(tiny):
    _, layout, _ = tiny
    engine = layout.stages[0].engines[0]
    assert (engine.lanes, engine.weights.depth) == (4, 36)
    # The words of the last two addresses came too late, that of address 60 is none.
    fields = {"address_0": [0, 1, 60, 0, 1], **{
        f"weights_0.{lane}": [9, 9, 10 + lane, 20 + lane, UNKNOWN] for lane in range(4)}}
    wave = Wave(np.arange(5), {name: np.array(values) for name, values in fields.items()}, 5)
    weights = read_weights(layout.spec, engine, wave)["input->hidden"]
    assert weights.shape == (10, 12)
    assert weights[:4, 0].tolist() == [10, 11, 12, 13]  # Source 0 to the first word of neurons.
    assert weights[:4, 1].tolist() == [20, 21, 22, 23]
    weights[:4, :2] = UNKNOWN
    assert (weights == UNKNOWN).all()
