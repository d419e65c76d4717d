"""Tables of features: read, scaled, trained, and refused."""

import re
from dataclasses import replace

import numpy as np
import pytest

from qblif.golden.training.data.readers import load_folder
from qblif.golden.training.data.tables import read_table, to_pixels
from qblif.golden.training.recipes import MNIST, TABLES
from qblif.golden.training.train import train

TRAIN = np.array([[-1.0, 3.0, 0.5, 0], [3.0, 3.0, 0.25, 2], [0.0, 3.0, 0.0, 1]])
TEST = np.array([[1.0, 3.0, 0.125, 1], [9.0, 2.0, -4.0, 0]])


def write(folder, form, train=TRAIN, test=TEST, header=""):
    for name, table in (("train", train), ("test", test)):
        if form == ".npy":
            np.save(folder / f"{name}.npy", table)
        else:
            rows = "\n".join(",".join(map(repr, row)) for row in table.tolist())
            (folder / f"{name}.csv").write_text(header + rows + "\n")
    return folder


@pytest.mark.parametrize("form, header", [
    (".npy", ""), (".csv", ""), (".csv", "length,width,\"odd\",class\n")])
def test_scaled_by_the_training_table(tmp_path, form, header):
    found = load_folder(write(tmp_path, form, header=header))
    # -1..3 over 255, a constant, 0..0.5 over 255; beyond is clipped.
    assert found.train_images.tolist() == [[[0, 0, 255]], [[255, 0, 128]], [[64, 0, 0]]]
    assert found.test_images.tolist() == [[[128, 0, 64]], [[255, 0, 0]]]
    assert found.train_labels.tolist() == [0, 2, 1] and found.test_labels.tolist() == [1, 0]
    assert (found.shape, found.classes, found.train_images.dtype) == ((1, 3), 3, np.uint8)


def test_integers_are_features_too(tmp_path):
    found = load_folder(write(tmp_path, ".npy", TRAIN.astype(np.int16), TEST.astype(np.int16)))
    assert found.train_images[:, 0, 0].tolist() == [0, 255, 64]


def test_every_pixel_rounds_to_the_nearest():
    features = np.linspace(0, 1, 2041)[:, None]
    pixels = to_pixels(features, np.zeros(1), np.ones(1))[:, 0, 0]
    assert np.abs(pixels - 255 * features[:, 0]).max() <= 0.5
    assert set(pixels.tolist()) == set(range(256))


@pytest.mark.parametrize("text, reason", [
    ("1,2,0\n1,x,1\n", r"damaged or unreadable \("),
    ("1,2,0\n1,1\n", r"damaged or unreadable \("),
    ("", r"must be rows of features and a label, numbers all, not \(0, "),
    ("a,b,c\n", r"must be rows of features and a label, numbers all, not \(0, "),
    ("1\n2\n", r"must be rows of features and a label, numbers all, not \(2, 1\) of float64$"),
    ("1,nan,0\n", "must be of finite numbers, but sample 1 has nan in column 2$"),
    ("1,2,0\n1,2,inf\n", "must be of finite numbers, but sample 2 has inf in column 3$"),
    ("1,2,0\n1,2,0.5\n", r"labels, .* must be whole numbers in 0\.\.4095, not 0\.5 as that of sam"),
    ("1,2,-1\n", r"labels, the last column, must be whole numbers in 0\.\.4095, not -1 as"),
    ("1,2,4096\n", r"labels, the last column, must be whole numbers in 0\.\.4095, not 4096 as")])
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_damaged_csv(tmp_path, text, reason):
    path = tmp_path / "train.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {reason}"):
        read_table(path)


@pytest.mark.parametrize("content, reason", [
    (b"", "damaged or unreadable"), (b"\x93NUMPY\x01\x00", "damaged or unreadable"),
    (np.zeros((2, 2, 2)), r"must be rows .*, not \(2, 2, 2\) of float64$"),
    (np.array([["1", "0"]]), r"must be rows .*, not \(1, 2\) of <U1$"),
    (np.array([[None, 0]]), "damaged or unreadable")])
def test_damaged_npy(tmp_path, content, reason):
    path = tmp_path / "train.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {reason}"):
        read_table(path)


def test_archive_by_the_name_of_a_table(tmp_path):
    np.savez(tmp_path / "train.npz", a=np.zeros((2, 3)))
    path = (tmp_path / "train.npz").rename(tmp_path / "train.npy")
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))}: damaged or unreadable \("):
        read_table(path)


def test_tables_that_do_not_go_together(tmp_path):
    write(tmp_path, ".npy", test=TEST[:, 1:])
    with pytest.raises(ValueError, match=r"test\.npy: must have 3 features as train\.npy has, "
                                         "not 2$"):
        load_folder(tmp_path)
    (tmp_path / "train.npy").unlink()
    with pytest.raises(ValueError, match=r"lacks train\.npy$"):
        load_folder(tmp_path)


def cluster(n, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    features = rng.normal(size=(n, 6)) + np.eye(3).repeat(2, 1)[labels] * 4
    return np.hstack([features, labels[:, None]])


def test_a_table_trains(tmp_path):
    dataset = load_folder(write(tmp_path, ".npy", cluster(400, 0), cluster(200, 1)))
    trained = train(replace(TABLES, hidden=(8,), fan_in=(4, 8), epochs=6), dataset)
    assert trained.spec.input.size == 6 and trained.notes["accuracy_integer"] > 0.9


def test_augmentation_of_images_is_refused(tmp_path):
    dataset = load_folder(write(tmp_path, ".npy", cluster(40, 0), cluster(20, 1)))
    with pytest.raises(ValueError, match=r"^Augmentation \(shift, rotate, shear, scale\) must be 0 "
                                         "for images of one row, .* take --recipe tables$"):
        train(replace(MNIST, validation=0), dataset)
