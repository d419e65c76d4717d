"""The readers of event data sets, on files written byte for byte, and damaged files."""

import numpy as np
import pytest
from event_cases import HEADER, aedat, gesture_folder, nmnist_folder, packet, word

from qblif.golden.training.data.aedat_files import read_aedat
from qblif.golden.training.data.event_files import read_labels, read_nmnist
from qblif.golden.training.data.events import Binning, stack_pairs
from qblif.golden.training.data.readers import load_folder


def test_nmnist_file_byte_for_byte(tmp_path):
    path = tmp_path / "00001.bin"
    path.write_bytes(bytes.fromhex("0a14800102 210045ffff 05f0000000 01028000ff"))
    t, x, y, p = read_nmnist(path)
    assert t.tolist() == [0x102, 0x45ffff, 0xff + 8192]  # The third is the clock running over.
    assert (x.tolist(), y.tolist(), p.tolist()) == ([10, 33, 1], [20, 0, 2], [1, 0, 1])


def test_aedat_file(tmp_path):
    path = tmp_path / "a.aedat"
    path.write_bytes(aedat((word(127, 3, 1), 70), (word(0, 0, 0, valid=0), 71))
                     + packet(1, [(word(5, 127, 0), 90)], overflow=1))
    t, x, y, p = read_aedat(path)
    assert [a.tolist() for a in (t, x, y, p)] == [[70, 90 + (1 << 31)], [127, 5], [3, 127], [1, 0]]


VERSIONS = r"must start with #!AER-DAT2\.0 or #!AER-DAT3\.1, not b'"
DAMAGED_AEDAT = {
    "empty": (b"", VERSIONS + "'"),
    "version": (b"#!AER-DAT4.0\r\n" + HEADER[14:], VERSIONS + r"#!AER-DAT4\.0'"),
    "foreign": (b"\x89PNG\r\n\x1a\n", VERSIONS + r"\\x89PNG'"),
    "header": (b"#!AER-DAT3.1\r\n#Format", r"truncated, its header has no end"),
    "nothing": (HEADER, r"holds no polarity events"),
    "other events": (HEADER + packet(0, [(1, 2)]), r"holds no polarity events"),
    "packet header": (aedat((word(1, 1, 1), 5)) + b"\x01\x00", r"truncated in the header of a "),
    "packet": (aedat((word(1, 1, 1), 5))[:-3], r"damaged or truncated in the packet at byte \d+"),
    "size": (HEADER + packet(1, [(1, 2)], size=0), r"damaged or truncated in the packet at byte"),
    "negative": (HEADER + packet(1, [(1, 2)], size=0xffffffff), r"damaged or truncated in the "),
    "count": (HEADER + packet(1, [(1, 2)])[:20] + b"\x09" + packet(1, [(1, 2)])[21:],
              r"damaged or truncated in the packet at byte"),
    "long events": (HEADER + packet(1, [(1, 2), (3, 4)], size=16)[:16] + b"\x01" + b"\0" * 3
                    + b"\x01" + b"\0" * 23, r"polarity events must have 8 bytes, not 16"),
    "x": (aedat((word(128, 0, 0), 1)), r"x must be in 0\.\.127, not 128"),
    "y": (aedat((word(0, 200, 0), 1)), r"y must be in 0\.\.127, not 200"),
}


@pytest.mark.parametrize("case", DAMAGED_AEDAT)
def test_damaged_aedat(tmp_path, case):
    data, reason = DAMAGED_AEDAT[case]
    path = tmp_path / "a.aedat"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"a\.aedat: {reason}"):
        read_aedat(path)


HEAD = b"class,startTime_usec,endTime_usec\n"


