"""Spoken digits as spikes, in HDF5: files written in the published form, and damaged ones."""

import h5py
import numpy as np
import pytest

from qblif.golden.training.data.events import Binning
from qblif.golden.training.data.readers import load_folder


def write(path, times, units, labels, change=None):
    with h5py.File(path, "w") as file:
        for name, rows, kind in (("times", times, np.float16), ("units", units, np.uint16)):
            array = file.create_dataset(f"spikes/{name}", (len(rows),),
                                        h5py.vlen_dtype(np.dtype(kind)))
            for n, row in enumerate(rows):
                array[n] = np.asarray(row, kind)
        file["labels"] = labels
        if change:
            change(file)


def folder_of(tmp_path, times=((0.5, 0.25), (0.125,), ()), units=((699, 3), (0,), ()),
              labels=(19, 0, 1), prefix="shd", change=None):
    write(tmp_path / f"{prefix}_train.h5", times, units, labels, change)
    write(tmp_path / f"{prefix}_test.h5", ((1.0,),), ((5,),), (2,))
    return tmp_path


@pytest.mark.parametrize("prefix", ["shd", "ssc"])
def test_folder(tmp_path, prefix):
    found = load_folder(folder_of(tmp_path, prefix=prefix), binning=Binning(2, window=200_000))
    assert found.train_images.shape == (3, 2, 1, 1, 700) and found.classes == 20
    assert found.train_labels.tolist() == [19, 0, 1] and found.test_labels.tolist() == [2]
    expected = np.zeros((3, 2, 700), int)
    expected[0, 0, 3] = expected[0, 1, 699] = 1  # The earlier one comes first.
    expected[1, 0, 0] = 1
    np.testing.assert_array_equal(found.train_images[:, :, 0, 0], expected)


@pytest.mark.parametrize("changes, reason", [
    ({"units": ((700, 3), (0,), ())}, r"recording 0 must have units of 0\.\.699, not 3\.\.700$"),
    ({"times": ((-1, 0.25), (0.125,), ())}, r"recording 0 must have times of at least 0 s, not -"),
    ({"times": ((np.nan, 0.25), (0.125,), ())}, r"recording 0 must have times of at least 0 s, "),
    ({"times": ((0.5,), (0.125,), ())}, r"recording 0 must have one time for each unit, "),
    ({"labels": (1, 2)}, r"must have as many arrays of times and of units as labels, "),
    ({"change": lambda file: file.pop("labels")}, r"damaged, or no file of spikes \("),
    ({"change": lambda file: file.pop("spikes/units")}, r"damaged, or no file of spikes \("),
    ({"change": lambda file: file.pop("spikes")}, r"damaged, or no file of spikes \("),
])
def test_faults(tmp_path, changes, reason):
    with pytest.raises(ValueError, match=rf"shd_train\.h5: {reason}"):
        load_folder(folder_of(tmp_path, **changes), binning=Binning(2))


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:100], lambda data: data[:len(data) // 2],
    lambda data: b"\x89PNG" + data[4:]])
def test_damaged_files(tmp_path, damage):
    path = folder_of(tmp_path) / "shd_train.h5"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"shd_train\.h5: damaged, or no file of spikes \("):
        load_folder(tmp_path, binning=Binning(2))


def test_missing_half(tmp_path):
    (folder_of(tmp_path) / "shd_test.h5").unlink()
    with pytest.raises(ValueError, match=r"shd_test\.h5: damaged, or no file of spikes \("):
        load_folder(tmp_path, binning=Binning(2))
