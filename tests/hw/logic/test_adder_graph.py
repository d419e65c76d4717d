"""Graphs of adders that sums share."""

import itertools
import sys

import numpy as np
import pytest

from qblif.golden.spec.errors import QblifError
from qblif.hw.logic import weighted_sums
from qblif.hw.logic.adder_graph import AdderGraph, Term
from qblif.hw.logic.weighted_sums import make_sums


def make_graph(matrix, inputs):
    return make_sums(matrix, inputs, "shared")


def every_level(inputs):
    return np.array(list(itertools.product(*(range(most + 1) for most in inputs))))


def test_every_pair_of_weights_and_levels():
    inputs = (3, 2)
    levels = every_level(inputs)
    for weights in itertools.product(range(-8, 8), repeat=2):
        graph = make_graph([weights], inputs)
        np.testing.assert_array_equal(graph.sums(levels)[:, 0], levels @ weights)


@pytest.mark.parametrize("seed", range(12))
def test_random_weights(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-128, 128, (7, 5)) * (rng.random((7, 5)) < 0.7)
    inputs = tuple(rng.integers(1, 4, 5))
    graph, levels = make_graph(matrix, inputs), every_level(inputs)
    sums = levels @ matrix.T
    np.testing.assert_array_equal(graph.sums(levels), sums)
    width, signed = graph.shape
    assert signed and -(1 << width - 1) <= sums.min() and sums.max() < 1 << width - 1
    # No wider than the largest sum needs.
    assert sums.min() < -(1 << width - 2) or sums.max() >= 1 << width - 2


def test_shared_sums_are_added_once():
    matrix = np.array([[1, 1, 1, 0], [1, 1, 0, 1], [2, 2, 0, -1]])
    assert make_graph(matrix, (1,) * 4).size == 4


def test_no_weights_no_adders():
    graph = make_graph(np.zeros((2, 3), int), (1, 1, 1))
    assert graph.adders == () and graph.outputs == (None, None)
    assert make_graph([[0, 4]], (1, 1)).outputs == (Term(1, 2),)


def test_without_da4ml(monkeypatch):
    monkeypatch.setitem(sys.modules, "da4ml.cmvm", None)
    with pytest.raises(ValueError, match=r"^Shared adders need da4ml: pip install 'qblif\[logic"):
        make_graph([[1, 3]], (1, 1))
    assert make_sums([[1, 3]], (1, 1)).trees


def test_a_graph_of_other_weights_is_not_taken(monkeypatch):
    monkeypatch.setattr(weighted_sums, "shared_adders", lambda matrix, inputs: AdderGraph(
        inputs, (), tuple(Term(0) for _ in matrix)))
    with pytest.raises(QblifError, match="do not compute their weights"):
        make_graph([[1, 1]], (1, 1))
