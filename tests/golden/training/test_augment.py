import builtins
import sys
from dataclasses import replace

import pytest
import torch

from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.augment import (
    affine_batch,
    augment,
    crop_batch,
    cutout_batch,
    flip_batch,
    random_matrices,
)
from qblif.golden.training.data.vision import auto_augment, mixing

STILL = TrainConfig()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_no_augmentation_moves_nothing():
    images = torch.rand(3, 6, 5)
    torch.testing.assert_close(affine_batch(images, STILL, generator()), images)
    assert augment(images, STILL, generator()) is images


def test_no_change_by_an_affine_map():
    assert random_matrices(1, STILL, 6, 5, generator()).tolist() == [[[1, 0, 0], [0, 1, 0]]]


@pytest.mark.parametrize("field, value, index, bound", [
    ("shift", 2.0, (0, 2), 2 * 2 / 10), ("shift", 2.0, (1, 2), 2 * 2 / 20),
    ("scale", 0.2, (0, 0), 0.2)])
def test_augmentation_stays_within_its_bounds(field, value, index, bound):
    drawn = random_matrices(2000, replace(STILL, **{field: value}), 20, 10, generator())
    moved = (drawn - torch.eye(2, 3))[:, index[0], index[1]].abs().max()
    assert 0.95 * bound < float(moved) <= bound + 1e-6


def test_channels_move_together():
    images = torch.rand(5, 1, 8, 8)
    moved = augment(images.expand(5, 3, 8, 8), replace(STILL, rotate=20.0, flip=True, crop=2),
                    generator())
    assert (moved == moved[:, :1]).all() and (moved[:, 0] != images[:, 0]).any()


def test_half_are_mirrored():
    images = torch.rand(400, 2, 3, 4)
    flipped = flip_batch(images, generator())
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    assert ((flipped == images).flatten(1).all(1) != mirrored).all()
    assert 150 < int(mirrored.sum()) < 250


def test_crop_moves_by_whole_pixels_and_every_one():
    images = torch.zeros(300, 1, 7, 7)
    images[:, 0, 3, 3] = 1
    where = crop_batch(images, 2, generator())[:, 0].nonzero()
    assert len(where) == 300 and set(where[:, 1].tolist()) == set(range(1, 6))
    assert set(where[:, 2].tolist()) == set(range(1, 6))


def test_crop_fills_with_zeros():
    assert float(crop_batch(torch.ones(50, 4, 4), 4, generator()).min()) == 0


@pytest.mark.parametrize("side", [1, 2, 3])
def test_cutout(side):
    images = cutout_batch(torch.ones(500, 3, 6, 6), side, generator())
    holes = (images == 0).sum((2, 3))
    assert (holes == holes[:, :1]).all() and int(holes.max()) == side * side
    assert int(holes.min()) == ((side + 1) // 2) ** 2  # Around a pixel in a corner.


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize("fields", [{"mixup": 0.5}, {"cutmix": 1.0}, {"mixup": 0.5, "cutmix": 1.0}])
def test_mixing_shares_the_labels(fields):
    torch.manual_seed(0)
    images, labels = torch.rand(8, 3, 6, 6), torch.arange(8) % 4
    mix, changed = mixing(replace(STILL, **fields), 4), False
    for _ in range(10):
        mixed, shares = mix(images, labels)
        changed |= bool((mixed != images).any())
        assert shares.shape == (8, 4)
        torch.testing.assert_close(shares.sum(1), torch.ones(8))
    assert changed


def test_no_mixing():
    assert mixing(STILL, 4) is None


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize("policy", ["cifar10", "imagenet"])
def test_auto_augment(policy):
    torch.manual_seed(0)
    images = torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8)
    change = auto_augment(policy)
    changed = torch.stack([change(image) for image in images])
    assert changed.dtype == torch.uint8 and (changed != images).any()


def test_torchvision_of_another_torch(monkeypatch):
    """As its import fails where torch comes without CUDA and torchvision with it."""
    there = builtins.__import__

    def fail(name, *args):
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")
        return there(name, *args)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(ValueError, match=r"^This needs a torchvision that was built for this torch,"
                                         r" \d.*nms does not exist\)$"):
        auto_augment("cifar10")


def test_torchvision_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ValueError, match=r"^This needs torchvision, which is not installed$"):
        mixing(replace(STILL, mixup=0.5), 4)


@pytest.mark.parametrize("shape", [(3, 5, 6), (5, 6)])
def test_small_squares_of_images(shape):
    images = torch.arange(1, 1 + 300 * 5 * 6).reshape(300, *[1] * (len(shape) - 2), 5, 6).float()
    images = images.expand(300, *shape)
    small = augment(images, replace(STILL, crop=2), generator(), 4)
    assert small.shape == (300, *shape[:-2], 4, 4)
    places = set()
    for one, whole in zip(small, images, strict=True):
        padded = torch.nn.functional.pad(whole, [2] * 4)
        found = [(y, x) for y in range(6) for x in range(7)
                 if torch.equal(padded[..., y:y + 4, x:x + 4], one)]
        places.add(*found)  # Every pixel is another number: there is one.
    assert places == {(y, x) for y in range(6) for x in range(7)}
