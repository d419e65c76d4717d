"""Shapes of convolutions, and what of them is refused."""

import pytest
import torch
from torch.nn import functional

from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser, as_map


def conv(**fields):
    return Conv2d(**{"source": "a", "target": "b", "kernel": 3} | fields)


@pytest.mark.parametrize("shape, fields", [
    ((2, 9, 7), {}), ((2, 9, 7), {"stride": 2, "padding": 1}), ((4, 9, 7), {"groups": 2}),
    ((3, 9, 7), {"kernel": (2, 5), "stride": (3, 1), "padding": (0, 2)}),
    ((2, 9, 7), {"pool": 2, "kernel": 1}), ((1, 3, 3), {"pool": (3, 1), "kernel": (1, 2)})])
def test_output_shape_is_torch_s(shape, fields):
    synapse = conv(**fields)
    pooled = functional.avg_pool2d(torch.zeros(1, *shape), synapse.pool)
    weights = torch.zeros(4, shape[0] // synapse.groups, *synapse.kernel)
    found = functional.conv2d(pooled, weights, None, synapse.stride, synapse.padding, 1,
                              synapse.groups)
    target = synapse.output_shape(shape, 4)
    assert target == tuple(found.shape[1:])
    assert synapse.weight_shape(shape, target) == tuple(weights.shape)


def test_anything_but_three_axes_is_flat():
    assert [as_map(shape) for shape in ((5,), (2, 3), (2, 3, 4), (1, 2, 3, 4))] == [
        (5, 1, 1), (6, 1, 1), (2, 3, 4), (24, 1, 1)]


def test_one_integer_stands_for_a_pair():
    assert conv(kernel=3, stride=2) == conv(kernel=(3, 3), stride=[2, 2])


@pytest.mark.parametrize("fields, reason", [
    ({"kernel": 0}, "Conv2d kernel must be in 1..1024, not 0"),
    ({"stride": (1, 0)}, "Conv2d stride must be in 1..1024, not 0"),
    ({"padding": -1}, "Conv2d padding must be in 0..1024, not -1"),
    ({"pool": (2, 2, 2)}, r"Conv2d pool must be one integer or a pair, not \(2, 2, 2\)"),
    ({"groups": 0}, "Conv2d groups must be in 1..65536, not 0"),
    ({"w_width": 1}, "Weight width must be in 2..16, not 1")])
def test_fields_out_of_range(fields, reason):
    with pytest.raises(ValueError, match=f"^{reason}$"):
        conv(**fields)


@pytest.mark.parametrize("fields", [{"kernel": "3"}, {"kernel": None}, {"stride": (1.0, 1)}])
def test_fields_of_another_type(fields):
    with pytest.raises(TypeError, match="^Conv2d (kernel|stride) must be "):
        conv(**fields)


@pytest.mark.parametrize("source, target, fields, reason", [
    ((2, 4, 4), (3, 2, 2), {"groups": 2},
     "Synapse a->b has 2 groups, which do not divide its 2 and 3 channels"),
    ((2, 4, 4), (3, 2, 3), {},
     r"Synapse a->b makes a map of \(3, 2, 2\), but its target is \(3, 2, 3\)"),
    ((2, 4, 4), (3, 2, 2), {"pool": 2},
     "Synapse a->b has a kernel of 3x3, larger than its pooled and padded source")])
def test_ends_that_do_not_fit(source, target, fields, reason):
    with pytest.raises(ValueError, match=f"^{reason}$"):
        conv(**fields).weight_shape(source, target)


def test_dense_to_a_map():
    with pytest.raises(ValueError, match=r"^Synapse a->b is dense, so its target must be flat, "
                                         r"not \(2, 3, 1\)$"):
        Dense(source="a", target="b").weight_shape((4,), (2, 3, 1))


def test_population_that_leads_nowhere():
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=8), v_width=12)
    populations = [Population(name="a", shape=(2,), neuron=fires, sum_width=12),
                   Population(name="b", shape=(2,), sum_width=12,
                              neuron=Neuron(quantiser=None, v_width=12))]
    with pytest.raises(ValueError, match="^Population a leads nowhere$"):
        Network(timesteps=1, input=Input(shape=(3,), n_max=1), populations=populations,
                synapses=[Dense(source="input", target=name) for name in "ab"])
