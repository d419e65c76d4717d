"""Recordings of events: binning, and a network whose every timestep has an input of its own."""

from dataclasses import replace

import numpy as np
import pytest
from train_cases import TINY, assert_same_bits

from qblif.golden import integer
from qblif.golden.activity import measure_activity
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.data.events import Binning, binning_of
from qblif.golden.training.train import train

T = np.array([100, 100, 119, 120, 139, 159, 160])
X = np.array([0, 0, 1, 2, 2, 0, 1])
Y = np.array([0, 0, 1, 0, 0, 1, 1])
P = np.array([1, 1, 0, 1, 0, 0, 1])


def frames(binning, t=T):
    return binning.frames(t, X[:len(t)], Y[:len(t)], P[:len(t)], (2, 3))


@pytest.mark.parametrize("binning, steps", [
    (Binning(3), [0, 0, 0, 0, 1, 2, 2]),  # 61 us in three parts.
    (Binning(3, window=20), [0, 0, 0, 1, 1, 2, None]),  # The last event is in a fourth window.
    (Binning(2, window=1000), [0] * 7),
    (Binning(3, "count"), [0, 0, 0, 1, 1, 2, 2]),
    (Binning(7, "count"), [0, 1, 2, 3, 4, 5, 6]),
])
def test_binning_by_hand(binning, steps):
    expected = np.zeros((binning.timesteps, 2, 2, 3), np.uint8)
    for step, x, y, p in zip(steps, X, Y, P, strict=True):
        if step is not None:
            expected[step, p, y, x] += 1
    np.testing.assert_array_equal(frames(binning), expected)


@pytest.mark.parametrize("binning", [Binning(2), Binning(2, "count"), Binning(2, window=5)])
def test_no_events_is_an_empty_frame(binning):
    assert not frames(binning, T[:0]).any()


def test_events_need_no_order_to_be_binned_by_time():
    order = [3, 0, 6, 5, 1, 4, 2]
    shuffled = Binning(3).frames(T[order], X[order], Y[order], P[order], (2, 3))
    np.testing.assert_array_equal(shuffled, frames(Binning(3)))


def test_counts_saturate():
    many = np.zeros(300, int)
    assert Binning(1).frames(many, many, many, many, (1, 1)).tolist() == [[[[255]], [[0]]]]


def test_a_window_by_count_is_refused():
    with pytest.raises(ValueError, match=r"^A window of 5 us has no meaning where events are "
                                         r"binned by count$"):
        Binning(2, "count", 5)


def test_counts_are_levels_up_to_n_max():
    counts = np.arange(16, dtype=np.uint8).reshape(2, 2, 1, 2, 2)
    assert to_levels(counts, 5).tolist() == [[[0, 1, 2, 3], [4, 5, 5, 5]], [[5] * 4] * 2]


@pytest.fixture(scope="module")
def moving():
    """Bars that move up or down: one timestep alone does not tell the classes apart."""
    rng = np.random.default_rng(3)
    images, labels = np.zeros((96, 4, 2, 8, 8), np.uint8), rng.integers(0, 2, 96)
    for image, label in zip(images, labels, strict=True):
        start = rng.integers(8)
        for t in range(4):
            image[t, rng.integers(2), (start + t * (1 if label else -1)) % 8] = rng.integers(1, 6)
    return Dataset("moving", images[:64], labels[:64], images[64:], labels[64:])


@pytest.mark.parametrize("net", ["dense", "4c3-p2-d16"])
def test_network_of_events_is_exact_in_integers(moving, net):
    config = replace(TINY, net=net, timesteps=4, input_n_max=3, epochs=3, qat_epochs=1)
    trained = train(config, moving)
    assert not trained.spec.input.static and trained.spec.input.shape[-2:] == (8, 8)
    levels = trained.levels(moving.test_images)
    assert levels.shape == (32, 4, 128) and levels.max() == 3
    classes = integer.run(trained, levels).classes.numpy()
    assert trained.notes["accuracy_integer"] == (classes == moving.test_labels).mean()
    assert binning_of(trained) == Binning(4)
    assert trained.activity == measure_activity(trained, [trained.levels(moving.train_images)])


def test_training_sees_counts_up_to_n_max(moving):
    config = replace(TINY, timesteps=4, input_n_max=3, epochs=1, qat_epochs=0,
                     shift=0.0, rotate=0.0, shear=0.0, scale=0.0)
    clipped = replace(moving, train_images=np.minimum(moving.train_images, 3))
    assert moving.train_images.max() > 3
    one, other = train(config, moving), train(config, clipped)
    assert one.notes.pop("events") != other.notes.pop("events")  # What was cut off.
    assert_same_bits(one, other)


def test_order_of_time_matters(moving):
    trained = train(replace(TINY, timesteps=4, input_n_max=3, epochs=1, qat_epochs=0), moving)
    forth, back = (integer.run(trained, trained.levels(images)).levels["hidden1"]
                   for images in (moving.test_images, moving.test_images[:, ::-1]))
    assert (forth != back).any()


def test_other_timesteps_are_refused(moving):
    with pytest.raises(ValueError, match=r"^Timesteps must be the 4 of the data set's frames, "
                                         r"not 2$"):
        train(replace(TINY, timesteps=2), moving)
