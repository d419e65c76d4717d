import itertools
import sys

import numpy as np
import pytest

from qblif.golden.spec.errors import QblifError
from qblif.hw.logic import adder_graph
from qblif.hw.logic.adder_graph import METHODS, AdderGraph, Term, make_graph

BOTH = pytest.mark.parametrize("method", METHODS)


def every_level(inputs):
    return np.array(list(itertools.product(*(range(most + 1) for most in inputs))))


@BOTH
def test_every_pair_of_weights_and_levels(method):
    inputs = (3, 2)
    levels = every_level(inputs)
    for weights in itertools.product(range(-8, 8), repeat=2):
        graph = make_graph([weights], inputs, method)
        np.testing.assert_array_equal(graph.sums(levels)[:, 0], levels @ weights)


@BOTH
@pytest.mark.parametrize("seed", range(12))
def test_random_weights(method, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-128, 128, (7, 5)) * (rng.random((7, 5)) < 0.7)
    inputs = tuple(rng.integers(1, 4, 5))
    graph, levels = make_graph(matrix, inputs, method), every_level(inputs)
    np.testing.assert_array_equal(graph.sums(levels), levels @ matrix.T)
    # As wide as its values need: the bounds of what is not shared are reached.
    for k, term in enumerate(graph.outputs):
        if term is not None and method == "trees":
            bounds = sorted(bound * 2.0**term.shift * (-1 if term.negative else 1)
                            for bound in graph.ranges[term.node])
            sums = levels @ matrix[k]
            assert bounds == [sums.min(), sums.max()]


def test_shared_sums_are_added_once():
    matrix = np.array([[1, 1, 1, 0], [1, 1, 0, 1], [2, 2, 0, -1]])
    assert len(make_graph(matrix, (1,) * 4, "trees").adders) == 6
    assert len(make_graph(matrix, (1,) * 4, "shared").adders) == 4


@BOTH
def test_no_weights_no_adders(method):
    graph = make_graph(np.zeros((2, 3), int), (1, 1, 1), method)
    assert graph.adders == () and graph.outputs == (None, None)
    assert make_graph([[0, 4]], (1, 1), method).outputs == (Term(1, 2),)


def test_a_tree_is_as_flat_as_it_can_be():
    graph = make_graph([[1] * 9], (1,) * 9, "trees")
    depth = [0] * 9
    for adder in graph.adders:
        depth.append(1 + max(depth[adder.left], depth[adder.right]))
    assert max(depth) == 4


def test_no_such_method():
    with pytest.raises(ValueError, match="^Adders must be one of shared, trees, not 'csd'$"):
        make_graph([[1]], (1,), "csd")


def test_without_da4ml(monkeypatch):
    monkeypatch.setitem(sys.modules, "da4ml.cmvm", None)
    with pytest.raises(ValueError, match=r"^Shared adders need da4ml: pip install 'qblif\[logic"):
        make_graph([[1, 3]], (1, 1), "shared")
    assert make_graph([[1, 3]], (1, 1), "trees").adders


def test_a_graph_of_other_weights_is_not_taken(monkeypatch):
    monkeypatch.setattr(adder_graph, "_trees", lambda matrix, inputs: AdderGraph(
        inputs, (), tuple(Term(0) for _ in matrix)))
    with pytest.raises(QblifError, match="does not compute its weights"):
        make_graph([[1, 1]], (1, 1), "trees")
