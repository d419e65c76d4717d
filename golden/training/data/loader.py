"""Batches of training images on the device, by index: from memory, or one by one from files."""

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Items

from ...spec.errors import InvalidValue
from .augment import check_augmentation
from .event_augment import augment_of
from .recordings import Recordings
from .vision import auto_augment

__all__ = ["Loader"]


class Loader:
    """Training images and labels of a data set.

    Images lie in memory, on the device, where they are arrays and nothing changes them singly;
    otherwise ``config.workers`` processes decode them and apply AutoAugment, or read recordings and
    change their events.  Their random numbers are of the epoch and the image alone, so that they do
    not depend on how many processes there are.

    Raises :class:`ValueError` where events are to be changed and there are only their frames, and
    for augmentation of images that are rows of a table.
    """

    def __init__(self, dataset, config, device, generator):
        check_augmentation(config, dataset.shape)
        self.device, self.generator, self.workers = device, generator, config.workers
        self.images = None
        self.items = _Items(dataset, auto_augment(config.auto_augment), augment_of(config))
        if self.items.augment and not isinstance(dataset.train_images, Recordings):
            raise InvalidValue(f"Augmentation of events needs recordings, not frames, as those of "
                               f"{dataset.name}")
        if isinstance(dataset.train_images, np.ndarray) and not config.auto_augment:
            self.images = torch.from_numpy(dataset.train_images.copy()).to(device)
            self.labels = torch.from_numpy(dataset.train_labels.copy()).to(device, torch.int64)

    def batches(self, parts):
        """``(images, labels)`` of each tensor of indices: uint8 and int64."""
        if self.images is not None:
            for index in parts:
                index = index.to(self.device)
                yield self.images[index], self.labels[index]
            return
        self.items.seed = int(torch.randint(1 << 62, (), generator=self.generator))
        loader = DataLoader(self.items, batch_sampler=[part.tolist() for part in parts],
                            num_workers=self.workers, generator=self.generator)
        for images, labels in loader:
            yield images.to(self.device), labels.to(self.device)


class _Items(Items):
    def __init__(self, dataset, change, augment):
        self.dataset, self.change, self.augment, self.seed = dataset, change, augment, 0

    def __len__(self):
        return len(self.dataset.train_labels)

    def __getitem__(self, index):
        seed = np.random.SeedSequence((self.seed, index))
        with torch.random.fork_rng(devices=[]):  # torchvision draws from torch's own numbers.
            torch.default_generator.manual_seed(int(seed.generate_state(1, np.uint64)[0]))
            image = torch.from_numpy(np.array(self._image(index, np.random.default_rng(seed))))
            if self.change:
                image = self.change(image if image.dim() == 3 else image[None]).reshape(image.shape)
        return image, int(self.dataset.train_labels[index])

    def _image(self, index, rng):
        images = self.dataset.train_images
        return images.augmented(index, self.augment, rng) if self.augment else images[index]
