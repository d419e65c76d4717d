"""Batches of training images on the device, by index: from memory, or one by one from files."""

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Items

from .vision import auto_augment

__all__ = ["Loader"]


class Loader:
    """Training images and labels of a data set.

    Images lie in memory, on the device, where they are arrays and nothing changes them singly;
    otherwise ``config.workers`` processes decode them and apply AutoAugment.
    """

    def __init__(self, dataset, config, device, generator):
        self.device, self.generator, self.workers = device, generator, config.workers
        self.images = None
        self.items = _Items(dataset, auto_augment(config.auto_augment))
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
        loader = DataLoader(self.items, batch_sampler=[part.tolist() for part in parts],
                            num_workers=self.workers, generator=self.generator)
        for images, labels in loader:
            yield images.to(self.device), labels.to(self.device)


class _Items(Items):
    def __init__(self, dataset, change):
        self.dataset, self.change = dataset, change

    def __len__(self):
        return len(self.dataset.train_labels)

    def __getitem__(self, index):
        image = torch.from_numpy(np.array(self.dataset.train_images[index]))
        if self.change:
            image = self.change(image if image.dim() == 3 else image[None]).reshape(image.shape)
        return image, int(self.dataset.train_labels[index])
