"""Network files and images that cannot be used: one line, and nothing written."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from cli_cases import NETWORK, refusal, run

from qblif.golden.spec import Conv2d, Input, Network, Neuron, Population
from qblif.golden.spec.artifact import Trained
from qblif.golden.training.data.readers import FILES


def edited(data):
    """The file with a metadata field edited in place."""
    return data.replace(b'{\\"timesteps\\": 2', b'{\\"timesteps\\": 3', 1)


def newer(data):
    return data.replace(b'"version":"2"', b'"version":"7"', 1)


DAMAGE = {
    "truncated": (lambda data: data[:len(data) // 2], "truncated, or not a safetensors file ("),
    "empty": (lambda data: b"", "truncated, or not a safetensors file ("),
    "foreign": (lambda data: b"\x89PNG" + data, "truncated, or not a safetensors file ("),
    "foreign_safetensors": (lambda data: struct.pack("<Q", 2) + b"{}",
                            "a safetensors file, but not a qblif network"),
    "edited_weight": (lambda data: data[:-1] + bytes([data[-1] ^ 1]),
                      "the weights were edited: their digest does not match"),
    "edited_spec": (edited, "the description was edited: its digest does not match"),
    "newer": (newer, "format version 7 is newer than this program's 2"),
}


@pytest.mark.parametrize("command", ["info", "verilog", "simulate", "synth"])
@pytest.mark.parametrize("case", DAMAGE)
def test_network_file_that_cannot_be_used(capsys, tmp_path, out, case, command):
    damage, reason = DAMAGE[case]
    original = Path(NETWORK).read_bytes()
    path = tmp_path / "net.safetensors"
    path.write_bytes(damage(original))
    assert path.read_bytes() != original
    assert refusal(capsys, command, path, out=out).startswith(f"{path}: {reason}")


@pytest.mark.parametrize("command", ["info", "verilog", "simulate", "synth"])
def test_network_file_missing(capsys, tmp_path, out, command):
    path = tmp_path / "none.safetensors"
    assert refusal(capsys, command, path, out=out) == f"{path}: there is no such file"


def test_names_of_networks_that_ship(capsys, tmp_path, out, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("info", "mnist-mlp", "--out", tmp_path / "shipped") == 0
    assert "784" in capsys.readouterr().out
    assert refusal(capsys, "info", "mnist-mpl", out=out).startswith(
        "mnist-mpl: there is no such file, and the networks that ship are ")
    (tmp_path / "mnist-mlp").mkdir()
    assert refusal(capsys, "info", "mnist-mlp", out=out) == \
        "mnist-mlp: is a folder, not a network file"


def test_read_out_that_is_a_map(capsys, tmp_path, out):
    spec = Network(
        timesteps=1, input=Input(shape=(1, 1, 2), n_max=3),
        populations=[Population(name="b", shape=(2, 1, 2), sum_width=10,
                                neuron=Neuron(quantiser=None, v_width=10))],
        synapses=[Conv2d(source="input", target="b", kernel=1, w_width=4)])
    ones = np.ones((2, 1, 1, 1), np.int32)
    Trained(spec, {"input->b": ones}).save(tmp_path / "map.safetensors")
    assert refusal(capsys, "verilog", tmp_path / "map.safetensors", "--lanes", "2",
                   out=out).startswith("Population b must be flat, as it gives the classes")


@pytest.mark.parametrize("command", ["train", "simulate"])
def test_data_missing(capsys, tmp_path, out, command):
    files = [NETWORK] if command == "simulate" else []
    folder = tmp_path / "none"
    simulator = ["--simulator", "icarus"] if command == "simulate" and shutil.which(
        "iverilog") else []
    assert refusal(capsys, command, *files, *simulator, "--data", folder,
                   out=out) == f"{folder}: there is no such folder"


def test_data_damaged(capsys, stripes, tmp_path, out):
    shutil.copytree(stripes, tmp_path / "data")
    file = tmp_path / "data" / f"{FILES[0]}.gz"
    file.write_bytes(file.read_bytes()[:100])
    assert refusal(capsys, "train", "--data", tmp_path / "data",
                   out=out).startswith(f"{file}: damaged or unreadable (")
