"""Folders of image files, as ImageNet is unpacked: decoded when they are needed, by torchvision."""

import numpy as np

from .readers import Dataset
from .vision import SIZE, image_folder

__all__ = ["Decoded", "load_image_folders"]


class Decoded:
    """Images ``(n, 3, 224, 224)`` of uint8, decoded on indexing by a number, slice or array.

    With ``train`` each reading crops at random, from torch's own random numbers; else the centre.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, folder, train):
        try:
            self.files = image_folder(folder, train)
        except (FileNotFoundError, OSError) as error:
            raise ValueError(f"{folder}: {str(error).splitlines()[0]}") from error

    @property
    def labels(self):
        return np.array(self.files.targets, np.int64)

    @property
    def shape(self):
        return len(self.files), 3, SIZE, SIZE

    def __repr__(self):
        """The files below the folder, which stand for their contents."""
        return repr([path[len(str(self.files.root)):] for path, _ in self.files.samples])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        if isinstance(index, (int, np.integer)):
            return self.files[int(index)][0].numpy()
        return np.stack([self.files[int(i)][0].numpy() for i in np.arange(len(self))[index]])


def load_image_folders(folder, name):
    """``train/CLASS/*`` and ``val/CLASS/*`` (or ``test/CLASS/*``) below ``folder``.

    Raises :class:`ValueError` where one is missing, has no images, or other classes.
    """
    held_out = next((folder / part for part in ("val", "test") if (folder / part).is_dir()), None)
    if held_out is None:
        raise ValueError(f"{folder}: has a folder train, but neither val nor test")
    train, test = Decoded(folder / "train", True), Decoded(held_out, False)
    if train.files.classes != test.files.classes:
        raise ValueError(f"{folder}: train and {held_out.name} have different classes")
    return Dataset(name, train, train.labels, test, test.labels)
