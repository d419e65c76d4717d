"""Files of event cameras through faery: every format, and damaged, foreign and nonsensical ones."""

import os
import subprocess
import sys

import numpy as np
import pytest
from camera_cases import FORMATS, events, write_camera

from qblif.golden.training.data import camera_files
from qblif.golden.training.data.camera_files import camera_extents, read_camera


@pytest.mark.parametrize("name", FORMATS)
def test_every_event_of_every_format(tmp_path, name):
    expected = events()
    path = write_camera(tmp_path / name, *expected, version=FORMATS[name])
    for found, values in zip(read_camera(path), expected, strict=True):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, values)
    if name != "a.csv":
        assert camera_extents(path) == (20, 30)


def test_one_file_after_another_in_its_place(tmp_path):
    """As many bytes, another time."""
    for seed in range(3):
        expected = events(seed=seed)
        path = write_camera(tmp_path / "a.dat", *expected)
        os.utime(path, (seed, seed))
        np.testing.assert_array_equal(read_camera(path)[1], expected[1])


def test_columns_of_a_text_file_by_their_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("polarity,P,x,T,y\n9,1,2,30,4\n9,0,5,40,6\n")
    assert [a.tolist() for a in read_camera(path)] == [[30, 40], [2, 5], [4, 6], [1, 0]]


def test_size_that_the_file_does_not_say(tmp_path):
    for name, cut in (("a.csv", b""), ("evt3.raw", b"% geometry")):
        path = write_camera(tmp_path / name, *events(), version=FORMATS[name])
        lines = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join(
            b"% evt 3.0" if b"format" in line else b"% nothing" if cut and cut in line else line
            for line in lines))
        assert len(read_camera(path)[0]) == 60
        with pytest.raises(ValueError, match=rf"{name}: does not say how many pixels its camera"):
            camera_extents(path)


PNG = b"\x89PNG\r\n\x1a\n" * 40
EVT = r"must start with a header that names EVT 2\.0, 2\.1, 3\.0, not "
TEXT = r"must start with a line that names the columns t, x, y and p, not "
SAID = r"damaged, or no \.\w+ file of events \("


def changed(path, position, data):
    """The file's bytes with others from ``position`` on."""
    whole = path.read_bytes()
    return whole[:position] + data + whole[position + len(data):]


# Each makes the content of a file from a whole one; the sentence behind its name.
DAMAGED = {
    ("a.aedat4", "empty"): (lambda p: b"", SAID),
    ("a.aedat4", "foreign"): (lambda p: PNG, SAID),
    ("a.aedat4", "truncated"): (lambda p: p.read_bytes()[:-9], SAID),
    ("a.aedat4", "header"): (lambda p: p.read_bytes()[:300], SAID),
    # The length of the first packet, 2 GiB: the library's process ends.
    ("a.aedat4", "oversized"): (lambda p: changed(p, 714, b"\xff\xff\xff\x7f"), SAID),
    ("a.es", "empty"): (lambda p: b"", SAID),
    ("a.es", "foreign"): (lambda p: PNG, SAID),
    ("a.es", "outside"): (lambda p: changed(p, 16, b"\x05\x00\x05\x00"),
                          SAID + r".* overflow \([xy]=\d+ must be strictly smaller than "),
    ("a.es", "oversized"): (lambda p: changed(p, 16, b"\xff\xff\xff\xff"),
                            r"must be of a camera of 1\.\.4,194,304 pixels, not of 65,535 x "),
    ("evt2.raw", "empty"): (lambda p: b"", EVT + r"b''$"),
    ("evt2.raw", "foreign"): (lambda p: PNG, EVT + r"b'\\x89PNG"),
    ("evt2.raw", "version"): (lambda p: p.read_bytes().replace(b"evt 2", b"evt 4"),
                              EVT + r"4\.0$"),
    ("evt2.raw", "truncated"): (lambda p: p.read_bytes()[:-2],
                                r"truncated, its events are no whole words of 4 bytes$"),
    ("evt3.raw", "truncated"): (lambda p: p.read_bytes()[:-1],
                                r"truncated, its events are no whole words of 2 bytes$"),
    ("evt2.raw", "other letters"): (lambda p: p.read_bytes().replace(b"% geo", b"% g\xe9o"),
                                    r"its header must be ASCII text, not b'% g\\xe9ometry 30x20"),
    ("evt3.raw", "header"): (lambda p: b"% evt 3.0\n", r"holds no events$"),
    ("a.dat", "empty"): (lambda p: b"", r"must start with a header of lines with %, not b''$"),
    ("a.dat", "foreign"): (lambda p: PNG, r"must start with a header of lines with %, not b'\\x89"),
    ("a.dat", "truncated"): (lambda p: p.read_bytes()[:-3],
                             r"truncated, its events are no whole words of 8 bytes$"),
    ("a.dat", "other letters"): (lambda p: "% µ".encode() + p.read_bytes(),
                                 r"its header must be ASCII text, not b'% \\xc2\\xb5% Version"),
    ("a.dat", "header"): (lambda p: b"% Version 2\n\x0c", r"truncated, its events are no whole "),
    ("a.dat", "events"): (lambda p: p.read_bytes().replace(b"\n\x0c\x08", b"\n\x0c\x09", 1), SAID),
    ("a.csv", "empty"): (lambda p: b"", TEXT + r"''$"),
    ("a.csv", "no names"): (lambda p: b"1,2,3,1\n", TEXT + r"'1,2,3,1'$"),
    ("a.csv", "header"): (lambda p: b"t,x,y,p\n", r"holds no events$"),
    ("a.csv", "a word"): (lambda p: b"t,x,y,p\n1,2,left,1\n", SAID),
    ("a.csv", "too few"): (lambda p: b"t,x,y,p\n1,2\n", SAID),
    ("a.csv", "nonsense"): (lambda p: b"t,x,y,p\n0,1,1,1\n86400000001,1,1,1\n",
                            r"must last a day at most, not 86,400,000,001 us$"),
}


