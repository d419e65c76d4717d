"""Recordings that cannot be used: one line, and nothing written."""

import io
import zipfile

import numpy as np
import pytest
from cli_cases import refusal
from import_cases import cut, import_, network

__all__ = ["network"]


def repacked(**arrays):
    """The recording with arrays changed, or without those that are ``None``."""
    def repack(data):
        with np.load(io.BytesIO(data)) as file:
            kept = {name: file[name] for name in file.files} | arrays
        new = io.BytesIO()
        np.savez(new, **{k: v for k, v in kept.items() if v is not None}, allow_pickle=True)
        return new.getvalue()
    return repack


def npy(_):
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def zipped(_):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("input.npy", b"nothing of the kind")
    return file.getvalue()


SHAPE = (8, 40, 6)
def encrypted(data):
    """Every member says that it is."""
    data = bytearray(data)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + place] |= 1
    return bytes(data)


def header(text):
    """An npy header of the same length."""
    def change(data):
        start = data.index(b"{'descr'")
        end = data.index(b"\n", start)
        data = data[:start] + text.encode().ljust(end - start) + data[end:]
        return without_checksums(data)
    return change


def without_checksums(data):
    """The members once more, so that they are whole as far as the zip knows."""
    new = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(new, "w") as archive:
        for member in old.infolist():
            with old.open(member) as file:
                file._expected_crc = None
                archive.writestr(member.filename, file.read())
    return new.getvalue()


DAMAGED_NPZ = {
    "a flipped byte": lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
    "encrypted": encrypted,
    "a huge shape": header("{'descr': '<u1', 'fortran_order': False, 'shape': (1048576, 1048576)}"),
    "a negative shape": header("{'descr': '<u1', 'fortran_order': False, 'shape': (8, -1, 6)}"),
    "no shape": header("{'descr': '<u1', 'fortran_order': False}"),
    "a program for a header": header("__import__('os')"),
    "input of fields": repacked(input=np.zeros(SHAPE, [("a", int)])),
    "input complex": repacked(input=np.zeros(SHAPE, complex)),
    "input of dates": repacked(input=np.zeros(SHAPE, "M8[s]")),
    "spikes of no number": repacked(spikes_x=np.zeros((8, 40, 2))),
    "spikes not finite": repacked(spikes_1=np.full((8, 40, 3), np.inf)),
    "spikes below zero": repacked(spikes_0=np.full((8, 40, 5), -1)),
    "a network": None,
    "empty": lambda data: b"", "half": cut(1 / 2), "nine tenths": cut(0.9),
    "text": lambda data: b"0 1 1 0\n" * 50, "one array": npy, "another zip": zipped,
    "no input": repacked(input=None), "no spikes": repacked(spikes_0=None, spikes_1=None),
    "spikes of one layer": repacked(spikes_1=None), "a gap": repacked(spikes_0=None),
    "a third layer": repacked(spikes_2=np.zeros((8, 40, 2))),
    "input of two axes": repacked(input=np.zeros((8, 6))),
    "input of another size": repacked(input=np.zeros((8, 40, 7))),
    "other frames": repacked(spikes_0=np.zeros((8, 39, 5))),
    "other timesteps": repacked(input=np.zeros((7, 40, 6))),
    "no frames": repacked(input=np.zeros((8, 0, 6))),
    "other neurons": repacked(spikes_1=np.zeros((8, 40, 4))),
    "input of fractions": repacked(input=np.full(SHAPE, 0.5)),
    "input below zero": repacked(input=np.full(SHAPE, -1)),
    "input too large": repacked(input=np.full(SHAPE, 64)),
    "input not finite": repacked(input=np.full(SHAPE, np.nan)),
    "input of text": repacked(input=np.full(SHAPE, "a")),
    "input of objects": repacked(input=np.full(SHAPE, None)),
    "spikes beyond integers": repacked(spikes_0=np.full((8, 40, 5), 1e30)),
}


@pytest.mark.parametrize("case", DAMAGED_NPZ)
def test_recording_that_cannot_be_used(case, network, tmp_path, out, capsys):
    path = tmp_path / "bad.npz"
    damage = DAMAGED_NPZ[case]
    path.write_bytes(damage(network[1].read_bytes()) if damage else network[0].read_bytes())
    sentence = refusal(capsys, *import_(network[0], path), out=out)
    assert not out.exists() and len(sentence) < 400
    assert sentence.startswith((f"{path}: ", "The recording"))
