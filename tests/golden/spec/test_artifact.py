"""Network files: the round trip, the digest of the weights, and atomic writes."""

import os
from dataclasses import replace

import numpy as np
import pytest
from artifact_cases import SPEC, integers, split, trained
from safetensors.numpy import load_file

from qblif.golden.spec.artifact import load, write_atomically

# Round trip.

def test_round_trip(file):
    found, made = load(file), trained()
    assert found.spec == made.spec and found.notes == made.notes
    assert found.weights_digest == made.weights_digest
    for mine, its in ((made.weights, found.weights), (made.biases, found.biases)):
        assert mine.keys() == its.keys()
        for name, tensor in mine.items():
            assert its[name].dtype == np.int32
            np.testing.assert_array_equal(its[name], tensor)


def test_same_network_same_tensors(tmp_path, file):
    trained().save(tmp_path / "again.safetensors")
    assert split((tmp_path / "again.safetensors").read_bytes())[1] == split(file.read_bytes())[1]


def test_narrow_weights_take_one_byte(file):
    assert {name: t.dtype.itemsize for name, t in load_file(file).items()} == {
        "input->hidden.weight": 1, "hidden->out.weight": 2, "hidden.bias": 4}


def test_weights_digest_sees_every_integer():
    digests = {trained().weights_digest}
    for kind, tensors in zip(("weights", "biases"), integers(), strict=True):
        for name, tensor in tensors.items():
            for index in np.ndindex(tensor.shape):
                other = tensor.copy()
                other[index] += 1 if other[index] < 0 else -1
                digests.add(trained(**{kind: tensors | {name: other}}).weights_digest)
    assert len(digests) == 1 + 20 + 12 + 4


def test_weights_digest_belongs_to_the_spec():
    other = trained(spec=replace(SPEC, timesteps=3))
    assert other.weights_digest != trained().weights_digest


# Writing.

def test_save_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        trained().save(tmp_path / "file" / "net.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_save_into_a_missing_folder(tmp_path):
    with pytest.raises(OSError):
        trained().save(tmp_path / "none" / "net.safetensors")
    assert not any(tmp_path.iterdir())


def test_save_over_a_folder(tmp_path):
    (tmp_path / "net.safetensors").mkdir()
    with pytest.raises(OSError):
        trained().save(tmp_path / "net.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_failed_save_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        trained(notes={}).save(file)
    assert file.read_bytes() == before and list(file.parent.iterdir()) == [file]


def test_interrupted_write_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(os, "chmod", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(file, b"half")
    assert file.read_bytes() == before and list(file.parent.iterdir()) == [file]


def test_notes_that_json_does_not_take(file):
    before = file.read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        trained(notes={"array": np.zeros(2)}).save(file)
    assert file.read_bytes() == before and list(file.parent.iterdir()) == [file]


def test_save_replaces_the_old_file(file):
    trained(notes={"seed": 4}).save(file)
    assert load(file).notes == {"seed": 4} and list(file.parent.iterdir()) == [file]
