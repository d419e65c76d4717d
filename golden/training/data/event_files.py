"""Event data sets in their published forms, binned into frames while they are read.

* N-MNIST (Orchard et al. 2015): ``Train/0..9/*.bin`` and ``Test/0..9/*.bin``, 40 bits an event;
* DVS128 Gesture (Amir et al. 2017): ``*.aedat`` in AEDAT 3.1 with ``*_labels.csv``,
  ``trials_to_train.txt`` and ``trials_to_test.txt``;
* Spiking Heidelberg Digits and Spiking Speech Commands (Cramer et al. 2022): ``shd_train.h5`` and
  ``shd_test.h5``, or ``ssc_...``, 700 cochlear channels (:mod:`.spike_files`);
* SpikingJelly's folders of frames: ``train/CLASS/*.npz`` and ``test/CLASS/*.npz``, each with an
  array ``frames``, ``(timesteps, channels, rows, columns)``.
"""

import csv
import zipfile

import numpy as np

from ...spec.errors import InvalidValue
from .dataset import Dataset
from .events import stack_pairs
from .spike_files import found_prefix, read_spikes

__all__ = ["load_events", "read_aedat", "read_frames", "read_labels", "read_nmnist"]

NMNIST, DVS128 = (34, 34), (128, 128)  # Rows and columns.
EVENT_BYTES = 5
OVERFLOW_ROW, OVERFLOW_TIME = 240, 1 << 13  # N-MNIST: no event, the clock's 13 bits ran over.
END_OF_HEADER = b"#!END-HEADER\r\n"
PACKET, POLARITY_EVENT, POLARITY_BYTES = 28, 1, 8
GESTURES = 11
COLUMNS = ["class", "startTime_usec", "endTime_usec"]


def load_events(folder, name, binning):
    """The event data set in ``folder``, or ``None`` where it holds none of these forms.

    ``binning`` is a :class:`~qblif.golden.training.data.events.Binning`.  Raises
    :class:`ValueError` for a missing, truncated or foreign file.
    """
    if (folder / "trials_to_train.txt").is_file():
        parts = [_gestures(folder, f"trials_to_{part}.txt", _needed(folder, binning))
                 for part in ("train", "test")]
    elif (prefix := found_prefix(folder)) is not None:
        parts = [read_spikes(folder / f"{prefix}_{part}.h5", _needed(folder, binning))
                 for part in ("train", "test")]
    elif next((folder / "Train").glob("*/*.bin"), None):
        _needed(folder, binning)
        parts = [((binning.frames(*read_nmnist(path), NMNIST), label)
                  for path, label in _by_class(folder / part, "bin")) for part in ("Train", "Test")]
    elif next((folder / "train").glob("*/*.npz"), None):
        parts = [((read_frames(path), label) for path, label in _by_class(folder / part, "npz"))
                 for part in ("train", "test")]
    else:
        return None
    return Dataset(name, *(array for part in parts for array in stack_pairs(part, f" in {folder}")))


def _needed(folder, binning):
    if binning is None:
        raise InvalidValue(f"{folder}: holds recordings of events; say into how many timesteps "
                           "they are to be binned")
    return binning


def _by_class(folder, suffix):
    """``(path, label)`` of each file, classes in the order of their folders' names."""
    classes = sorted(path for path in folder.glob("*") if path.is_dir())
    for label, below in enumerate(classes):
        for path in sorted(below.glob(f"*.{suffix}")):
            yield path, label


def read_nmnist(path):
    """``(t, x, y, p)`` of one recording: 40 bits an event, x, y, polarity and 23 bits of
    microseconds.  Raises :class:`ValueError` for a damaged file."""
    data = _bytes(path)
    if not data or len(data) % EVENT_BYTES:
        raise InvalidValue(f"{path}: must hold whole events of {EVENT_BYTES} bytes, not "
                           f"{len(data)} bytes")
    x, y, high, middle, low = np.frombuffer(data, np.uint8).reshape(-1, EVENT_BYTES).T.astype(int)
    t = (high & 0x7F) << 16 | middle << 8 | low
    over = y == OVERFLOW_ROW
    t = t + OVERFLOW_TIME * np.cumsum(over)
    return _within(path, NMNIST, *(a[~over] for a in (t, x, y, high >> 7)))


def read_aedat(path):
    """``(t, x, y, p)`` of the valid polarity events of an AEDAT 3.1 file.

    Raises :class:`ValueError` for a damaged file, or another version's.
    """
    data = _bytes(path)
    version = data.split(b"\r\n", 1)[0]
    if version != b"#!AER-DAT3.1":
        raise InvalidValue(f"{path}: must start with #!AER-DAT3.1, not {version[:24]!r}")
    position = data.find(END_OF_HEADER) + len(END_OF_HEADER)
    if position < len(END_OF_HEADER):
        raise InvalidValue(f"{path}: truncated, its header has no end")
    words, times = [], []
    while position < len(data):
        header = data[position:position + PACKET]
        if len(header) < PACKET:
            raise InvalidValue(f"{path}: truncated in the header of a packet at byte {position}")
        kind, size, overflow, capacity, number = (
            int(np.frombuffer(header, form, 1, at)[0])
            for form, at in (("<i2", 0), ("<i4", 4), ("<i4", 12), ("<i4", 16), ("<i4", 20)))
        body = data[position + PACKET:position + PACKET + max(size, 0) * max(capacity, 0)]
        if size <= 0 or not 0 <= number <= capacity or len(body) < size * capacity:
            raise InvalidValue(f"{path}: damaged or truncated in the packet at byte {position}")
        if kind == POLARITY_EVENT:
            if size != POLARITY_BYTES:
                raise InvalidValue(f"{path}: polarity events must have {POLARITY_BYTES} bytes, "
                                   f"not {size}")
            events = np.frombuffer(body, "<u4", 2 * number).reshape(-1, 2).astype(np.int64)
            words.append(events[:, 0])
            times.append(events[:, 1] + (overflow << 31))
        position += PACKET + size * capacity
    if not words:
        raise InvalidValue(f"{path}: holds no polarity events")
    word, t = np.concatenate(words), np.concatenate(times)
    word, t = word[word & 1 == 1], t[word & 1 == 1]
    return _within(path, DVS128, t, word >> 17 & 0x7FFF, word >> 2 & 0x7FFF, word >> 1 & 1)


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


def _gestures(folder, trials, binning):
    try:
        names = (folder / trials).read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"{folder}: lacks {trials}") from error
    for name in names:
        t, x, y, p = read_aedat(folder / name)
        for label, first, last in read_labels((folder / name).with_name(
                name.removesuffix(".aedat") + "_labels.csv")):
            here = (t >= first) & (t < last)
            yield binning.frames(t[here], x[here], y[here], p[here], DVS128), label


def read_frames(path):
    """The array ``frames`` of an .npz file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["frames"]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidValue(f"{path}: has no readable array 'frames' ({error})") from error


def _bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidValue(f"{path}: unreadable ({error.strerror})") from error


def _within(path, extents, t, x, y, p):
    for what, values, limit in (("x", x, extents[1]), ("y", y, extents[0])):
        if values.size and values.max() >= limit:
            raise InvalidValue(f"{path}: {what} must be in 0..{limit - 1}, not {values.max()}")
    return t, x, y, p
