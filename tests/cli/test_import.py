"""``qblif import``: its lines, its exit codes, its options."""

import json
import sys

import numpy as np
import pytest
from cli_cases import refusal, run
from foreign_cases import make
from import_cases import JELLY, import_, network, nir

from qblif.golden.spec.artifact import load

__all__ = ["network"]


def test_equal(network, out, capsys):
    assert run(*import_(*network), "--out", out) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "read as spikingjelly: decay 0.5, input gain 0.5, v >= 3, reset zero, single spikes",
        "1: 1,600 of 1,600 spikes equal", "3: 960 of 960 spikes equal"]
    trained = load(out / "network.safetensors")
    report = json.loads((out / "import.json").read_text())
    assert report["equal"] and report["weights_digest"] == trained.weights_digest
    assert run("info", out / "network.safetensors", "--out", out) == 0


def test_without_a_recording(network, out, capsys):
    assert run(*import_(network[0], None, "--reset", "zero", "--timesteps", 8), "--out", out) == 0
    assert json.loads((out / "import.json").read_text())["equal"] is None


@pytest.mark.parametrize("events", [False, True])
def test_recording_in_nirs_data_format(events, network, tmp_path, out, capsys):
    recorded = {}
    with np.load(network[1]) as arrays:
        for node, name in (("input", "input"), ("1", "spikes_0"), ("3", "spikes_1")):
            grid = nir.TimeGriddedData(np.swapaxes(arrays[name], 0, 1) > 0, 1e-4)
            recorded[node] = nir.NIRNodeData({"spikes": grid.to_event(60) if events else grid})
    nir.write_data(tmp_path / "data.nir", nir.NIRGraphData(recorded))
    command = import_(network[0], tmp_path / "data.nir")
    if events:
        assert refusal(capsys, *command, out=out) == (
            f"{tmp_path / 'data.nir'}: NIR data of events alone have no number of timesteps: say "
            "it with --timesteps")
    assert run(*command, *(("--timesteps", 8) if events else ()), "--out", out) == 0
    assert "3: 960 of 960 spikes equal" in capsys.readouterr().out
    del recorded["3"]
    nir.write_data(tmp_path / "data.nir", nir.NIRGraphData(recorded))
    assert refusal(capsys, *command, "--timesteps", 8, out=tmp_path / "none") == (
        f"{tmp_path / 'data.nir'}: NIR data must have node 3, and have only 1, input")


def test_different(network, out, capsys):
    assert run(*import_(*network, "--reset", "subtract"), "--out", out) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("nearest reading spikingjelly: decay 0.5")
    assert "the first that differs is frame 0, timestep" in lines[1]
    assert not out.exists()


def test_approximate(tmp_path, out, capsys):
    made = make("spikingjelly", **JELLY)
    made.weights[0] = made.weights[0] + 1 / 3
    file, spikes = made.write(nir, tmp_path)
    assert refusal(capsys, *import_(file, spikes), out=out).startswith(
        "Node 0 has weights, biases or a threshold that are not all multiples of 2**-16")
    assert run(*import_(file, spikes, "--approximate"), "--out", out) == 1
    text = capsys.readouterr().out
    assert "0: weights are rounded to multiples of" in text and "%)" in text
    assert load(out / "network.safetensors").notes["imported"].startswith("spikingjelly: decay")


def test_missing_files(network, tmp_path, out, capsys):
    none = tmp_path / "none"
    for files in ((none, network[1]), (network[0], none), (tmp_path, network[1])):
        assert refusal(capsys, *import_(*files), out=out).endswith(": there is no such file")
    assert refusal(capsys, *import_(none, none), "--from", "brian", out=out) == (
        "Framework must be one of snntorch, spikingjelly, norse, sinabs, rockpool, nir, qblif, not "
        "'brian'")


@pytest.mark.parametrize("options, reason", [
    (["--reset", "hard"], "Reset must be one of subtract, zero, none, not 'hard'"),
    (["--levels", "0"], "Levels must be at least 1, not 0"),
    (["--levels", "2"], "Levels of spikingjelly must be 1, not 2"),
    (["--delay"], "A reset delay is an option of snnTorch's neurons"),
    (["--dt", "-1"], "Timestep must be in"),
    (["--timesteps", "0"], "Timesteps must be at least 1, not 0"),
    (["--timesteps", "9"], "Timesteps must be the recording's 8, not 9"),
    (["--from", "brian"], "Framework must be one of snntorch"),
])
def test_options(options, reason, network, out, capsys):
    assert refusal(capsys, *import_(*network, *options), out=out).startswith(reason)


def test_folder_that_cannot_be_written(network, out, capsys):
    out.write_text("a file")
    assert refusal(capsys, *import_(*network), out=out).startswith(f"{out}: cannot be written")


def test_without_nir(network, out, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    assert refusal(capsys, *import_(*network), out=out) == (
        "NIR files need the nir package: pip install 'qblif[nir]'")
