"""What an event adds to a population of one position, against convolutions done the long way."""

import numpy as np
import pytest
import torch
from dense_cases import CASES, dense_of, draw_weights, expected_sums
from mutants import mutant

from qblif.golden.integer import synapse_sum
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population
from qblif.hw.layout.dense import DenseMap

MORE = [((1, 1, 1), 2, 2, {"kernel": 3, "padding": 1}), ((3, 4, 2), 7, 3, {"kernel": (4, 2)}),
        ((2, 7, 5), 3, 2, {"kernel": 2, "stride": 9, "pool": (2, 2), "padding": (0, 1)})]


def first_word(dense, neuron):
    """Address that the tables give a source neuron's weights of the first word, or ``None``."""
    channel, row, column = np.unravel_index(neuron, dense.source)
    row, column = dense.rows[row], dense.columns[column]
    return None if row is None or column is None else row + column + channel


def added(dense, words, levels):
    """Every event added to the words that its tables name, one after the other."""
    sums = np.zeros((dense.words, dense.lanes), int)
    for neuron in np.flatnonzero(levels):
        first = first_word(dense, neuron)
        for word in range(dense.words if first is not None else 0):
            sums[word] += levels[neuron] * words[first + word * dense.source[0]]
    return sums.reshape(-1)


def check(dense):
    draw = np.random.default_rng(dense.lanes)
    weights = draw_weights(dense)
    levels = draw.integers(0, 5, int(np.prod(dense.source)))
    words = dense.weight_words(weights)
    assert words.shape == (dense.depth, dense.lanes)
    assert added(dense, words, levels).tolist() == expected_sums(dense, weights, levels, 4).tolist()


@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("source, channels, _, fields", CASES + MORE)
def test_added_events_are_the_convolution(source, channels, _, fields, lanes):
    check(dense_of(source, channels, lanes, fields))


@pytest.mark.parametrize("source, channels, lanes, fields", CASES + MORE)
def test_steps_are_the_weights_that_meet_a_neuron(source, channels, lanes, fields):
    dense = dense_of(source, channels, lanes, fields)
    ones = torch.ones(dense.synapse.weight_shape(dense.source, dense.target), dtype=torch.int32)
    events = torch.eye(int(np.prod(source)), dtype=torch.int32)
    met = synapse_sum(dense.synapse, ones, events, 1, dense.source, dense.target).sum(1)
    assert dense.steps().tolist() == (met // channels * dense.words).tolist()


def test_dense_is_the_kernel_of_the_whole_source():
    weights = np.array([[1, 2], [3, 4], [5, 6]])
    for lanes, words in ((2, [[1, 3], [2, 4], [5, 0], [6, 0]]), (3, [[1, 3, 5], [2, 4, 6]])):
        dense = dense_of((2,), 3, lanes)
        assert dense.weight_words(weights).tolist() == words and not dense.needs_tables


def test_tables_by_hand():
    """Two columns of padding at the left; pooling by two drops the last row."""
    dense = dense_of((3, 5, 2), 4, 2, {"kernel": (2, 4), "pool": (2, 1), "padding": (0, 2),
                                       "stride": 3})
    assert dense.rows == [0, 0, 24, 24, None] and dense.columns == [12, 18]
    assert dense.needs_tables and dense.depth == 2 * 4 * 2 * 3


@pytest.mark.parametrize("target, synapse, expected", [
    ((5,), Dense(source="input", target="out"), True),
    ((4, 1, 1), Conv2d(source="input", target="out", kernel=(4, 3)), True),
    ((4, 1, 1), Conv2d(source="input", target="out", kernel=(4, 3), groups=2), False),
    ((4, 2, 1), Conv2d(source="input", target="out", kernel=3), False)])
def test_what_it_serves(target, synapse, expected):
    spec = Network(timesteps=1, input=Input(shape=(2, 4, 3), n_max=1), synapses=[synapse],
                   populations=[Population(name="out", shape=target, sum_width=16,
                                           neuron=Neuron(quantiser=None, v_width=16))])
    assert DenseMap.serves(spec, synapse) is expected


@pytest.mark.parametrize("old, new", [
    ("self.synapse.kernel[1] * self.words * self.source[0]", "self.words * self.source[0]"),
    ("else kernel", "else 0"),
    (".transpose(3, 4, 0, 2, 1)", ".transpose(3, 4, 2, 0, 1)"),
    ("place // pool + padding", "place // pool")])
def test_a_broken_rule_is_found(old, new):
    broken = mutant(DenseMap, old, new)
    with pytest.raises((AssertionError, IndexError)):
        for source, channels, lanes, fields in CASES + MORE:
            dense = dense_of(source, channels, lanes, fields)
            check(broken(dense.synapse, dense.source, dense.target, lanes))
