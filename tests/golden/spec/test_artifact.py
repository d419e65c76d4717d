import json
import os
import struct
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.golden.spec.artifact import (
    ArtifactError,
    Trained,
    fits,
    load,
    sum_range,
    write_atomically,
)

HIDDEN = Neuron(leak=Decay((2,)), quantiser=Quantiser(n_max=3, theta=16), v_width=10,
                reset=Reset(gate=Decay((1,))))
SPEC = Network(
    timesteps=2, input=Input(shape=(5,), n_max=2),
    populations=[Population(name="hidden", shape=(4,), neuron=HIDDEN, sum_width=8, bias_width=5),
                 Population(name="out", shape=(3,), neuron=Neuron(quantiser=None, v_width=16),
                            sum_width=16)],
    synapses=[Dense(source="input", target="hidden", w_width=4),
              Dense(source="hidden", target="out", w_width=10)])


def integers():
    draw = np.random.default_rng(1)
    return ({"input->hidden": draw.integers(-8, 8, (4, 5)).astype(np.int32),
             "hidden->out": draw.integers(-512, 512, (3, 4)).astype(np.int32)},
            {"hidden": np.array([-16, 15, 0, 3], np.int32)})


def trained(**changes):
    weights, biases = integers()
    return Trained(**{"spec": SPEC, "weights": weights, "biases": biases,
                      "notes": {"seed": 3, "accuracy_integer": 0.5}} | changes)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.safetensors"
    trained().save(path)
    return path


def split(data):
    """Header and body of a safetensors file."""
    length, = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + length]), data[8 + length:]


def join(header, body):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def edit_metadata(path, **fields):
    """Rewrite metadata fields; ``None`` removes one."""
    header, body = split(path.read_bytes())
    for name, value in fields.items():
        header["__metadata__"].pop(name, None)
        if value is not None:
            header["__metadata__"][name] = value
    path.write_bytes(join(header, body))


def edit_tensors(path, change):
    """Rewrite the tensors under the metadata that is there."""
    metadata = split(path.read_bytes())[0]["__metadata__"]
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata)


def refusal(path):
    """Why ``path`` is refused: one line that begins with the path."""
    with pytest.raises(ArtifactError) as error:
        load(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text.removeprefix(f"{path}: ")


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


# Files that are no network, or not whole.

def test_missing(tmp_path):
    assert refusal(tmp_path / "none.safetensors") == "there is no such file"


def test_folder(tmp_path):
    assert refusal(tmp_path) == "there is no such file"


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
    ({"accuracy_integer": -0.5}, "Notes' accuracy_integer must be a number of at least 0")])
def test_notes_that_would_be_used(file, notes, reason):
    edit_metadata(file, notes=json.dumps(notes))
    assert refusal(file).startswith(reason)


# Activity.

ACTIVITY = {"input->hidden": {"events": 2.5, "digits": 3.0},
            "hidden->out": {"events": 1.0, "digits": 1.0}}


def test_activity_is_an_entry_of_its_own(file):
    made = trained(activity=ACTIVITY)
    made.save(file)
    header, _ = split(file.read_bytes())
    assert json.loads(header["__metadata__"]["activity"]) == ACTIVITY
    assert "activity" not in json.loads(header["__metadata__"]["notes"])
    found = load(file)
    assert found.activity == made.activity == ACTIVITY and found.notes == made.notes
    assert found.notes["activity"] == ACTIVITY  # Where users look for it.


def test_activity_of_an_older_file(file):
    """It stands in the notes there."""
    edit_metadata(file, notes=json.dumps({"activity": ACTIVITY}))
    assert load(file).activity == ACTIVITY


def test_activity_is_no_part_of_the_digests(file):
    assert trained(activity=ACTIVITY).weights_digest == trained().weights_digest
    assert trained().activity is None and "activity" not in trained().notes
    trained().save(file)
    assert load(file).activity is None


def test_activity_that_is_replaced():
    other = {"hidden->out": {"digits": 9.0}}
    found = replace(trained(activity=ACTIVITY), activity=other)
    assert found.activity == found.notes["activity"] == other
    assert replace(found, notes={"seed": 4}).activity == other


@pytest.mark.parametrize("where", ["activity", "notes"])
@pytest.mark.parametrize("activity, reason", [
    ([1], r"Activity must be a dict of figures by synapse, not [1]"),
    ({"input->hidden": 3}, "Activity must be a dict of figures by synapse, not {'input->hidden'"),
    ({"input->hidden": {"digits": "many"}},
     "Activity of input->hidden, digits, must be a number of at least 0, not 'many'"),
    ({"input->hidden": {"digits": float("nan")}}, "Activity of input->hidden, digits, must"),
    ({"input->hidden": {"digits": -1}}, "Activity of input->hidden, digits, must"),
    ({"input->out": {"digits": 1}},
     "Activity must be of input->hidden, hidden->out, not 'input->out'")])
def test_activity_that_is_none(file, where, activity, reason):
    value = json.dumps(activity if where == "activity" else {"activity": activity})
    edit_metadata(file, **{where: value})
    assert refusal(file).startswith(f"{reason}")


