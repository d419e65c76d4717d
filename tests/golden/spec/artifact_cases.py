"""A small network, its file, and edits of that file."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.golden.spec.artifact import ArtifactError, Trained, load

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
