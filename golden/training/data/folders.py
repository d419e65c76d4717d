"""Folders of image files, as ImageNet is unpacked: decoded when they are needed, by torchvision."""

import numpy as np

from ...spec.errors import InvalidValue
from .dataset import Dataset
from .vision import SIZE, image_folder

__all__ = ["Decoded", "load_image_folders"]


class Decoded:
    """Images ``(n, 3, 224, 224)`` of uint8, decoded on indexing by a number, slice or array.

    With ``train`` each reading crops at random, from torch's own random numbers; else the centre.
    ``index`` says which of the folder's files these are, all by default.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, folder, train, index=None):
        try:
            self.files = image_folder(folder, train)
        except (FileNotFoundError, OSError) as error:
            raise InvalidValue(f"{folder}: {str(error).splitlines()[0]}") from error
        self.folder = folder
        self.index = np.arange(len(self.files)) if index is None else index

    def part(self, index, train=True):
        """The images at ``index``, an array, read as ``train`` says."""
        return Decoded(self.folder, train, self.index[index])

    @property
    def labels(self):
        return np.array(self.files.targets, np.int64)[self.index]

    @property
    def shape(self):
        return len(self), 3, SIZE, SIZE

    def __repr__(self):
        """The files below the folder, which stand for their contents."""
        skip = len(str(self.files.root))
        return repr([self.files.samples[i][0][skip:] for i in self.index])

    def __len__(self):
        return len(self.index)

    def __getitem__(self, index):
        if isinstance(index, (int, np.integer)):
            return self.files[int(self.index[index])][0].numpy()
        return np.stack([self.files[int(i)][0].numpy() for i in self.index[index]])


def load_image_folders(folder, name):
    """``train/CLASS/*`` and ``val/CLASS/*`` (or ``test/CLASS/*``) below ``folder``.

    Raises :class:`ValueError` where one is missing, has no images, or other classes.
    """
    held_out = next((folder / part for part in ("val", "test") if (folder / part).is_dir()), None)
    if held_out is None:
        raise InvalidValue(f"{folder}: has a folder train, but neither val nor test")
    train, test = Decoded(folder / "train", True), Decoded(held_out, False)
    if train.files.classes != test.files.classes:
        raise InvalidValue(f"{folder}: train and {held_out.name} have different classes")
    return Dataset(name, train, train.labels, test, test.labels)
