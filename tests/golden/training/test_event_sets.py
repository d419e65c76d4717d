"""CIFAR10-DVS's folders with our split, and folders of cameras' files."""

import shutil

import numpy as np
import pytest
from camera_cases import FORMATS, events, write_camera
from event_cases import CLASSES, aedat, aedat_2, dvs_cifar_folder, word

from qblif.golden.training.data.aedat_files import read_aedat
from qblif.golden.training.data.event_files import load_events
from qblif.golden.training.data.events import Binning
from qblif.golden.training.data.readers import load_folder


def test_the_first_nine_tenths_of_each_class_are_for_training(tmp_path):
    """By number: 9 comes before 10.  The first event of recording n of class c is in column c."""
    dvs_cifar_folder(tmp_path, recordings=20)
    (tmp_path / "__MACOSX").mkdir()  # No class.
    found = load_folder(tmp_path, binning=Binning(2))
    assert found.train_images.shape == (3 * 18, 2, 2, 128, 128)
    assert found.train_labels.tolist() == [0] * 18 + [1] * 18 + [2] * 18
    assert found.test_labels.tolist() == [0, 0, 1, 1, 2, 2]
    for images, numbers in ((found.train_images, range(18)), (found.test_images, range(18, 20))):
        files = [tmp_path / name / f"cifar10_{name}_{n}.aedat" for name in CLASSES for n in numbers]
        for frames, file in zip(images, files, strict=True):
            np.testing.assert_array_equal(
                frames, Binning(2).frames(*read_aedat(file), (128, 128)))


def test_the_split_is_the_same_every_time(tmp_path):
    dvs_cifar_folder(tmp_path, recordings=11, events=9)
    one, other = (load_folder(tmp_path, binning=Binning(2)) for _ in range(2))
    assert len(one.train_labels) == 27 and len(one.test_labels) == 6  # 9.9 is 9.
    np.testing.assert_array_equal(one.test_images, other.test_images)


def test_its_conversion_to_aedat4(tmp_path):
    expected = events(extents=(128, 128))
    for name in ("cat", "dog"):
        for n in range(10):
            write_camera(tmp_path / name / f"cifar10_{name}_{n}.aedat4", *expected,
                         extents=(128, 128))
    found = load_folder(tmp_path, binning=Binning(3))
    assert found.train_images.shape == (18, 3, 2, 128, 128) and len(found.test_labels) == 2
    np.testing.assert_array_equal(found.test_images[0],
                                  Binning(3).frames(*expected, (128, 128)))


@pytest.mark.parametrize("name", [n for n in FORMATS if not n.endswith(".csv")])
def test_folders_of_cameras_files(tmp_path, name):
    recordings = {(part, label): events(seed=seed + 2 * label) for seed, part in
                  enumerate(("train", "test")) for label in (0, 1)}
    for (part, label), one in recordings.items():
        write_camera(tmp_path / part / "ab"[label] / name, *one, version=FORMATS[name])
    found = load_folder(tmp_path, binning=Binning(2, "count"))
    for part, images in (("train", found.train_images), ("test", found.test_images)):
        for label in (0, 1):
            np.testing.assert_array_equal(
                images[label], Binning(2, "count").frames(*recordings[part, label], (20, 30)))


def test_a_dvs128_file_of_either_version(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
        (tmp_path / part / "a" / "1.aedat").write_bytes(aedat_2((2, 1)))
        (tmp_path / part / "a" / "2.aedat").write_bytes(aedat((word(1, 1, 1), 5)))
    assert load_folder(tmp_path, binning=Binning(1)).train_images.sum((1, 2, 3, 4)).tolist() == [
        1, 1]


def test_text_files_are_no_data_set(tmp_path):
    """Folders of images have such files too."""
    for part in ("train", "test"):
        write_camera(tmp_path / part / "a" / "1.csv", *events())
    assert load_events(tmp_path, "x", Binning(1)) is None


@pytest.mark.parametrize("damage, reason", [
    (lambda f: (f / "bird/cifar10_bird_3.aedat").write_bytes(b""),
     r"bird/cifar10_bird_3\.aedat: must start with #!AER-DAT2\.0 or "),
    (lambda f: (f / "bird/cifar10_bird_9.aedat").write_bytes(aedat_2((1 << 16, 0))),
     r"bird/cifar10_bird_9\.aedat: addresses must be those of a DVS128, of 16 bits, not 0x10000$"),
    (lambda f: [p.unlink() for p in f.glob("*/*[1-9].aedat")],
     r"^There are no recordings in \S+$"),
    (lambda f: [shutil.rmtree(f / name) for name in CLASSES[1:]] + [
        p.unlink() for p in f.glob("*/*[1-9].aedat")], r"^There are no recordings in \S+$"),
])
def test_folder_with_a_fault(tmp_path, damage, reason):
    damage(dvs_cifar_folder(tmp_path, events=5))
    with pytest.raises(ValueError, match=reason):
        load_folder(tmp_path, binning=Binning(3))


def test_cameras_of_two_sizes(tmp_path):
    for part in ("train", "test"):
        for n, rows in enumerate((20, 24)):
            write_camera(tmp_path / part / "a" / f"{n}.es", *events(), extents=(rows, 30))
    with pytest.raises(ValueError, match=r"^train/a/1\.es: has 24 x 30 pixels, but the first "
                                         r"recording in \S+ has 20 x 30$"):
        load_folder(tmp_path, binning=Binning(3))


def test_other_classes_in_the_test(tmp_path):
    for part, name in (("train", "a"), ("test", "a"), ("test", "b")):
        write_camera(tmp_path / part / name / "1.es", *events())
    with pytest.raises(ValueError, match=r": train and test must have the same classes, not b in "
                                         r"one of them$"):
        load_folder(tmp_path, binning=Binning(3))


def test_timesteps_must_be_said(tmp_path):
    with pytest.raises(ValueError, match=r"holds recordings of events; say into how many timesteps"
                                         r" they are to be binned$"):
        load_folder(dvs_cifar_folder(tmp_path, events=5))


def test_progress_after_each_recording(tmp_path):
    seen = []
    load_folder(dvs_cifar_folder(tmp_path, events=5), binning=Binning(2),
                progress=lambda: seen.append(1))
    assert len(seen) == 30
