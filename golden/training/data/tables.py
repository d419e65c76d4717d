"""Tables of features as images of one row: ``train.csv`` and ``test.csv``, or ``.npy``.

A row is a sample, its last column the label.  Features become pixels by the training table: its
least value of a feature is 0, its largest 255, what lies beyond is clipped.
"""

from pathlib import Path

import numpy as np

from ...spec.errors import InvalidValue
from .dataset import Dataset

__all__ = ["load_tables", "read_table", "to_pixels"]

FORMS = ".csv", ".npy"
MOST_LABEL = 4095  # The classes that a board's results have room for.


def load_tables(folder, name):
    """The :class:`~qblif.golden.training.data.dataset.Dataset` of the tables in ``folder``, images
    ``(n, 1, features)``; ``None`` where it holds none.

    Raises :class:`ValueError` for a missing or damaged table, and for one of other columns.
    """
    for form in FORMS:
        paths = [folder / f"{part}{form}" for part in ("train", "test")]
        if any(path.is_file() for path in paths):
            break
    else:
        return None
    for path in paths:
        if not path.is_file():
            raise InvalidValue(f"{folder}: lacks {path.name}")
    (train, train_labels), (test, test_labels) = map(read_table, paths)
    if test.shape[1] != train.shape[1]:
        raise InvalidValue(f"{paths[1]}: must have {train.shape[1]} features as {paths[0].name} "
                           f"has, not {test.shape[1]}")
    low, high = train.min(0), train.max(0)
    return Dataset(name, to_pixels(train, low, high), train_labels,
                   to_pixels(test, low, high), test_labels)


def read_table(path):
    """Features ``(n, features)`` of float64 and labels ``(n,)`` of int64.

    A first line of a ``.csv`` that holds no number is a header.  Raises :class:`ValueError` that
    names the file and what is wrong with it.
    """
    path = Path(path)
    try:
        table = _read_npy(path) if path.suffix == ".npy" else _read_csv(path)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidValue(f"{path}: damaged or unreadable ({error})") from error
    if table.ndim != 2 or table.shape[1] < 2 or not len(table) or table.dtype.kind not in "iufb":
        raise InvalidValue(f"{path}: must be rows of features and a label, numbers all, not "
                           f"{table.shape} of {table.dtype}")
    table = table.astype(np.float64)
    wrong = ~np.isfinite(table)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise InvalidValue(f"{path}: must be of finite numbers, but sample {row + 1} has "
                           f"{table[row, column]} in column {column + 1}")
    labels = table[:, -1]
    for row in np.flatnonzero((labels != np.round(labels)) | (labels < 0) | (labels > MOST_LABEL)):
        raise InvalidValue(f"{path}: labels, the last column, must be whole numbers in "
                           f"0..{MOST_LABEL}, not {labels[row]:g} as that of sample {row + 1}")
    return table[:, :-1], labels.astype(np.int64)


def to_pixels(features, low, high):
    """Features ``(n, features)`` as images ``(n, 1, features)`` of uint8, ``low`` and ``high``,
    ``(features,)``, as 0 and 255; a feature that never changes is 0."""
    span = np.where(high > low, high - low, 1)
    scaled = np.clip((features - low) / span, 0, 1) * 255
    return np.round(scaled).astype(np.uint8)[:, None]


def _read_npy(path):
    with open(path, "rb") as file:  # numpy.load would take other forms as well.
        return np.lib.format.read_array(file, allow_pickle=False)


def _read_csv(path):
    with open(path, encoding="utf-8") as file:
        first = file.readline()
    return np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8",
                      skiprows=int(_is_header(first)))


def _is_header(line):
    for cell in line.split(","):
        try:
            float(cell)
        except ValueError:
            continue
        return False
    return True
