"""Which neurons reach a neuron, against the sums of the integer model."""

import numpy as np
import pytest
import torch

from qblif.golden.activity import fan_out
from qblif.golden.fan_in import fan_in
from qblif.golden.integer import synapse_sum
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser

CONVOLUTIONS = [
    {"kernel": 3}, {"kernel": 3, "padding": 1}, {"kernel": (2, 3), "stride": (2, 1)},
    {"kernel": 3, "stride": 2, "padding": (0, 1), "groups": 2}, {"kernel": 2, "pool": 2},
    {"kernel": 1, "groups": 4}, {"kernel": (1, 2), "pool": (3, 2), "padding": 1, "groups": 4}]


def network_of(synapse, shape):
    """A network whose first population, of ``shape``, has the synapse from an input of 4x7x6."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=4), v_width=12)
    return Network(
        timesteps=1, input=Input(shape=(4, 7, 6), n_max=3), synapses=[
            synapse, Dense(source="a", target="out")], populations=[
            Population(name="a", shape=shape, neuron=fires, sum_width=20),
            Population(name="out", shape=(2,), sum_width=20,
                       neuron=Neuron(quantiser=None, v_width=12))])


@pytest.mark.parametrize("geometry", [None, *CONVOLUTIONS])
def test_every_source_alone(geometry):
    if geometry is None:
        synapse, shape = Dense(source="input", target="a"), (5,)
    else:
        synapse = Conv2d(source="input", target="a", **geometry)
        shape = synapse.output_shape((4, 7, 6), 8)
    network = network_of(synapse, shape)
    source, target = network.input, network.source("a")
    # Each weight is its own place, from 1 on: a sum tells which one was taken.
    places = np.arange(1, 1 + np.prod(network.weight_shape(synapse)))
    weights = torch.as_tensor(places.reshape(network.weight_shape(synapse)))
    sums = synapse_sum(synapse, weights, torch.eye(source.size, dtype=torch.int32), 1,
                       source.shape, target.shape).numpy()
    counts = np.zeros(source.size, int)
    for neuron in range(target.size):
        sources, found = fan_in(network, synapse, neuron)
        expected, = np.nonzero(sums[:, neuron])
        assert sources.tolist() == expected.tolist()
        assert (found + 1).tolist() == sums[expected, neuron].tolist()
        counts[sources] += 1
    assert counts.tolist() == fan_out(network, synapse).tolist()
