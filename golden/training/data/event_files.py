"""Event data sets in their published forms, binned into frames while they are read.

* N-MNIST (Orchard et al. 2015): ``Train/0..9/*.bin`` and ``Test/0..9/*.bin``, 40 bits an event;
* DVS128 Gesture (Amir et al. 2017): ``*.aedat`` in AEDAT 3.1 with ``*_labels.csv``,
  ``trials_to_train.txt`` and ``trials_to_test.txt``;
* CIFAR10-DVS (Li et al. 2017): ``CLASS/*.aedat`` in AEDAT 2.0; it has no split: the first 90 % of
  each class, by the numbers in the files' names, are for training;
* files of cameras below ``train/CLASS`` and ``test/CLASS``: AEDAT of a DVS128, and what
  :mod:`.camera_files` reads but .csv; .aedat4 also below ``CLASS``, as CIFAR10-DVS has it;
* Spiking Heidelberg Digits and Spiking Speech Commands (Cramer et al. 2022): ``shd_train.h5`` and
  ``shd_test.h5``, or ``ssc_...``, 700 cochlear channels (:mod:`.spike_files`);
* SpikingJelly's folders of frames: ``train/CLASS/*.npz`` and ``test/CLASS/*.npz``, each with an
  array ``frames``, ``(timesteps, channels, rows, columns)``.
"""

import csv
import re
import zipfile
from functools import partial

import numpy as np

from ...spec.errors import InvalidValue
from .aedat_files import DVS128, read_aedat
from .camera_files import camera_extents, read_camera
from .dataset import Dataset
from .events import stack_pairs
from .recordings import Kept, Recording, check_within, read_bytes, read_recordings
from .spike_files import found_prefix, read_spikes

__all__ = ["load_events", "read_frames", "read_labels", "read_nmnist"]

NMNIST = (34, 34)  # Rows and columns.
EVENT_BYTES = 5
OVERFLOW_ROW, OVERFLOW_TIME = 240, 1 << 13  # N-MNIST: no event, the clock's 13 bits ran over.
GESTURES = 11
COLUMNS = ["class", "startTime_usec", "endTime_usec"]
CAMERA_FILES = (".aedat", ".aedat4", ".es", ".raw", ".dat")  # A .csv names no camera's size.
WITHOUT_SPLIT = (".aedat", ".aedat4")
SPLIT = ("train", "test")
TRAINING_TENTHS = 9  # Of a class without a split.


def load_events(folder, name, binning, keep=False, progress=None):
    """The event data set in ``folder``, or ``None`` where it holds none of these forms.

    ``binning`` is a :class:`~qblif.golden.training.data.events.Binning`; with ``keep`` the training
    images are :class:`~qblif.golden.training.data.recordings.Recordings`, to be augmented;
    ``progress`` is called after each recording.  Raises :class:`ValueError` for a missing,
    truncated or foreign file.
    """
    parts = _find(folder)
    where = f" in {folder}"
    if parts is not None:
        if binning is None:
            raise InvalidValue(f"{folder}: holds recordings of events; say into how many timesteps "
                               "they are to be binned")
        train, test = parts
        images, labels, trained_on = read_recordings(train, binning, where, keep, progress)
        test_images, test_labels, tested = read_recordings(test, binning, where, False, progress)
        return Dataset(name, images, labels, test_images, test_labels,
                       events={"train": trained_on, "test": tested})
    if next((folder / "train").glob("*/*.npz"), None):
        _check_classes(folder, *SPLIT)
        train, test = (stack_pairs(((read_frames(path), label) for path, label
                                    in _by_class(folder / part, (".npz",))), where)
                       for part in SPLIT)
        return Dataset(name, *train, *test)
    return None


def _find(folder):
    """The :class:`Recording` of training and of test, two iterables, or ``None``."""
    if (folder / "trials_to_train.txt").is_file():
        return [_gestures(folder, f"trials_to_{part}.txt") for part in ("train", "test")]
    prefix = found_prefix(folder)
    if prefix is not None:
        return [read_spikes(folder / f"{prefix}_{part}.h5") for part in ("train", "test")]
    if next((folder / "Train").glob("*/*.bin"), None):
        _check_classes(folder, "Train", "Test")
        return [(Recording(str(path.relative_to(folder)), label, partial(read_nmnist, path), NMNIST)
                 for path, label in _by_class(folder / part, (".bin",)))
                for part in ("Train", "Test")]
    if next(_by_class(folder / "train", CAMERA_FILES), None):
        _check_classes(folder, *SPLIT)
        return [_camera(folder, _by_class(folder / part, CAMERA_FILES)) for part in SPLIT]
    files = list(_by_class(folder, WITHOUT_SPLIT))
    return [_camera(folder, part) for part in _split(files)] if files else None


