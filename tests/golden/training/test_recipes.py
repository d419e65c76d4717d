"""The recipes against the paper's Table 1 (arXiv:2604.25688), and a step of each."""

from dataclasses import replace

import numpy as np
import pytest
from train_cases import STRIPES, TINY, assert_same_bits

from qblif.golden.training.data.augment import resize
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.data.readers import dataset_for
from qblif.golden.training.recipes import RECIPES
from qblif.golden.training.train import train

# Timesteps, epochs, resolution (0 for the recordings' own), batch, optimiser, learning rate,
# warm-up epochs, weight decay, mixup, cutmix, the epoch from which neither is used.
TABLE_1 = {
    "paper-imagenet": (4, 300, 224, 128, "adamw", 5e-4, 30, 0.05, 0.8, 1.0, None),
    "paper-cifar10": (4, 500, 64, 128, "sgd", 1e-1, 30, 0.05, 0.8, 1.0, 200),
    "paper-cifar100": (4, 500, 64, 128, "sgd", 1e-1, 30, 0.05, 0.8, 1.0, 200),
    "cifar10-dvs": (16, 200, 0, 64, "adamw", 1e-3, 10, 0.06, 0.5, 0.0, None),
    "dvs128-gesture": (16, 200, 0, 64, "adamw", 1e-3, 10, 0.06, 0.5, 0.0, None)}


def images(shape, n=8):
    """Noise of two classes."""
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (n, *shape)).astype(np.uint8), np.arange(n) % 2
    return Dataset("noise", pixels, labels, pixels, labels)


@pytest.mark.parametrize("name", TABLE_1)
def test_recipes_are_table_1(name):
    c = RECIPES[name]
    assert (c.n_max, c.smoothing, c.gamma_range, c.small_epochs) == (20, 0.1, (), 0)
    assert (c.timesteps, c.epochs, c.resolution, c.batch, c.optimiser, c.lr,
            round(c.warm_up * c.epochs, 9), c.weight_decay, c.mixup, c.cutmix,
            c.mix_epochs) == TABLE_1[name]


def test_every_recipe_holds_validation_images_out():
    assert all(config.validation > 0 for config in RECIPES.values())


@pytest.mark.parametrize("name, net, shape", [
    ("paper-cifar10", "resnet20", (3, 32, 32)), ("paper-imagenet", "resnet34", (3, 8, 8)),
    ("cifar10-dvs", "resnet20", (2, 2, 16, 16)), ("dvs128-gesture", "resnet19", (2, 2, 16, 16))])
def test_a_step_of_each(name, net, shape):
    """At tiny width; the resolution is the recipe's but for ImageNet's."""
    config = RECIPES[name]
    side = {"paper-imagenet": 65}.get(name, config.resolution)
    assert config.net == net
    found = train(replace(config, width=0.02, timesteps=2, epochs=1, qat_epochs=1, batch=4,
                          validation=0.25, workers=0, warm_up=0.5, resolution=side,
                          event_shift=0, event_flip=False, event_drop=0.0, amp=False,
                          channels_last=False,  # A CPU's heap breaks at 1 channel.
                          mixup=0.0, cutmix=0.0, auto_augment=""), images(shape))  # No torchvision.
    assert found.spec.input.shape == (shape[-3], *([side, side] if side else shape[-2:]))
    assert len(found.notes["validation"]["float"]) == 1


def test_share_of_validation_images():
    counts = np.bincount(STRIPES.train_labels)
    assert STRIPES.validation_count(0.1) == 3 * int(0.1 * counts.min())
    assert [STRIPES.validation_count(n) for n in (0, 0.001, 30)] == [0, 0, 30]
    held = train(replace(TINY, epochs=1, validation=0.1), STRIPES)
    same = train(replace(TINY, epochs=1, validation=STRIPES.validation_count(0.1)), STRIPES)
    assert held.weights_digest == same.weights_digest
    assert held.notes["validation"] == same.notes["validation"]


def test_no_mixing_after_its_epochs(monkeypatch):
    """Mixing that ends before it starts is none; mixing that never ends is all."""
    monkeypatch.setattr("qblif.golden.training.train.mixing",
                        lambda config, classes: lambda images, labels: (images / 2, labels))
    plain = train(replace(TINY, mix_epochs=0), STRIPES).weights_digest
    mixed = {n: train(replace(TINY, mix_epochs=n), STRIPES).weights_digest for n in (0, 1, 3, None)}
    monkeypatch.undo()
    assert plain == train(TINY, STRIPES).weights_digest
    assert mixed[0] == plain and mixed[3] == mixed[None]
    assert len({*mixed.values()}) == 3


def test_resized_by_hand():
    """Twice as large: a pixel is 3/4 of its nearest and 1/4 of the next."""
    one = np.array([[[0, 100], [200, 40]]], np.uint8)
    assert resize(one, 4)[0].tolist() == [
        [0, 25, 75, 100], [50, 59, 76, 85], [150, 126, 79, 55], [200, 160, 80, 40]]
    assert resize(np.repeat(one[:, None], 3, 1), 4).shape == (1, 3, 4, 4)
    assert resize(np.full((1001, 4, 4), 7, np.uint8), 2).tolist() == np.full(
        (1001, 2, 2), 7).tolist()


def test_resolution_is_that_of_training_and_of_all_that_is_measured(tmp_path, monkeypatch):
    config = replace(TINY, resolution=12)
    trained = train(config, STRIPES)
    assert trained.spec.input.shape[-2:] == (12, 12)
    assert_same_bits(trained, train(config, STRIPES.resized(12)))
    monkeypatch.setattr("qblif.golden.training.data.readers.load_folder",
                        lambda *_, **__: STRIPES)
    for what in (config, trained):
        assert dataset_for(what, tmp_path).shape == (12, 12)
    assert dataset_for(TINY, tmp_path) is STRIPES


def test_events_are_not_resized():
    with pytest.raises(ValueError, match="^Resolution must be 0 for images of noise, which are "
                                         "16 x 16 and cannot be resized, not 8$"):
        images((2, 2, 16, 16)).resized(8)
    assert images((2, 2, 16, 16)).resized(16).shape == (2, 16, 16)
