import gzip
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.data.dataset import Dataset, stratified_split
from qblif.golden.training.data.readers import CIFAR, FILES, embedded, load_folder, read_idx


def idx(array):
    header = bytes((0, 0, 8, array.ndim))
    return header + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def write_folder(folder, pack=gzip.compress, suffix=".gz"):
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (5, 3, 4)), rng.integers(0, 3, 5),
              rng.integers(0, 256, (2, 3, 4)), rng.integers(0, 3, 2)]
    arrays = [a.astype(np.uint8) for a in arrays]
    for name, array in zip(FILES, arrays, strict=True):
        (folder / f"{name}{suffix}").write_bytes(pack(idx(array)))
    return arrays


@pytest.mark.parametrize("pack, suffix", [(gzip.compress, ".gz"), (bytes, "")])
def test_folder(tmp_path, pack, suffix):
    arrays = write_folder(tmp_path, pack, suffix)
    dataset = load_folder(tmp_path)
    assert dataset.name == tmp_path.name
    assert dataset.shape == (3, 4)
    found = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    for got, expected in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_folder_missing(tmp_path):
    with pytest.raises(ValueError, match=r"there is no such folder$"):
        load_folder(tmp_path / "nowhere")


def test_file_missing(tmp_path):
    write_folder(tmp_path)
    (tmp_path / f"{FILES[1]}.gz").unlink()
    with pytest.raises(ValueError, match=r"lacks train-labels-idx1-ubyte, or \S+-ubyte\.gz$"):
        load_folder(tmp_path)


def test_folder_without_a_data_set(tmp_path):
    (tmp_path / "notes.txt").write_text("no images")
    with pytest.raises(ValueError, match=r": no data set is recognised in it: it has no "
                                         r"train-images-idx3-ubyte \(MNIST\), and no "):
        load_folder(tmp_path)


@pytest.mark.parametrize("damage, reason", [
    (lambda d: gzip.compress(d)[:-9], r"damaged or unreadable \("),
    (lambda d: d, r"damaged or unreadable \("),
    (lambda d: gzip.compress(d[:-1]), r"must hold 5 bytes for its shape \(5,\), not 4$"),
    (lambda d: gzip.compress(d + b"x"), r"must hold 5 bytes for its shape \(5,\), not 6$"),
    (lambda d: gzip.compress(d[:7]), r"truncated, 7 bytes are less than a header's 8$"),
    (lambda d: gzip.compress(b"\x00\x00\x0d" + d[3:]), r"must start with 00000801, not 00000d01$"),
    (lambda d: gzip.compress(b""), r"truncated, 0 bytes"),
])
def test_file_damaged(tmp_path, damage, reason):
    path = tmp_path / "labels.gz"
    path.write_bytes(damage(idx(np.arange(5, dtype=np.uint8))))
    with pytest.raises(ValueError, match=reason):
        read_idx(path, axes=1)


def test_file_corrupted_inside(tmp_path):
    path = tmp_path / "labels.gz"
    data = bytearray(gzip.compress(idx(np.arange(200, dtype=np.uint8))))
    data[40] ^= 0xff
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged or unreadable"):
        read_idx(path, axes=1)


def write_cifar(folder, names, label_bytes, seed=0):
    """Two records a file; returns the fine labels and images in order."""
    rng = np.random.default_rng(seed)
    labels, images = [], []
    for name in names:
        records = rng.integers(0, 10, (2, label_bytes + 3072)).astype(np.uint8)
        (folder / name).write_bytes(records.tobytes())
        labels.append(records[:, label_bytes - 1])
        images.append(records[:, label_bytes:].reshape(2, 3, 32, 32))
    return np.concatenate(images), np.concatenate(labels)


@pytest.mark.parametrize("train, test, label_bytes", CIFAR)
def test_cifar(tmp_path, train, test, label_bytes):
    expected = (*write_cifar(tmp_path, train, label_bytes),
                *write_cifar(tmp_path, test, label_bytes, seed=1))
    dataset = load_folder(tmp_path)
    assert dataset.shape == (3, 32, 32)
    found = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_cifar_file_missing(tmp_path):
    write_cifar(tmp_path, CIFAR[0][0][:4], 1)
    with pytest.raises(ValueError, match=r"lacks data_batch_5\.bin$"):
        load_folder(tmp_path)


@pytest.mark.parametrize("size", [0, 3072, 3074])
def test_cifar_file_truncated(tmp_path, size):
    (tmp_path / "train.bin").write_bytes(bytes(size))
    with pytest.raises(ValueError, match=rf"must hold whole records of 3074 bytes, not {size} bytes"
                       if size != 3074 else r"lacks test\.bin$"):
        load_folder(tmp_path)


