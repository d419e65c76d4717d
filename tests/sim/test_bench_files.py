from types import SimpleNamespace

import numpy as np
import pytest

from qblif.golden.spec import Input
from qblif.hw.layout.input_stream import InputFormat
from qblif.sim.bench_files import UNKNOWN, decode, encode_frames, read_log

MANIFEST = {"ports": [  # As much of one as the input takes.
    {"name": "i__payload", "width": 9, "fields": [
        {"name": "address", "offset": 0, "width": 3, "signed": False},
        {"name": "level", "offset": 3, "width": 5, "signed": False},
        {"name": "end", "offset": 8, "width": 1, "signed": False}]}]}


def encode(levels, *shape, **options):
    """Lines of frames for an input of ``shape``."""
    layout = SimpleNamespace(input=InputFormat(Input(shape=shape, n_max=3, static=levels.ndim == 2),
                                               **options))
    return encode_frames(layout, MANIFEST, levels)


def without_garbage(text):
    """``text`` with zeros in the fields of an EOT marker that are ignored."""
    lines = (line.split() for line in text.splitlines())
    return "".join(f"{mark} {'100' if int(word, 16) & 0x100 else word}\n" for mark, word in lines)


def test_ignored_fields_carry_garbage():
    text = encode(np.zeros((200, 4), int), 4)
    words = {int(line.split()[1], 16) for line in text.splitlines()}
    assert {word & 7 for word in words} == set(range(8))
    assert len({word >> 3 & 31 for word in words}) > 20
    assert all(word & 0x100 for word in words)


def test_static_frames():
    text = encode(np.array([[0, 3, 0, 1], [0, 0, 0, 0]]), 4)
    assert without_garbage(text) == "1 19\n0 b\n2 100\n3 100\n"


def test_frames_of_timesteps():
    text = encode(np.array([[[1, 0], [0, 0]], [[0, 0], [0, 2]]]), 2, ends=2)
    assert without_garbage(text) == "1 8\n0 100\n2 100\n1 100\n0 11\n2 100\n"


def test_maps_go_by_address():
    """Two channels of one row: the channel is the lowest bit of an address."""
    text = encode(np.array([[0, 1, 2, 0]]), 2, 1, 2)
    assert without_garbage(text) == "1 11\n0 a\n2 100\n"


def test_timesteps_of_a_map_go_position_by_position():
    """The timestep is the lowest bit of an address, and one marker ends the frame."""
    frames = np.array([[[1, 0], [2, 3]], [[0, 0], [0, 0]]])
    assert without_garbage(encode(frames, 1, 1, 2, interleaved=2)) == (
        "1 8\n0 11\n0 1b\n2 100\n3 100\n")


def test_a_static_frame_is_sent_again_with_timesteps_outermost():
    text = encode(np.array([[0, 1]]), 1, 1, 2, repeats=2, ends=2)
    assert without_garbage(text) == "1 9\n0 100\n0 9\n2 100\n"


@pytest.mark.parametrize("width", [1, 4, 13, 30, 32])
@pytest.mark.parametrize("offset", [0, 1, 3, 7, 30])
def test_decode_any_field(offset, width):
    draw = np.random.default_rng(offset)
    values = draw.integers(-(1 << width - 1), 1 << width - 1, 50)
    total = offset + width + 2
    mask = (1 << width) - 1
    words = [(int(v) & mask) << offset | 3 << offset + width for v in values]
    lines = "".join(f"{k:08x} {word:0{-(-total // 4)}x}\n" for k, word in enumerate(words))
    found = decode(lines.encode(), {"a": {"offset": offset, "width": width, "signed": True}}, total)
    np.testing.assert_array_equal(found["a"], values)
    np.testing.assert_array_equal(found["cycle"], range(50))


def test_decode_undefined_bits_and_a_cut_line():
    fields = {"low": {"offset": 0, "width": 4, "signed": False},
              "high": {"offset": 4, "width": 4, "signed": True},
              "none": {"offset": 2, "width": 0, "signed": False}}
    found = decode(b"0000000a fx\n0000000b x7\n0000000c 1", fields, 8)
    assert found["low"].tolist() == [UNKNOWN, 7]
    assert found["high"].tolist() == [-1, UNKNOWN]
    assert found["none"].tolist() == [0, 0]


def test_log():
    first, last = read_log("00000010 1\n00000020 2\n00000021 3\n")
    assert first.tolist() == [16, 33] and last.tolist() == [32, 33]