# Tensors.

@pytest.mark.parametrize("name, reason", [
    ("input->hidden.weight",
     "weights must be given for hidden->out, input->hidden, not hidden->out"),
    ("hidden.bias", "biases must be given for hidden, not nothing")])
def test_missing_tensor(file, name, reason):
    edit_tensors(file, lambda tensors: tensors.pop(name))
    assert refusal(file) == reason


@pytest.mark.parametrize("name, reason", [
    ("hidden.delay", "unknown tensor 'hidden.delay'"), ("delay", "unknown tensor 'delay'"),
    ("a\nb", r"unknown tensor 'a\nb'"),
    ("out.bias", "biases must be given for hidden, not hidden, out"),
    ("input->out.weight", ("weights must be given for hidden->out, input->hidden, not "
                           "hidden->out, input->hidden, input->out"))])
def test_tensor_too_many(file, name, reason):
    edit_tensors(file, lambda tensors: tensors.update({name: np.zeros((3, 5), np.int32)}))
    assert refusal(file) == reason


@pytest.mark.parametrize("shape", [(5, 4), (20,), (4, 5, 1), (4, 4), (0, 5), ()])
def test_wrong_shape(file, shape):
    def change(tensors):
        tensors["input->hidden.weight"] = np.zeros(shape, np.int8)
    edit_tensors(file, change)
    assert refusal(file) == f"Weights input->hidden must have shape (4, 5), not {shape}"


@pytest.mark.parametrize("dtype, code", [
    (np.float32, "F32"), (np.float64, "F64"), (np.int64, "I64"), (np.uint8, "U8"),
    (np.bool_, "BOOL")])
def test_wrong_dtype(file, dtype, code):
    def change(tensors):
        tensors["input->hidden.weight"] = tensors["input->hidden.weight"].astype(dtype)
    edit_tensors(file, change)
    assert refusal(file) == ("tensor 'input->hidden.weight' must be of I8, I16, I32, "
                             f"not {code}")


@pytest.mark.parametrize("code", ["BF16", "F8_E4M3"])
def test_dtype_that_numpy_lacks(file, code):
    header, body = split(file.read_bytes())
    for entry in header.values():
        if entry.get("dtype") == ("I16" if code == "BF16" else "I8"):
            entry["dtype"] = code
    file.write_bytes(join(header, body))
    assert refusal(file).endswith(f"must be of I8, I16, I32, not {code}")


def test_value_too_wide(file):
    def change(tensors):
        tensors["input->hidden.weight"][0, 0] = 8
    edit_tensors(file, change)
    assert refusal(file).startswith("Weights input->hidden must fit 4 signed bits, not reach ")


def test_bias_too_wide(file):
    def change(tensors):
        tensors["hidden.bias"][1] = 16
    edit_tensors(file, change)
    assert refusal(file) == "Biases hidden must fit 5 signed bits, not reach -16..16"


def test_sum_that_could_overflow(file):
    narrow = replace(SPEC.populations[0], sum_width=4)
    spec = replace(SPEC, populations=(narrow, SPEC.populations[1]))
    edit_metadata(file, spec=json.dumps(spec.to_dict()), spec_digest=spec.digest)
    low, high = sum_range(SPEC, integers()[0], SPEC.populations[0])
    assert refusal(file) == (f"Sums of hidden reach {low}..{high}, which does not fit its 4 bits")


# The same rules where a network is made.

def test_weights_that_are_no_array():
    with pytest.raises(TypeError, match="^Weights input->hidden must be a numpy integer array"):
        trained(weights=integers()[0] | {"input->hidden": [[1] * 5] * 4})


def test_weights_that_are_floats():
    weights = integers()[0]
    weights["input->hidden"] = weights["input->hidden"].astype(np.float32)
    with pytest.raises(TypeError, match="^Weights input->hidden must be a numpy integer array"):
        trained(weights=weights)


def test_notes_that_are_no_dict():
    with pytest.raises(TypeError, match="^Notes must be a dict, not list$"):
        trained(notes=[])


def test_sum_range_is_reached():
    weights = integers()[0]
    low, high = sum_range(SPEC, weights, SPEC.populations[0])
    rows = weights["input->hidden"].tolist()
    assert low == min(sum(min(w, 0) * 2 for w in row) for row in rows)
    assert high == max(sum(max(w, 0) * 2 for w in row) for row in rows)


def test_sum_range_adds_residual_edges():
    spec = replace(SPEC, synapses=(*SPEC.synapses, Dense(source="input", target="out")))
    weights = integers()[0] | {"input->out": np.full((3, 5), 7, np.int32)}
    before = sum_range(SPEC, weights, SPEC.populations[1])
    after = sum_range(spec, weights, spec.populations[1])
    assert after == (before[0], before[1] + 7 * 5 * 2)


@pytest.mark.parametrize("low, high, width, answer", [
    (-8, 7, 4, True), (-9, 0, 4, False), (0, 8, 4, False), (0, 0, 1, True), (0, 1, 1, False)])
def test_fits(low, high, width, answer):
    assert fits(low, high, width) is answer


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
