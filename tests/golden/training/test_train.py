import itertools
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from qblif.golden import integer
from qblif.golden.spec.artifact import load
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.checkpoint import CheckpointError
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.data.readers import load_folder
from qblif.golden.training.schedule import batches, one_cycle
from qblif.golden.training.train import train

TINY = TrainConfig(hidden=(12, 10), epochs=3, qat_epochs=2, batch=32, lr=0.02, qat_lr=2e-3,
                   gamma=0.3, gain=1.0, shift=1.0, rotate=5.0, shear=2.0, scale=0.05, activity=0.01)


def stripes(n, seed):
    """Horizontal, vertical and diagonal bars of 8x8 pixels under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n).astype(np.uint8)
    y, x = np.mgrid[:8, :8]
    bars = np.stack([y % 4 < 2, x % 4 < 2, (x + y) % 4 < 2])[labels]
    return (bars * 160 + rng.integers(0, 90, (n, 8, 8))).astype(np.uint8), labels


STRIPES = Dataset("stripes", *stripes(300, 0), *stripes(100, 1))


def assert_same_bits(one, other):
    assert one.spec == other.spec
    assert one.weights_digest == other.weights_digest
    assert ({k: v for k, v in one.notes.items() if k != "seconds"}
            == {k: v for k, v in other.notes.items() if k != "seconds"})


@pytest.fixture(scope="module")
def trained():
    return train(TINY, STRIPES)


def test_learns(trained):
    assert trained.notes["accuracy_integer"] > 0.9
    assert trained.notes["accuracy_float"] > 0.9


def test_notes_say_what_the_file_computes(trained):
    notes = trained.notes
    classes = integer.run(trained, to_levels(STRIPES.test_images, TINY.input_n_max)).classes
    assert notes["accuracy_integer"] == (classes.numpy() == STRIPES.test_labels).mean()
    assert notes["dataset"] == "stripes" and notes["seed"] == 0
    assert list(notes["activity"]) == [s.name for s in trained.spec.synapses]
    assert all(0 < a["events"] <= a["digits"] <= a["repeat_digits"]
               for a in notes["activity"].values())
    assert len(notes["gammas"]) == 3 and min(notes["gammas"].values()) > 0
    assert TrainConfig(**notes["config"]) == TINY


def test_same_seed_same_bits(trained):
    torch.rand(7)  # The caller's own random numbers change nothing.
    assert_same_bits(trained, train(TINY, STRIPES))


def test_other_seed_other_bits(trained):
    other = train(replace(TINY, seed=1), STRIPES)
    assert other.weights_digest != trained.weights_digest


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("phase, epoch", [("float", 2), ("float", 3), ("quantised", 1),
                                          ("quantised", 2)])
def test_resumed_equals_uninterrupted(trained, tmp_path, phase, epoch):
    def interrupt(progress):
        if (progress.phase, progress.epoch) == (phase, epoch):
            raise Interrupted

    path = tmp_path / "checkpoint"
    with pytest.raises(Interrupted):
        train(TINY, STRIPES, checkpoint=path, progress=interrupt)
    assert_same_bits(trained, train(TINY, STRIPES, checkpoint=path, resume=True))
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


CONV = replace(TINY, net="4c3s2-6c3-p2", channels_last=True, optimiser="sgd", mixup=0.2, cutmix=0.5,
               flip=True, crop=1, cutout=2, auto_augment="cifar10", amp=True, epochs=2,
               qat_epochs=1, gamma=0.3, gain=1.0)


def colours(n, seed):
    images, labels = stripes(n, seed)
    return np.repeat(images[:, None], 3, 1), labels


COLOURS = Dataset("colours", *colours(200, 0), *colours(60, 1))


def test_ingredients_of_our_own_resumed(tmp_path):
    resume_after_an_epoch(replace(CONV, mixup=0.0, cutmix=0.0, auto_augment=""), tmp_path)


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize("workers", [0, 2])
def test_every_ingredient_resumed(tmp_path, workers):
    resume_after_an_epoch(replace(CONV, workers=workers), tmp_path)


def resume_after_an_epoch(config, tmp_path):
    def interrupt(progress):
        if (progress.phase, progress.epoch) == ("float", 2):
            raise Interrupted

    whole = train(config, COLOURS)
    with pytest.raises(Interrupted):
        train(config, COLOURS, checkpoint=tmp_path / "checkpoint", progress=interrupt)
    assert_same_bits(whole, train(config, COLOURS, checkpoint=tmp_path / "checkpoint", resume=True))
    assert whole.spec.input.shape == (3, 8, 8) and len(whole.spec.populations) == 3


def test_grey_images_feed_a_convolution():
    trained = train(replace(TINY, net="4c3s2", epochs=1, qat_epochs=1), STRIPES)
    assert trained.spec.input.shape == (1, 8, 8)


@pytest.mark.usefixtures("torchvision")
def test_image_files(tmp_path):
    rng = np.random.default_rng(0)
    for part, name, i in itertools.product(("train", "val"), ("a", "b"), range(2)):
        (tmp_path / part / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (240, 230, 3)).astype(np.uint8)).save(
            tmp_path / part / name / f"{i}.png")
    config = replace(TINY, net="2c7s7-p8", batch=2, epochs=1, qat_epochs=1, shift=0.0, rotate=0.0,
                     auto_augment="imagenet")
    trained = train(replace(config, validation=2), load_folder(tmp_path))
    assert len(trained.notes["validation"]["quantised"]) == 1
    assert trained.notes["test_images"] == 4 and trained.spec.input.shape == (3, 224, 224)


def test_two_processes(tmp_path):
    """torchrun's own launcher, two processes on the CPU: one network, which has learned."""
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "-m", "qblif.cli.main", "train", "--epochs", "2", "--qat-epochs", "1", "--hidden", "24",
         "--out", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "train.json").read_text())
    assert report["notes"]["accuracy_integer"] > 0.8
    assert load(tmp_path / "network.safetensors").weights_digest == report["weights_digest"]