@pytest.mark.parametrize("name, case", DAMAGED)
def test_damaged(tmp_path, name, case):
    make, reason = DAMAGED[name, case]
    path = write_camera(tmp_path / name, *events(), version=FORMATS[name])
    path.write_bytes(make(path))
    with pytest.raises(ValueError, match=rf"{name}: (?:{reason})"):
        camera_extents(path)
        read_camera(path)


def test_any_damage_is_one_sentence_or_none(tmp_path):
    """Random bytes, missing or others: an error of ours or events, and the next file is read."""
    rng = np.random.default_rng(int(os.environ.get("QBLIF_SEED", 0)) & 0xffffffff)
    whole = {name: write_camera(tmp_path / name, *events(), version=version).read_bytes()
             for name, version in FORMATS.items()}
    refused = 0
    for n in range(150):
        name = list(FORMATS)[n % len(FORMATS)]
        data = bytearray(whole[name][:rng.integers(1, len(whole[name]) + 1)])
        for _ in range(rng.integers(4)):
            data[rng.integers(len(data))] = rng.integers(256)
        (tmp_path / name).write_bytes(data)
        try:
            t, x, y, p = read_camera(tmp_path / name)
            assert len(t) == len(x) == len(y) == len(p) > 0 and (np.diff(t) >= 0).all()
        except ValueError as error:
            assert str(error).startswith(f"{tmp_path / name}: "), data.hex()
            refused += 1
    assert 50 < refused < 150


@pytest.mark.parametrize("last_words", ["", "{", '{"extents": null, "bytes": 26}\\n1234567890123'])
def test_a_decoder_that_dies_is_started_again(tmp_path, monkeypatch, last_words):
    path = write_camera(tmp_path / "a.es", *events())
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nread line\nprintf '{last_words}'\n")
    program.chmod(0o755)
    camera_files._decoder.cache_clear()
    monkeypatch.setattr(camera_files.sys, "executable", str(program))
    with pytest.raises(ValueError, match=r"a\.es: damaged, or no \.es file of events \(faery "
                                         r"crashed on it\)$"):
        read_camera(path)
    monkeypatch.undo()
    assert len(read_camera(path)[0]) == 60


def test_missing_file(tmp_path):
    for read in (read_camera, camera_extents):
        with pytest.raises(ValueError, match=r"b\.es: unreadable \(No such file or directory\)$"):
            read(tmp_path / "b.es")


def test_missing_library(tmp_path, monkeypatch):
    path = write_camera(tmp_path / "a.aedat4", *events())
    monkeypatch.setitem(sys.modules, "faery", None)
    with pytest.raises(ValueError, match=r"a\.aedat4: reading \.aedat4 needs faery: pip install "
                                         r"'qblif\[events\]'$"):
        read_camera(path)


def test_the_decoder_ends_with_its_input(tmp_path):
    file = camera_files.Path(camera_files.__file__).with_name("camera_decoder.py")
    done = subprocess.run([sys.executable, "-P", file], input=b"nonsense\n", capture_output=True,
                          timeout=60)
    assert done.returncode == 0 and b'"error"' in done.stdout and not done.stderr
