"""Validation images, which are held out of the training."""

from dataclasses import replace

import numpy as np
import pytest
from train_cases import STRIPES, TINY, Interrupted, assert_same_bits

from qblif.golden import integer
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.train import train


def test_validation_images_are_held_out_of_the_training():
    """Equally many of each class, none of them trained on, and the rest all there."""
    part = STRIPES.hold_out(30, seed=3)
    assert np.bincount(part.test_labels).tolist() == [10, 10, 10]
    assert len(part.train_labels) == 270
    pixels = np.concatenate([part.train_images, part.test_images]).reshape(300, -1)
    assert (np.unique(pixels, axis=0) == np.unique(STRIPES.train_images.reshape(300, -1), axis=0)
            ).all()
    assert (STRIPES.hold_out(30, seed=4).test_images != part.test_images).any()


def test_validation_accuracy_is_that_of_the_held_out_images():
    seen = []
    wrong = replace(STRIPES, test_labels=(STRIPES.test_labels + 1) % 3)
    trained = train(replace(TINY, validation=30), wrong, progress=seen.append)
    assert trained.notes["accuracy_integer"] < 0.5 < min(trained.notes["validation"]["quantised"])
    shares = trained.notes["validation"]
    assert [len(shares[phase]) for phase in ("float", "quantised")] == [3, 2]
    part = STRIPES.hold_out(30, TINY.seed)
    classes = integer.run(trained, to_levels(part.test_images, TINY.input_n_max)).classes
    assert shares["quantised"][-1] == (classes.numpy() == part.test_labels).mean()
    assert [p.validation for p in seen] == [None, *shares["float"][:2], None,
                                            shares["quantised"][0]]


def test_validation_images_are_not_trained_on():
    rest = STRIPES.hold_out(30, TINY.seed)
    assert (train(replace(TINY, validation=30), STRIPES).weights_digest
            == train(TINY, rest).weights_digest)


def test_validation_resumes(tmp_path):
    def interrupt(progress):
        if (progress.phase, progress.epoch) == ("float", 3):
            raise Interrupted

    config = replace(TINY, validation=30)
    path = tmp_path / "checkpoint"
    with pytest.raises(Interrupted):
        train(config, STRIPES, checkpoint=path, progress=interrupt)
    assert_same_bits(train(config, STRIPES),
                     train(config, STRIPES, checkpoint=path, resume=True))


def test_validation_test_images_choose_nothing():
    """Other test images, the same weights."""
    other = replace(STRIPES, test_images=STRIPES.test_images[:40],
                    test_labels=STRIPES.test_labels[:40])
    config = replace(TINY, validation=30)
    assert train(config, other).weights_digest == train(config, STRIPES).weights_digest