def write_images(folder, per_class=2):
    rng = np.random.default_rng(0)
    for part, name in itertools.product(("train", "val"), ("cat", "dog")):
        (folder / part / name).mkdir(parents=True)
        for i in range(per_class):
            pixels = rng.integers(0, 256, (300, 260, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / part / name / f"{i}.png")


@pytest.mark.usefixtures("torchvision")
def test_image_folders(tmp_path):
    write_images(tmp_path)
    dataset = load_folder(tmp_path)
    assert dataset.shape == (3, 224, 224) and dataset.classes == 2
    assert dataset.train_labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(dataset.test_images[1:3][0], dataset.test_images[1])
    assert dataset.test_images[1:3].shape == (2, 3, 224, 224)
    torch.manual_seed(0)
    assert (dataset.train_images[0] != dataset.train_images[0]).any()  # Cropped at random.


@pytest.mark.usefixtures("torchvision")
def test_image_folders_with_other_classes(tmp_path):
    write_images(tmp_path)
    (tmp_path / "val" / "dog").rename(tmp_path / "val" / "eel")
    with pytest.raises(ValueError, match=r"train and val have different classes$"):
        load_folder(tmp_path)


def test_image_folders_without_test(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(ValueError, match=r"has a folder train, but neither val nor test$"):
        load_folder(tmp_path)


@pytest.mark.usefixtures("torchvision")
def test_image_folders_empty(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "val").mkdir()
    with pytest.raises(ValueError, match=r"Couldn't find any class folder"):
        load_folder(tmp_path)


def test_images_and_labels_differ(tmp_path):
    arrays = write_folder(tmp_path)
    (tmp_path / f"{FILES[1]}.gz").write_bytes(gzip.compress(idx(arrays[1][:4])))
    with pytest.raises(ValueError, match=r"^The train set has 5 images, but 4 labels$"):
        load_folder(tmp_path)


def test_image_sizes_differ():
    images, labels = np.zeros((2, 3, 4), np.uint8), np.zeros(2, np.uint8)
    with pytest.raises(ValueError, match=r"^Training images are \(3, 4\), but test images are"):
        Dataset("x", images, labels, images[:, :, :3], labels)


def test_empty_set():
    images, labels = np.zeros((2, 3, 4), np.uint8), np.zeros(2, np.uint8)
    with pytest.raises(ValueError, match=r"^The test set is empty$"):
        Dataset("x", images, labels, images[:0], labels[:0])


def test_negative_labels():
    images, labels = np.zeros((2, 3, 4), np.uint8), np.array([0, -1])
    with pytest.raises(ValueError, match=r"^The test labels must be at least 0, not -1$"):
        Dataset("x", images, abs(labels), images, labels)


def test_embedded_is_stratified_and_fixed():
    first, second = embedded(), embedded()
    assert first.train_images.shape == (4000, 28, 28)
    assert np.bincount(first.test_labels).tolist() == [100] * 10
    assert np.bincount(first.train_labels).tolist() == [400] * 10
    np.testing.assert_array_equal(first.test_images, second.test_images)


def test_split_covers_once():
    labels = np.repeat(np.arange(4), 10)
    rest, held = stratified_split(labels, 8, seed=1)
    assert sorted([*rest, *held]) == list(range(40))
    assert list(held) != list(stratified_split(labels, 8, seed=2)[1])


def test_split_does_not_divide():
    with pytest.raises(ValueError, match=r"^A held-out set of 7 does not divide by 2 classes$"):
        stratified_split(np.array([0, 1] * 10), 7, seed=0)


def test_split_takes_too_many():
    with pytest.raises(ValueError, match=r"^A held-out set of 4 takes 2 of each class"):
        stratified_split(np.array([0, 1, 1, 0, 1]), 4, seed=0)


@pytest.mark.parametrize("n_max", range(1, 21))
def test_every_pixel_is_rounded_to_nearest(n_max):
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    exact = np.arange(256) * n_max / 255
    levels = to_levels(pixels, n_max)
    assert levels.shape == (1, 256) and levels.dtype == np.uint8
    np.testing.assert_array_equal(levels[0], np.floor(exact + 0.5))


def test_levels_of_floats():
    with pytest.raises(TypeError, match=r"^Images must be uint8, not float64$"):
        to_levels(np.zeros((1, 2, 2)), 4)
