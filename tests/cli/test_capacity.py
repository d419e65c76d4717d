import json

import numpy as np
import pytest
from cli_cases import run

from qblif.golden.spec.artifact import load


@pytest.mark.parametrize("burst", ["shift", "repeat"])
def test_capacity(files, images, tmp_path, capsys, burst):
    arguments = ["capacity", files["first"], "--data", images, "--points", "100", "--burst", burst,
                 "--out", tmp_path]
    assert run(*arguments, "--augment") == 2 and "names no changes" in capsys.readouterr().err
    assert run(*arguments) == 0
    report = json.loads((tmp_path / "capacity.json").read_text())
    lower, was = load(tmp_path / "capacity.safetensors"), load(files["first"])
    assert [p.emit_max for p in lower.spec.populations] == [*report["chosen"]["n_max"], 0]
    assert report["before"]["n_max"] == [5] and report["training_images"] == 20
    assert lower.notes["capacity"]["chosen"] == report["chosen"]
    assert lower.notes["accuracy_integer"] == report["chosen"]["accuracy_test"]
    assert (report["chosen"]["operations"][burst] < report["before"]["operations"][burst])
    assert report["populations"][1]["operations"] == pytest.approx(
        report["before"]["operations"][burst] - report["populations"][0]["operations"])
    for name, weights in was.weights.items():
        np.testing.assert_array_equal(weights, lower.weights[name])
    shown = capsys.readouterr().out
    assert "best single N_max" in shown and "qblif train --n-max" in shown


@pytest.mark.parametrize("extra, message", [
    (["--burst", "binary"], "Burst mode must be one of"),
    (["--augment"], "have 12 pixels"),
    (["--data", "nowhere"], "there is no such folder")])
def test_refusals(residual, images, tmp_path, capsys, extra, message):
    residual[0].save(tmp_path / "maps.safetensors")
    assert run("capacity", tmp_path / "maps.safetensors", "--data", images, "--out", tmp_path,
               *extra) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and message in lines[0]