@pytest.mark.parametrize("read, data, reason", [
    (read_nmnist, b"", r"must hold whole events of 5 bytes, not 0 bytes$"),
    (read_nmnist, b"\x01\x02\x03\x04", r"must hold whole events of 5 bytes, not 4 bytes$"),
    (read_nmnist, bytes(11), r"must hold whole events of 5 bytes, not 11 bytes$"),
    (read_nmnist, b"\x22\x00\x00\x00\x00", r"x must be in 0\.\.33, not 34$"),
    (read_nmnist, b"\x00\xff\x00\x00\x00", r"y must be in 0\.\.33, not 255$"),
    (read_labels, b"", r"damaged or unreadable \("),
    (read_labels, b"\xff\xfe", r"damaged or unreadable \("),
    (read_labels, b"a,b,c\n1,2,3\n",
     r"must start with class,startTime_usec,endTime_usec, not 'a,b,c'$"),
    (read_labels, HEAD + b"1,2\n", r"damaged or unreadable \("),
    (read_labels, HEAD + b"wave,2,3\n", r"damaged or unreadable \("),
    (read_labels, HEAD + b"12,2,3\n", r"class must be in 1\.\.11, not 12$"),
    (read_labels, HEAD + b"0,2,3\n", r"class must be in 1\.\.11, not 0$"),
])
def test_damaged_recording_or_labels(tmp_path, read, data, reason):
    (tmp_path / "a.file").write_bytes(data)
    with pytest.raises(ValueError, match=rf"a\.file: {reason}"):
        read(tmp_path / "a.file")


def test_nmnist_folder(tmp_path):
    found = load_folder(nmnist_folder(tmp_path), binning=Binning(3))
    assert found.train_images.shape == (8, 3, 2, 34, 34) and found.shape == (2, 34, 34)
    assert (found.timesteps, found.static, found.classes) == (3, False, 2)
    assert found.train_labels.tolist() == [0] * 4 + [1] * 4
    assert found.train_images.sum() == 8 * 300  # Every event is counted.
    assert not found.train_images[:4, ..., 17:].any()


def test_gesture_folder(tmp_path):
    found = load_folder(gesture_folder(tmp_path), binning=Binning(2, "count"))
    assert found.train_images.shape == (4, 2, 2, 128, 128)
    assert found.train_labels.tolist() == [1, 10, 1, 10]
    assert found.test_images.sum((2, 3, 4)).tolist() == [[10, 10], [10, 10]]  # 20 each, in halves.
    assert found.test_images[0, 0, 0, 20, 10] == 1  # The first event of class 2: x = 10, y = 20.


def test_frames_folder(tmp_path):
    rng = np.random.default_rng(1)
    arrays = rng.integers(0, 9, (4, 3, 2, 5, 6))
    for n, (part, name) in enumerate([("train", "a"), ("train", "b"), ("test", "a"),
                                      ("test", "b")]):
        (tmp_path / part / name).mkdir(parents=True)
        np.savez(tmp_path / part / name / "1.npz", frames=arrays[n].astype(np.float32))
    found = load_folder(tmp_path)
    np.testing.assert_array_equal(found.train_images, arrays[:2])
    np.testing.assert_array_equal(found.test_images, arrays[2:])


@pytest.mark.parametrize("damage, reason", [
    (lambda f: (f / "Train/0/00002.bin").write_bytes(bytes(7)),
     r"Train/0/00002\.bin: must hold whole events of 5 bytes, not 7 bytes$"),
    (lambda f: [p.unlink() for p in f.glob("Test/*/*.bin")], r"^There are no recordings in \S+$"),
])
def test_folder_with_a_fault(tmp_path, damage, reason):
    damage(nmnist_folder(tmp_path))
    with pytest.raises(ValueError, match=reason):
        load_folder(tmp_path, binning=Binning(3))