def _by_class(folder, suffixes):
    """``(path, label)`` of each file, classes in the order of their folders' names."""
    classes = sorted(path for path in folder.glob("*") if path.is_dir())
    for label, below in enumerate(classes):
        for path in sorted(below.glob("*")):
            if path.suffix in suffixes:
                yield path, label


def _check_classes(folder, *parts):
    """Labels count the folders of a part, so both parts must have the same."""
    train, test = ({path.name for path in (folder / part).glob("*") if path.is_dir()}
                   for part in parts)
    if train != test:
        raise InvalidValue(f"{folder}: {' and '.join(parts)} must have the same classes, not "
                           f"{min(train ^ test)} in one of them")


def _split(files):
    """Training and test: the first nine tenths of each class by their numbers, and the others.
    Folders without recordings, as archives leave some, are no classes."""
    train, test = [], []
    for label, folder in enumerate(sorted({path.parent for path, _ in files})):
        some = sorted((path for path, _ in files if path.parent == folder), key=_numbers)
        count = len(some) * TRAINING_TENTHS // 10
        train += [(path, label) for path in some[:count]]
        test += [(path, label) for path in some[count:]]
    return train, test


def _numbers(path):
    """Sorts cifar10_cat_10 behind cifar10_cat_9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)]


def _camera(folder, files):
    for path, label in files:
        aedat = path.suffix == ".aedat"
        yield Recording(str(path.relative_to(folder)), label,
                        partial(read_aedat if aedat else read_camera, path),
                        DVS128 if aedat else camera_extents(path))


def read_nmnist(path):
    """``(t, x, y, p)`` of one recording: 40 bits an event, x, y, polarity and 23 bits of
    microseconds.  Raises :class:`ValueError` for a damaged file."""
    data = read_bytes(path)
    if not data or len(data) % EVENT_BYTES:
        raise InvalidValue(f"{path}: must hold whole events of {EVENT_BYTES} bytes, not "
                           f"{len(data)} bytes")
    x, y, high, middle, low = np.frombuffer(data, np.uint8).reshape(-1, EVENT_BYTES).T.astype(int)
    t = (high & 0x7F) << 16 | middle << 8 | low
    over = y == OVERFLOW_ROW
    t = t + OVERFLOW_TIME * np.cumsum(over)
    return check_within(path, NMNIST, *(a[~over] for a in (t, x, y, high >> 7)))


def read_labels(path):
    """``[(class from 0, first, last microsecond)]`` of a gesture recording's label file."""
    try:
        head, *rows = csv.reader(path.read_text().splitlines())
        found = [(int(label) - 1, int(first), int(last)) for label, first, last in rows
                 if head == COLUMNS]
    except (OSError, ValueError) as error:
        raise InvalidValue(f"{path}: damaged or unreadable ({error})") from error
    if head != COLUMNS:
        raise InvalidValue(f"{path}: must start with {','.join(COLUMNS)}, not {','.join(head)!r}")
    wrong = next((label + 1 for label, _, _ in found if not 0 <= label < GESTURES), None)
    if wrong is not None:
        raise InvalidValue(f"{path}: class must be in 1..{GESTURES}, not {wrong}")
    return found


def _gestures(folder, trials):
    try:
        names = (folder / trials).read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"{folder}: lacks {trials}") from error
    for name in names:
        t, x, y, p = read_aedat(folder / name)
        for label, first, last in read_labels((folder / name).with_name(
                name.removesuffix(".aedat") + "_labels.csv")):
            here = (t >= first) & (t < last)
            yield Recording(f"{name} {first}", label, Kept(t[here], x[here], y[here], p[here]),
                            DVS128)


def read_frames(path):
    """The array ``frames`` of an .npz file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["frames"]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidValue(f"{path}: has no readable array 'frames' ({error})") from error
