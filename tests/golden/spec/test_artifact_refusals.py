"""Files that are no network, of another version, or edited."""

import json
from dataclasses import replace

import numpy as np
import pytest
from artifact_cases import SPEC, edit_metadata, edit_tensors, join, refusal, split
from safetensors.numpy import save_file

# Files that are no network, or not whole.

def test_missing(tmp_path):
    assert refusal(tmp_path / "none.safetensors") == "there is no such file"


def test_folder(tmp_path):
    assert refusal(tmp_path) == "is a folder, not a network file"


def test_truncated_anywhere(file):
    data = file.read_bytes()
    header = len(data) - len(split(data)[1])
    lengths = {0, 1, 7, 8, 9, header // 2, header - 1, header, header + 1, len(data) - 1}
    for length in sorted(lengths | set(range(header, len(data), 7))):
        file.write_bytes(data[:length])
        assert refusal(file).startswith("truncated, or not a safetensors file (")


def test_longer_than_it_says(file):
    file.write_bytes(file.read_bytes() + b"\0")
    assert refusal(file).startswith("truncated, or not a safetensors file (")


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(100), b"hello\n" * 50, b"\xff" * 64])
def test_not_safetensors(file, data):
    file.write_bytes(data)
    assert refusal(file).startswith("truncated, or not a safetensors file (")


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_foreign_safetensors(file, metadata):
    save_file({"layer.weight": np.zeros((2, 2), np.float32)}, file, metadata)
    assert refusal(file) == "a safetensors file, but not a qblif network"


# Other versions.

def test_newer_version(file):
    edit_metadata(file, version="3")
    assert refusal(file) == "format version 3 is newer than this program's 2"


def test_older_version(file):
    edit_metadata(file, version="1")
    assert refusal(file) == ("format version 1 is older than this program's 2: export the network "
                             "again")


def test_newer_version_with_unknown_spec_field(file):
    spec = SPEC.to_dict() | {"delays": [1, 2]}
    edit_metadata(file, version="3", spec=json.dumps(spec), notes=None)
    assert refusal(file) == "format version 3 is newer than this program's 2"


def test_newer_version_with_unknown_tensors(file):
    header, body = split(file.read_bytes())
    header["__metadata__"]["version"] = "12"
    header["hidden.delay"] = {"dtype": "BF16", "shape": [1], "data_offsets": [len(body),
                                                                             len(body) + 2]}
    file.write_bytes(join(header, body + b"\0\0"))
    assert refusal(file) == "format version 12 is newer than this program's 2"


@pytest.mark.parametrize("version", ["", "0", "-1", "1.0", "one", "²", "9" * 5000])
def test_version_that_is_none(file, version):
    edit_metadata(file, version=version)
    assert refusal(file)


# Edited files.

def test_every_edited_body_byte(file):
    data = file.read_bytes()
    start = len(data) - len(split(data)[1])
    for at in range(start, len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        file.write_bytes(changed)
        assert refusal(file)


def test_edited_weight(file):
    def change(tensors):
        tensors["input->hidden.weight"][1, 2] ^= 1
    edit_tensors(file, change)
    assert refusal(file) == "the weights were edited: their digest does not match"


def test_edited_spec(file):
    edit_metadata(file, spec=json.dumps(replace(SPEC, timesteps=5).to_dict()))
    assert refusal(file) == "the description was edited: its digest does not match"


def test_edited_spec_with_its_digest(file):
    other = replace(SPEC, timesteps=5)
    edit_metadata(file, spec=json.dumps(other.to_dict()), spec_digest=other.digest)
    assert refusal(file) == "the weights were edited: their digest does not match"


def test_spec_out_of_range(file):
    edit_metadata(file, spec=json.dumps(SPEC.to_dict() | {"timesteps": 0}))
    assert refusal(file) == "Timesteps must be in 1..1024, not 0"


def test_spec_of_wrong_type(file):
    edit_metadata(file, spec=json.dumps(SPEC.to_dict() | {"timesteps": "two"}))
    assert refusal(file) == "Timesteps must be an integer, not 'two'"


@pytest.mark.parametrize("spec, reason", [
    ("null", "Network must be described by an object, not None"),
    ("[1]", r"Network must be described by an object, not [1]"),
    ('{"timesteps": 1}', "Network lacks its field 'input'")])
def test_spec_of_wrong_shape(file, spec, reason):
    edit_metadata(file, spec=spec)
    assert refusal(file) == reason


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "[" * 50_000])
@pytest.mark.parametrize("field", ["spec", "notes"])
def test_field_that_is_no_json(file, field, text):
    edit_metadata(file, **{field: text})
    assert refusal(file).startswith(f"its field '{field}' is not JSON (")


@pytest.mark.parametrize("field", ["version", "spec", "spec_digest", "weights_digest", "notes"])
def test_missing_metadata(file, field):
    edit_metadata(file, **{field: None})
    assert refusal(file) == f"lacks its field '{field}'"


def test_missing_format(file):
    edit_metadata(file, format=None)
    assert refusal(file) == "a safetensors file, but not a qblif network"


@pytest.mark.parametrize("notes", ["[]", "3", "null", '"good"'])
def test_notes_that_are_no_object(file, notes):
    edit_metadata(file, notes=notes)
    assert refusal(file).startswith("Notes must be a dict, not ")


@pytest.mark.parametrize("notes, reason", [
    ({"accuracy_float": "good"}, "Notes' accuracy_float must be a number of at least 0"),
    ({"accuracy_integer": -0.5}, "Notes' accuracy_integer must be a number of at least 0"),
    ({"events": 3}, "Notes' events must be clipped, late, recorded of train and test, not 3"),
    ({"events": {"all": {"recorded": 1, "late": 0, "clipped": 0}}}, "Notes' events must be "),
    ({"events": {"train": {"recorded": 1, "late": 0}}}, "Notes' events must be "),
    ({"events": {"test": {"recorded": 1, "late": 0, "clipped": "x"}}},
     "Notes' events of test, clipped, must be a number of at least 0, not 'x'")])
def test_notes_that_would_be_used(file, notes, reason):
    edit_metadata(file, notes=json.dumps(notes))
    assert refusal(file).startswith(reason)
