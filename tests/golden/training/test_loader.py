"""Images that are decoded and changed one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from train_cases import TINY, stripes

from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.data.folders import load_image_folders
from qblif.golden.training.data.loader import Loader

EPOCH = [torch.arange(6), torch.arange(6, 12)]


def epochs(dataset, **fields):
    """The images of two epochs, ``(2, images, ...)``; torch's own numbers are as they were."""
    before = torch.get_rng_state()
    loader = Loader(dataset, replace(TINY, **fields), "cpu", torch.Generator().manual_seed(0))
    found = [torch.cat([images for images, _ in loader.batches(EPOCH)]) for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    return torch.stack(found)


def arrays(folder):
    images, labels = stripes(12, 0)
    return Dataset("colours", *[np.repeat(images[:, None], 3, 1), labels] * 2)


def files(folder):
    images, labels = stripes(12, 0)
    for part in ("train", "val"):
        for n, (image, label) in enumerate(zip(images, labels, strict=True)):
            (folder / part / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / part / str(label) / f"{n}.png")
    return load_image_folders(folder, "files")


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize("make, fields", [(arrays, {"auto_augment": "cifar10"}), (files, {})])
def test_random_numbers_are_of_the_epoch_and_the_image(tmp_path, make, fields):
    dataset = make(tmp_path)
    alone, again, two = (epochs(dataset, **fields, workers=workers) for workers in (0, 0, 2))
    assert torch.equal(alone, again) and torch.equal(alone, two)
    assert not torch.equal(alone[0], alone[1])
