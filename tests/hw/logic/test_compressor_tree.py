"""Compressor trees: as plans against matrix products, and as hardware against the plans."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from qblif.golden.spec import Input
from qblif.golden.spec.errors import QblifError
from qblif.hw.logic import weighted_sums
from qblif.hw.logic.compressor_tree import compressor_trees
from qblif.hw.logic.compressors import CompressorPipeline
from qblif.hw.logic.layout import Schedule
from qblif.hw.logic.weighted_sums import make_sums
from qblif.sim.stream import simulate_component


def every_level(inputs):
    return np.array(list(itertools.product(*(range(most + 1) for most in inputs))))


@pytest.mark.parametrize("width", [None, 7])
def test_every_pair_of_weights_and_levels(width):
    inputs = (3, 2) if width else (3, 1)
    levels = every_level(inputs)
    for weights in itertools.product(range(-8, 8), repeat=2):
        trees = compressor_trees(np.array([weights]), inputs, width)
        sums = levels @ weights
        np.testing.assert_array_equal(trees.sums(levels)[:, 0], sums)
        if width is None:
            rows = trees.trees[0].rows_of(levels)
            assert trees.offsets == [sums.max() - rows.max()]
            assert rows.min() >= 0 and rows.max() < 1 << trees.shape[0]


@pytest.mark.parametrize("width", [None, 12])
@pytest.mark.parametrize("seed", range(8))
def test_random_weights(seed, width):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-128, 128, (7, 5)) * (rng.random((7, 5)) < 0.7)
    inputs = tuple(rng.integers(1, 4, 5).tolist())
    trees, levels = compressor_trees(matrix, inputs, width), every_level(inputs)
    np.testing.assert_array_equal(trees.sums(levels), levels @ matrix.T)
    for tree in trees.trees:
        assert all(len(column) <= 2 for column in tree.columns)


def test_a_full_adder_takes_one_bit_away():
    (tree,) = compressor_trees(np.array([[1, -2, 1, 2, -1, 1, 1, 2, -2, 1, 1]]), (1,) * 11).trees
    left = sum(map(len, tree.columns))
    assert len(tree.full_adders) == 11 - left and not tree.levels[0]
    # A column of 27 bits is one bit behind three levels, and its carries are one level behind.
    (flat,) = compressor_trees(np.ones((1, 27), int), (1,) * 27).trees
    assert flat.depth == 4 and len(flat.columns[0]) == 1


def test_no_weights_no_bits():
    trees = compressor_trees(np.zeros((2, 3), int), (1, 1, 1))
    assert trees.size == trees.depth == 0 and trees.shape == (0, False)
    assert not trees.sums(np.ones((4, 3), int)).any()


def test_no_such_method():
    with pytest.raises(ValueError, match="^Adders must be one of compressors, shared, not 'csd'$"):
        make_sums([[1]], (1,), "csd")


@pytest.mark.parametrize("part", ["leaf", "full adder", "offset"])
def test_trees_of_other_weights_are_not_taken(monkeypatch, part):
    def wrong(matrix, inputs, width):
        trees = compressor_trees(matrix, inputs, width)
        tree = trees.trees[0]
        tree = replace(tree, **{
            "leaf": {"leaves": (tree.leaves[0]._replace(inverted=True), *tree.leaves[1:])},
            "full adder": {"full_adders": ((0, 0, 3), *tree.full_adders[1:])},
            "offset": {"offset": tree.offset + 1}}[part])
        return replace(trees, trees=(tree,))
    monkeypatch.setattr(weighted_sums, "compressor_trees", wrong)
    with pytest.raises(QblifError, match="do not compute their weights"):
        make_sums([[1, 1, 2, 1]], (1,) * 4)


@pytest.mark.parametrize("adders", [1, 2, 5])
@pytest.mark.parametrize("width", [None, 9])
def test_pipeline(width, adders):
    """Every vector of levels, one a clock."""
    rng = np.random.default_rng(adders)
    matrix, inputs = rng.integers(-9, 10, (4, 6)), (3,) * 4 + (1,) * 2
    matrix[1] = 0
    schedule = Schedule(compressor_trees(matrix, inputs, width), adders)
    dut = CompressorPipeline(schedule, [Input(shape=(4,), n_max=3), Other()])
    levels, found = every_level(inputs), []

    async def drive(ctx):
        for row in np.vstack([levels, levels[:schedule.latency]]).tolist():
            ctx.set(dut.i, {"input": row[:4], "other": row[4:]})
            _, _, sums = await ctx.tick().sample(dut.o)
            found.append([int(value) for value in sums])

    simulate_component(dut, drive, timeout=len(levels) + 100)
    np.testing.assert_array_equal(np.array(found[schedule.latency:]) + schedule.graph.offsets,
                                  levels @ matrix.T)


class Other:
    name, size, emit_max = "other", 2, 1
