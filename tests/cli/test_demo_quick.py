"""`qblif demo --quick`: one digit, and that a difference is one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from cli_cases import run

from qblif.cli import quick
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained


def small(fires):
    """A network of four pixels, as quick to simulate as it gets."""
    neuron = Neuron(quantiser=Quantiser(n_max=3, theta=4), v_width=10)
    spec = Network(
        timesteps=2, input=Input(shape=(1, 2, 2), n_max=2),
        populations=[Population(name="a", shape=(5,), sum_width=10, neuron=neuron),
                     Population(name="b", shape=(3,), sum_width=10, neuron=replace(
                         neuron, quantiser=neuron.quantiser if fires else None))],
        synapses=[Dense(source="input", target="a"), Dense(source="a", target="b")])
    draw = np.random.default_rng(1)
    return Trained(spec, {"input->a": draw.integers(-8, 16, (5, 4)).astype(np.int32),
                          "a->b": draw.integers(-8, 16, (3, 5)).astype(np.int32)})


@pytest.mark.parametrize("fires", [True, False])
def test_equal_and_what_differs(fires, monkeypatch, capsys, tmp_path):
    net = small(fires)
    monkeypatch.setattr(quick, "load_digit", lambda seed: (net, np.array([[2, 1, 0, 2]]), 1))
    assert run("demo", "--quick", "--seed", 4, "--out", tmp_path) == 0
    report = json.loads((tmp_path / "demo.json").read_text())
    assert report["ok"] and report["seed"] == 4 and set(report["mismatches"].values()) == {0}
    assert report["compared"] | {"cycles": 0} == {
        "levels": 16 if fires else 10, "membranes": 16, "scores": 3, "classes": 1,
        "cycles": 0}
    assert report["scores"] == net.scores(np.array([[2, 1, 0, 2]]))[0].tolist()
    assert "bursts of 5 neurons" in capsys.readouterr().out

    # Hardware with another weight.
    real = quick.run_both

    def other_weight(net, frame):
        changed = {**net.weights, "a->b": net.weights["a->b"] + np.eye(3, 5, dtype=np.int32)}
        expected, _, cycles = real(net, frame)
        return expected, real(Trained(net.spec, changed), frame)[1], cycles
    monkeypatch.setattr(quick, "run_both", other_weight)
    assert run("demo", "--quick", "--out", tmp_path) == 1
    report = json.loads((tmp_path / "demo.json").read_text())
    assert not report["ok"] and report["mismatches"]["membranes"] > 0


def test_each_kind_of_difference_is_counted():
    expected, rtl, _ = quick.run_both(small(True), np.array([[2, 1, 0, 2]]))
    changed = rtl.scores.copy()
    changed[-1, 2] += 1
    for what, other in (
            ("levels", {"levels": rtl.levels | {"a": rtl.levels["a"] + np.eye(2, 5, dtype=int)[
                :, None]}}),
            ("membranes", {"membranes": rtl.membranes | {"b": rtl.membranes["b"] + np.eye(
                2, 3, dtype=int)[:, None]}}),
            ("scores", {"scores": changed}), ("classes", {"classes": rtl.classes + 1})):
        found = replace(rtl, **other).mismatches(expected)
        assert found.pop(what) == (1 if what in ("scores", "classes") else 2)
        assert set(found.values()) == {0}


def test_pictures():
    image = np.array([[0, 2], [0, 0], [1, 2], [0, 2]])
    assert quick.draw_image(image) == " ▒\n░█"
    assert quick.draw_raster(np.array([[0, 1, 15], [8, 0, 0]]), 15) == (
        "timestep 0\n ▁█\ntimestep 1\n▅  ")
    assert [line.count("█") for line in quick.draw_scores([-5, 11, 3]).split("\n")] == [0, 16, 8]
    assert [line.endswith("<") for line in quick.draw_scores([-5, 11, 3]).split("\n")] == [
        False, True, False]
