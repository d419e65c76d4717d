"""Soft labels from a trained network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from train_cases import STRIPES, TINY, Interrupted, assert_same_bits

from qblif.golden.training.data.augment import augment
from qblif.golden.training.teacher import SCALES, Teacher
from qblif.golden.training.train import train

SHORT = replace(TINY, epochs=2, qat_epochs=1)


def test_probabilities_fit_the_labels(trained):
    teacher = Teacher(trained, STRIPES, TINY)
    images = torch.from_numpy(STRIPES.test_images).float()
    found = teacher.mixed(images, torch.from_numpy(STRIPES.test_labels), 1.0)
    assert found.shape == (len(images), STRIPES.classes)
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(found.argmax(1), trained.run(STRIPES.test_images))
    # Neither all even nor all certain.
    assert 1.5 / STRIPES.classes < found.max(1).values.mean() < 1 and teacher.scale in SCALES


def test_no_small_images(trained):
    with pytest.raises(ValueError, match=r"^Teacher knows whole images alone: small_epochs must be "
                                         r"0, not 3$"):
        train(replace(TINY, net="4c3-p8", small=6, small_epochs=3), STRIPES, teacher=trained)


def test_share_of_the_labels(trained):
    teacher = Teacher(trained, STRIPES, TINY)
    images = augment(torch.from_numpy(STRIPES.train_images[:9]).float(), TINY,
                     torch.Generator().manual_seed(3))
    labels = torch.from_numpy(STRIPES.train_labels[:9])
    own, hard = teacher.mixed(images, labels, 1.0), teacher.mixed(images, labels, 0.0)
    np.testing.assert_array_equal(hard, np.eye(STRIPES.classes)[STRIPES.train_labels[:9]])
    np.testing.assert_allclose(teacher.mixed(images, labels, 0.25), 0.25 * own + 0.75 * hard,
                               atol=1e-6)
    np.testing.assert_array_equal(teacher.mixed(images, hard, 0.25),
                                  teacher.mixed(images, labels, 0.25))


def test_training_with_one(trained, tmp_path):
    taught = train(SHORT, STRIPES, teacher=trained)
    assert taught.notes["teacher"] == trained.weights_digest
    alone = train(SHORT, STRIPES)
    assert "teacher" not in alone.notes and alone.weights_digest != taught.weights_digest
    none = train(replace(SHORT, teacher_share=0.0), STRIPES, teacher=trained)
    assert none.weights_digest == alone.weights_digest

    def interrupt(progress):
        if progress.epoch == 2:
            raise Interrupted
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Interrupted):
        train(SHORT, STRIPES, teacher=trained, checkpoint=path, progress=interrupt)
    with pytest.raises(ValueError, match="was trained with teacher = .*, not None$"):
        train(SHORT, STRIPES, checkpoint=path, resume=True)
    assert_same_bits(train(SHORT, STRIPES, teacher=trained, checkpoint=path, resume=True), taught)


def test_teacher_of_other_images(trained):
    other = replace(STRIPES, train_images=STRIPES.train_images[:, 1:],
                    test_images=STRIPES.test_images[:, 1:])
    with pytest.raises(ValueError, match="^Teacher must know .* classes of images of 56 pixels, "
                                         "not .* of 64$"):
        train(SHORT, other, teacher=trained)
