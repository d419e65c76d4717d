"""A small network for the tests of boards and their flow."""

import numpy as np

from qblif.boards.flow.report import Report
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained

__all__ = ["placed", "small_network"]


def small_network(inputs=20, hidden=8, classes=3):
    """Places in seconds."""
    neuron = Neuron(quantiser=Quantiser(n_max=3, theta=16), v_width=14)
    spec = Network(
        timesteps=2, input=Input(shape=(inputs,), n_max=2),
        populations=[
            Population(name="hidden", shape=(hidden,), neuron=neuron, sum_width=20),
            Population(name="output", shape=(classes,), sum_width=20,
                       neuron=Neuron(quantiser=None, v_width=16))],
        synapses=[Dense(source="input", target="hidden", w_width=8),
                  Dense(source="hidden", target="output", w_width=8)])
    draw = np.random.default_rng(0)
    return Trained(spec, {s.name: draw.integers(-100, 100, spec.weight_shape(s)).astype(np.int32)
                          for s in spec.synapses}, {})


def placed(fmax_mhz):
    """A report of a design that reaches this clock."""
    return Report(device="up5k", part="", seed=1, lut=1, ff=1, bram=1, dsp=0, spram=0, carry=0,
                  lut_ram=0, folded=0, capacities={}, fmax_mhz=fmax_mhz, path=None, components={},
                  multipliers=())
