"""What an event reaches, against convolutions computed the long way."""

import numpy as np
import pytest
import torch

from qblif.golden.integer import synapse_sum
from qblif.golden.spec import Conv2d, Dense
from qblif.hw.layout.addressing import address_bits, addresses, by_neuron, vector_order
from qblif.hw.layout.scatter import ScatterMap, Span

CASES = [  # Source, channels out, and the convolution.
    ((2, 5, 4), 3, {"kernel": 3, "padding": 1}),
    ((2, 5, 4), 5, {"kernel": (3, 2), "stride": 2, "padding": (1, 0)}),
    ((4, 7, 7), 6, {"kernel": 3, "stride": 2, "padding": 1, "groups": 2}),
    ((6, 3, 5), 6, {"kernel": 3, "padding": 2, "groups": 6}),
    ((6, 4, 4), 12, {"kernel": 1, "stride": 3, "groups": 3}),
    ((3, 7, 9), 4, {"kernel": 2, "pool": (2, 3)}),
    ((5, 1, 1), 9, {"kernel": 1}),
    ((1, 1, 1), 2, {"kernel": 3, "padding": 1}),
    ((3, 4, 2), 7, {"kernel": (4, 2)}),
]


def reach_of(source, channels, fields, lanes):
    conv = Conv2d(source="a", target="b", **fields)
    return ScatterMap(conv, source, conv.output_shape(source, channels), lanes)


def scatter(reach, words, levels):
    """Every event added to the words that its tables name, one after the other."""
    sums = np.zeros((reach.positions * reach.groups, reach.lanes), int)
    channels, rows, columns = reach.source
    kernel_columns = reach.synapse.kernel[1]
    down, right = reach.synapse.stride
    for neuron in np.flatnonzero(levels):
        channel, row, column = np.unravel_index(neuron, reach.source)
        high, wide = reach.rows[row], reach.columns[column]
        for y in range(high.count):
            for x in range(wide.count):
                tap = (high.tap - y * down) * kernel_columns + wide.tap - x * right
                position = (high.first + y) * reach.target[2] + wide.first + x
                for slot in range(reach.slots):
                    word = words[(tap * reach.slots + slot) * channels + channel]
                    sums[position * reach.groups + reach.words[channel] + slot] += (
                        levels[neuron] * word)
    return sums.reshape(reach.positions, -1)[:, :reach.target[0]].T.reshape(-1)


@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("source, channels, fields", CASES)
def test_scattered_events_are_the_convolution(source, channels, fields, lanes):
    draw = np.random.default_rng(lanes)
    reach = reach_of(source, channels, fields, lanes)
    shape = reach.synapse.weight_shape(source, reach.target)
    weights = draw.integers(-99, 100, shape).astype(np.int32)
    levels = draw.integers(0, 5, int(np.prod(source)))
    expected = synapse_sum(reach.synapse, torch.from_numpy(weights), torch.from_numpy(levels)[None],
                           4, source, reach.target)
    found = scatter(reach, reach.weight_words(weights), levels)
    np.testing.assert_array_equal(found, expected[0])


@pytest.mark.parametrize("source, channels, fields", CASES)
def test_operations_are_the_weights_that_meet_a_neuron(source, channels, fields):
    reach = reach_of(source, channels, fields, 2)
    ones = torch.ones(reach.synapse.weight_shape(source, reach.target), dtype=torch.int32)
    events = torch.eye(int(np.prod(source)), dtype=torch.int32)
    expected = synapse_sum(reach.synapse, ones, events, 1, source, reach.target).sum(1)
    np.testing.assert_array_equal(reach.operations(), expected)
    assert (reach.steps() * reach.lanes >= reach.operations()).all()


def test_spans_by_hand():
    reach = reach_of((1, 5, 4), 1, {"kernel": 3, "stride": 2, "padding": (1, 0)}, 1)
    assert reach.rows == [Span(0, 1, 1), Span(0, 2, 2), Span(1, 1, 1), Span(1, 2, 2), Span(2, 1, 1)]
    assert reach.columns == [Span(0, 0, 1), Span(0, 1, 1), Span(0, 2, 1), Span(0, 0, 0)]


def test_dense_is_the_kernel_of_the_whole_source():
    weights = np.array([[1, 2], [3, 4], [5, 6]])
    conv = Dense(source="a", target="b").as_conv((2,))
    for lanes, words in ((2, [[1, 3], [2, 4], [5, 0], [6, 0]]), (3, [[1, 3, 5], [2, 4, 6]])):
        reach = ScatterMap(conv, (2, 1, 1), (3, 1, 1), lanes)
        assert reach.weight_words(weights).tolist() == words
        assert not reach.needs_tables and reach.sums == "registers"


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 4), (1, 1, 1), (5, 3, 2), (8, 1, 9), (1, 6, 5)])
@pytest.mark.parametrize("fire_lanes", [1, 2, 4, 8])
def test_vectors_visit_every_neuron_once(shape, fire_lanes):
    order = vector_order(shape, fire_lanes)
    size = int(np.prod(shape))
    assert sorted(order[order >= 0]) == list(range(size))
    np.testing.assert_array_equal(by_neuron(order, shape), range(size))


@pytest.mark.parametrize("shape", [(7,), (5, 3, 2), (1, 6, 5), (8, 4, 4)])
def test_addresses_are_fields(shape):
    channel, column, _ = address_bits(shape)
    found = addresses(shape)
    assert len(set(found)) == len(found)
    low = found & (1 << channel) - 1
    middle = found >> channel & (1 << column) - 1
    np.testing.assert_array_equal(
        found, low | middle << channel | found >> channel + column << channel + column)
    if len(shape) == 3:
        np.testing.assert_array_equal(low, np.indices(shape)[0].reshape(-1))
        np.testing.assert_array_equal(middle, np.indices(shape)[2].reshape(-1))
