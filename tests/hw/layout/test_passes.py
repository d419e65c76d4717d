"""The order of update passes, against nested loops."""

import itertools

import numpy as np
import pytest
from mutants import mutant

from qblif.golden.spec import as_map
from qblif.hw.layout.passes import Passes

SHAPES = [(1,), (7,), (3, 4), (1, 1, 1), (5, 3, 2), (8, 1, 3), (1, 2, 5)]


def all_passes(shape, timesteps, kind=Passes):
    """Both orders, every number of fire lanes and of channels a pass that a plan may have."""
    channels = as_map(shape)[0]
    for order, fire_lanes in itertools.product(("inner", "outer"), (1, 2, 4, 8)):
        for width in range(fire_lanes, channels + fire_lanes, fire_lanes):
            yield kind(shape=shape, fire_lanes=fire_lanes, width=width, timesteps=timesteps,
                       order=order)


def loops(passes):
    """``(timestep, position)`` of every step, loop by loop."""
    timesteps, positions = range(passes.timesteps), range(passes.positions)
    if passes.order == "inner":
        return [(t, p) for p in positions for t in timesteps]
    return [(t, p) for t in timesteps for p in positions]


def check(passes):
    channels, rows, columns = as_map(passes.shape)
    timestep, position = passes.steps()
    assert list(zip(timestep, position, strict=True)) == loops(passes)
    # The vectors that leave, one after the other, and what they are of each neuron.
    frames, size = 2, channels * rows * columns
    expected = np.arange(frames * passes.timesteps * size).reshape(
        frames, passes.timesteps, channels, rows * columns)
    vectors = []
    for frame, (t, place) in itertools.product(range(frames), loops(passes)):
        for word in range(passes.words):
            last = word == passes.words - 1
            for vector in range(passes.last_vectors if last else passes.vectors):
                first = word * passes.width + vector * passes.fire_lanes
                vectors.append([expected[frame, t, c, place] if c < channels else -1
                                for c in range(first, first + passes.fire_lanes)])
    np.testing.assert_array_equal(passes.unpack(np.array(vectors)),
                                  expected.reshape(frames, passes.timesteps, size))


@pytest.mark.parametrize("timesteps", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_vectors_of_every_step_are_unpacked(shape, timesteps):
    for passes in all_passes(shape, timesteps):
        check(passes)


@pytest.mark.parametrize("shape", SHAPES)
def test_membranes_are_kept_where_a_vector_comes_back(shape):
    """As many rows as there are vectors between two timesteps of one neuron."""
    for passes in (p for t in (1, 2, 3) for p in all_passes(shape, t)):
        vectors = [(t, p, vector) for t, p in loops(passes)
                   for vector in range(passes.channel_vectors)]
        apart = {vectors.index((t + 1, p, v)) - k for k, (t, p, v) in enumerate(vectors)
                 if t + 1 < passes.timesteps}
        assert apart == ({passes.state_rows} if passes.timesteps > 1 else set())
        assert passes.timesteps > 1 or passes.state_rows == 0


def test_by_hand():
    passes = Passes(shape=(5, 2, 2), fire_lanes=2, width=4, timesteps=2)
    assert (passes.words, passes.vectors, passes.last_vectors) == (2, 2, 1)
    assert (passes.positions, passes.channel_vectors, passes.all_vectors) == (4, 3, 12)
    assert passes.state_rows == 3
    assert passes.neurons()[1].tolist() == [[1, 5], [9, 13], [17, -1]]
    outer = Passes(shape=(5, 2, 2), fire_lanes=2, width=4, timesteps=2, order="outer")
    assert outer.state_rows == 12 and not outer.inner
    assert outer.steps()[1].tolist() == [0, 1, 2, 3] * 2


@pytest.mark.parametrize("old, new", [
    ("count % self.timesteps, count // self.timesteps",
     "count // self.positions, count % self.positions"),
    ("ordered[:, timestep, position] = values", "ordered[:] = values.reshape(ordered.shape)"),
    ("- (self.words - 1) * self.vectors", ""),
])
def test_a_broken_rule_is_found(old, new):
    with pytest.raises((AssertionError, ValueError)):
        for passes in all_passes((5, 3, 2), 3, mutant(Passes, old, new)):
            check(passes)