@pytest.mark.parametrize("damage, reason", [
    (lambda f: (f / "u2.aedat").unlink(), r"u2\.aedat: unreadable \(No such file or directory\)$"),
    (lambda f: (f / "u2_labels.csv").unlink(), r"u2_labels\.csv: damaged or unreadable \("),
    (lambda f: (f / "trials_to_test.txt").unlink(), r"lacks trials_to_test\.txt$"),
    (lambda f: (f / "trials_to_test.txt").write_bytes(b"\xff"), r"lacks trials_to_test\.txt$"),
])
def test_gesture_folder_with_a_fault(tmp_path, damage, reason):
    damage(gesture_folder(tmp_path))
    with pytest.raises(ValueError, match=reason):
        load_folder(tmp_path, binning=Binning(3))


@pytest.mark.parametrize("write, reason", [
    (lambda p: p.write_bytes(b""), r"1\.npz: has no readable array 'frames' \("),
    (lambda p: p.write_bytes(b"PK\x03\x04 and then nothing"),
     r"1\.npz: has no readable array 'frames' \("),
    (lambda p: np.savez(p, other=np.zeros(3)), r"1\.npz: has no readable array 'frames' \("),
    (lambda p: np.savez(p, frames=np.array([{}], object)),
     r"1\.npz: has no readable array 'frames' \("),
    (lambda p: np.savez(p, frames=np.zeros((3, 4))),
     r"recording 0 in \S+ must be \(timesteps, channels, rows, columns\), not \(3, 4\)$"),
    (lambda p: np.savez(p, frames=np.full((1, 1, 2, 2), 0.5)),
     r"recording 0 in \S+ must be integers of 0\.\.255, not 0\.5\.\.0\.5$"),
    (lambda p: np.savez(p, frames=np.full((1, 1, 2, 2), -1)),
     r"recording 0 in \S+ must be integers of 0\.\.255, not -1\.\.-1$"),
    (lambda p: np.savez(p, frames=np.full((1, 1, 2, 2), 256)),
     r"recording 0 in \S+ must be integers of 0\.\.255, not 256\.\.256$"),
])
def test_damaged_frames(tmp_path, write, reason):
    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
    write(tmp_path / "train" / "a" / "1.npz")
    with pytest.raises(ValueError, match=reason):
        load_folder(tmp_path)


@pytest.mark.parametrize("parts, file, data", [
    (("Train", "Test"), "0.bin", bytes([1, 2, 0, 0, 5])),
    (("train", "test"), "0.npz", None)])
def test_other_classes_in_the_test(tmp_path, parts, file, data):
    """Labels would count the folders of each part, and mean something else."""
    for part, classes in zip(parts, ("012", "12"), strict=True):
        for name in classes:
            (tmp_path / part / name).mkdir(parents=True)
            if data is None:
                np.savez(tmp_path / part / name / file, frames=np.zeros((2, 1, 4, 4), np.uint8))
            else:
                (tmp_path / part / name / file).write_bytes(data)
    with pytest.raises(ValueError, match=rf": {parts[0]} and {parts[1]} must have the same classes,"
                                         r" not 0 in one of them$"):
        load_folder(tmp_path, binning=Binning(2))


def test_frames_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"^Frames of recording 1 must be \(1, 1, 2, 2\), not "
                                         r"\(1, 1, 2, 3\)$"):
        stack_pairs([(np.zeros((1, 1, 2, 2)), 0), (np.zeros((1, 1, 2, 3)), 1)])


@pytest.mark.parametrize("frames, reason", [
    (np.full((2, 1, 2, 2), "a"), r"^Counts of recording 0 must be .* of 0\.\.255, not of <U1$"),
    (np.zeros((2, 0, 2, 2)), r"^Frames of recording 0 must be .*, not \(2, 0, 2, 2\)$")],
    ids=["strings", "no pixels"])
def test_frames_without_counts_are_refused(frames, reason):
    with pytest.raises(ValueError, match=reason):
        stack_pairs([(frames, 0)])


def test_timesteps_must_be_said(tmp_path):
    with pytest.raises(ValueError, match=r"holds recordings of events; say into how many timesteps"
                                         r" they are to be binned$"):
        load_folder(nmnist_folder(tmp_path))