def test_resume_after_the_end(trained, tmp_path):
    path = tmp_path / "checkpoint"
    train(TINY, STRIPES, checkpoint=path)
    assert_same_bits(trained, train(TINY, STRIPES, checkpoint=path, resume=True))


def test_progress_counts_to_the_end():
    seen = []
    train(replace(TINY, epochs=1, qat_epochs=1), STRIPES, progress=seen.append)
    assert [p.done for p in seen] == [10, 20] and {p.total for p in seen} == {20}
    assert [p.phase for p in seen] == ["float", "quantised"]


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


def test_callers_settings_are_restored():
    before = torch.get_num_threads(), torch.random.get_rng_state()
    train(replace(TINY, epochs=1, qat_epochs=0, threads=2), STRIPES)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert not torch.are_deterministic_algorithms_enabled()


def test_resume_without_checkpoint():
    with pytest.raises(ValueError, match=r"^Resuming needs a checkpoint$"):
        train(TINY, STRIPES, resume=True)


def test_checkpoint_missing(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no such checkpoint$"):
        train(TINY, STRIPES, checkpoint=tmp_path / "none", resume=True)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("train") / "checkpoint"
    train(replace(TINY, epochs=1, qat_epochs=0), STRIPES, checkpoint=path)
    return path


@pytest.mark.parametrize("damage", [lambda d: d[:len(d) // 2], lambda d: b"", lambda d: b"x" * 99])
def test_checkpoint_damaged(checkpoint, tmp_path, damage):
    path = tmp_path / "checkpoint"
    path.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(CheckpointError, match=r"damaged, or not a checkpoint$"):
        train(replace(TINY, epochs=1, qat_epochs=0), STRIPES, checkpoint=path, resume=True)


def test_checkpoint_of_another_configuration(checkpoint):
    with pytest.raises(CheckpointError, match=r"was trained with epochs = 1, not 3$"):
        train(TINY, STRIPES, checkpoint=checkpoint, resume=True)


def test_checkpoint_of_other_data(checkpoint):
    other = Dataset("stripes", *stripes(300, 5), *stripes(100, 1))
    with pytest.raises(CheckpointError, match=r"was trained on other data$"):
        train(replace(TINY, epochs=1, qat_epochs=0), other, checkpoint=checkpoint, resume=True)


def test_one_cycle():
    assert one_cycle(0.0, 0.2) == pytest.approx(0.1)
    assert one_cycle(0.2, 0.2) == pytest.approx(1.0)
    assert one_cycle(0.6, 0.2) == pytest.approx(0.5)
    assert one_cycle(1.0, 0.2) == pytest.approx(0.0)


@pytest.mark.parametrize("frames, size, parts", [
    (64, 32, [32, 32]), (65, 32, [32, 33]), (66, 32, [32, 32, 2]), (1, 32, [1]), (30, 32, [30])])
def test_batches_leave_no_single_frame(frames, size, parts):
    made = batches(torch.arange(frames), size)
    assert [len(part) for part in made] == parts
    assert torch.cat(made).tolist() == list(range(frames))
