"""Names, shapes, types and ranges of the weights and biases."""

import json
from dataclasses import replace

import numpy as np
import pytest
from artifact_cases import (
    SPEC,
    edit_metadata,
    edit_tensors,
    integers,
    join,
    refusal,
    split,
    trained,
)

from qblif.golden.spec import Dense
from qblif.golden.spec.artifact import fits, sum_range

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
