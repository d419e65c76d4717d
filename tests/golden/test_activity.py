import itertools

import numpy as np
import pytest

from qblif.golden.activity import activity, fan_out
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser

FIRES = Neuron(quantiser=Quantiser(n_max=15, theta=16), v_width=16)
OUT = Neuron(quantiser=None, v_width=16)


def network(source, shape, synapse):
    """Input of shape ``source``, then ``synapse`` to a population "a", then a read-out."""
    return Network(timesteps=2, input=Input(shape=source, n_max=15), populations=[
        Population(name="a", shape=shape, neuron=FIRES, sum_width=16),
        Population(name="b", shape=(3,), neuron=OUT, sum_width=16)],
        synapses=[synapse, Dense(source="a", target="b")])


def test_dense_by_hand():
    spec = network((4,), (2,), Dense(source="input", target="a"))
    static = np.array([[0, 1, 3, 4], [0, 0, 0, 15]], np.uint8)  # Digits 1 + 2 + 1 and 2.
    hidden = np.array([[[1, 0], [0, 0]], [[11, 0], [2, 0]]], np.uint8)  # 1 + 3 + 1.
    assert activity(spec, {"input": static, "a": hidden}) == {
        "input->a": {"events": 2.0, "digits": 3.0, "repeat_digits": 11.5, "operations": 6.0},
        "a->b": {"events": 1.5, "digits": 2.5, "repeat_digits": 7.0, "operations": 7.5},
    }


def test_convolution_by_hand():
    # 3x3 of stride 2 and padding 1 on 4x4: rows 0..3 lie in 1, 2, 1, 1 of the two windows.
    spec = network((1, 4, 4), (5, 2, 2), Conv2d(source="input", target="a", kernel=3, stride=2,
                                                padding=1))
    rows = np.array([1, 2, 1, 1])
    np.testing.assert_array_equal(fan_out(spec, spec.synapses[0]), np.outer(rows, rows).ravel() * 5)


@pytest.mark.parametrize("kernel, stride, padding, pool, groups", [
    *itertools.product((1, 2, 3), (1, 2, 3), (0, 1, 3), (1, 2), (1, 2))])
def test_reach_equals_counting(kernel, stride, padding, pool, groups):
    source, channels = (2, 7, 9), 4
    synapse = Conv2d(source="input", target="a", kernel=kernel, stride=stride, padding=padding,
                     pool=pool, groups=groups)
    shape = synapse.output_shape(source, channels)
    counts = np.zeros(source, int)
    for row, column in np.ndindex(shape[1:]):
        for i, j in np.ndindex(kernel, kernel):
            r, c = row * stride - padding + i, column * stride - padding + j
            if 0 <= r < 7 // pool and 0 <= c < 9 // pool:
                counts[:, r * pool:r * pool + pool, c * pool:c * pool + pool] += channels // groups
    spec = network(source, shape, synapse)
    np.testing.assert_array_equal(fan_out(spec, synapse), counts.ravel())
