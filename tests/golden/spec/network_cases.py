"""A network description of two populations, any field of which can be changed."""

from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset

HIDDEN = Neuron(leak=Decay((2,)), quantiser=Quantiser(n_max=7, theta=16), v_width=10,
                reset=Reset(gate=Decay((1, 3))))
READOUT = Neuron(quantiser=None, v_width=10)


def population(name="hidden", **changes):
    return Population(**{"name": name, "shape": (4,), "neuron": HIDDEN, "sum_width": 12} | changes)


def network(**changes):
    return Network(**{
        "timesteps": 3, "input": Input(shape=(2, 3), n_max=5),
        "populations": [population(), population("out", shape=(2,), neuron=READOUT, bias_width=4)],
        "synapses": [Dense(source="input", target="hidden", w_width=5),
                     Dense(source="hidden", target="out")]} | changes)
