"""A network as logic on Verilog simulators: all of it is compared, and each fault is found."""

import re
from dataclasses import replace

import numpy as np
import pytest

from qblif.golden import integer
from qblif.golden.spec.pixels import to_levels
from qblif.hw.logic.layout import LogicLayout
from qblif.hw.verilog import generate_logic
from qblif.sim import logic_bench
from qblif.sim.experiment import run_experiment
from qblif.sim.logic import run_logic
from qblif.sim.logic_bench import prepare
from qblif.sim.result import Stalls


@pytest.fixture
def run(cache):
    return lambda bench: bench.check(bench.run(bench.build(cache)))


def make(light, interleaved=False):
    layout = LogicLayout(light[0], "compressors", interleaved=interleaved)
    return layout, generate_logic(layout, taps=True)


@pytest.fixture(scope="module")
def made(light):
    """A layout of the light network of three timesteps, with its Verilog."""
    return make(light)


@pytest.fixture
def bench(light, made, tmp_path, quick):
    def make(**options):
        layout, generated = made
        return prepare(light[0], options.pop("layout", layout), light[1], simulator=quick,
                       out_dir=tmp_path, **{"generated": generated} | options)
    return make


@pytest.mark.parametrize("stalls", [Stalls(), Stalls(idle=100, seed=3)], ids=["full", "gaps"])
@pytest.mark.parametrize("interleaved", [False, True])
def test_all_of_it(run, light, tmp_path, simulator, stalls, interleaved):
    trained, frames = light
    layout, generated = make(light, interleaved)
    result = run(prepare(trained, layout, frames, simulator=simulator, out_dir=tmp_path,
                         generated=generated, stalls=stalls))
    assert result.ok, (result.findings, result.first)
    assert result.levels_compared == 3 * len(frames) * 10
    np.testing.assert_array_equal(result.classes, integer.run(trained, frames).classes)
    assert (result.latency == layout.latency).all()
    full = np.array_equal(result.interval, layout.count_cycles(len(frames)).interval)
    assert full == (stalls.idle == 0)


@pytest.mark.parametrize("static", [True, False])
def test_one_timestep_and_pixels(run, light, tmp_path, quick, static):
    trained = replace(light[0], spec=replace(light[0].spec, timesteps=1, input=replace(
        light[0].spec.input, static=static)))
    draw = np.random.default_rng(2)
    frames = draw.integers(0, 6, (40, 12) if static else (40, 1, 12))
    result = run(prepare(trained, LogicLayout(trained, "compressors"), frames, simulator=quick,
                         out_dir=tmp_path / "levels"))
    assert result.ok and result.levels_compared == 400
    if static:
        pixels = draw.integers(0, 256, (40, 12), np.uint8)
        layout = LogicLayout(trained, "compressors", pixels=True)
        golden = integer.run(trained, to_levels(pixels, 5))
        found = run_logic(layout, pixels)
        np.testing.assert_array_equal(found.scores, golden.scores)
        np.testing.assert_array_equal(found.valid, layout.latency + np.arange(40))
        result = run(prepare(trained, layout, pixels, simulator=quick, out_dir=tmp_path / "pixels"))
        assert result.ok and (result.classes == golden.classes.numpy()).all()
        assert layout.latency == LogicLayout(trained, "compressors").latency + 1


def test_a_wrong_expected_level_and_score(run, light, bench):
    trained, frames = light
    golden = integer.run(trained, frames)
    golden.levels["hidden"][2, 7, 4] += 1
    result = run(bench(expected=golden))
    assert result.level_mismatches == {"hidden": 1} and result.where == ("hidden", 4, 7)
    assert result.first[0].startswith("hidden neuron 4, timestep 2, frame 7: RTL level ")
    assert "the expectation is corrupted" in result.findings[0]


@pytest.mark.parametrize("what", ["weights", "biases"])
def test_another_network_in_the_verilog(run, light, made, bench, what):
    trained = light[0]
    name = {"weights": "input->hidden", "biases": "out"}[what]
    changed = getattr(trained, what) | {name: getattr(trained, what)[name] + 1}
    other = replace(trained, **{what: changed})
    result = run(bench(generated=generate_logic(LogicLayout(other, "compressors"), taps=True)))
    assert result.mismatches and result.score_mismatches
    assert result.findings[0] == (f"weights {other.weights_digest} are baked into the Verilog, but "
                                  f"the network file has {trained.weights_digest}")


def test_edited_verilog(run, made, bench):
    text = made[1].verilog
    assert text.count(" + ") > 5
    edited = replace(made[1], verilog=text.replace(" + ", " - ", 1))
    result = run(bench(generated=edited))
    assert result.mismatches and result.findings[0].startswith("the Verilog was edited")


def test_a_result_at_another_clock(run, made, bench):
    layout, generated = made
    text = generated.verilog
    early = text.replace(f"valid_{layout.latency};", f"valid_{layout.latency - 1};")
    assert (early == text) is False
    result = run(bench(generated=replace(generated, verilog=early)))
    assert any("comes" in text and f"not {layout.latency}" in text for text in result.findings)


def test_no_results(run, made, bench, monkeypatch):
    monkeypatch.setattr(logic_bench, "PATIENCE", 500)
    text, count = re.subn(r"valid_2 <= .*;", "valid_2 <= 1'h0;", made[1].verilog)
    assert count
    silent = replace(made[1], verilog=text)
    result = run(bench(generated=silent))
    assert not result.ok and "0 results of 30 frames came" in result.findings


def test_no_frame_is_taken(run, light, bench, monkeypatch):
    """A loop that never ends is a stall, not a simulation that never ends."""
    monkeypatch.setattr(logic_bench, "PATIENCE", 500)
    layout, generated = make(light, interleaved=True)
    text, count = re.subn(r"assign ready = .*;", "assign ready = 1'h0;", generated.verilog)
    assert count == 1
    result = run(bench(layout=layout, generated=replace(generated, verilog=text)))
    assert result.stalled and "0 results of 30 frames came" in result.findings


def test_report(light, made, tmp_path, quick):
    trained, frames = light
    labels = integer.run(trained, frames).classes.numpy().copy()
    labels[:3] += 1
    layout, generated = made
    report = run_experiment(trained, layout, frames, labels, simulator=quick, out_dir=tmp_path,
                            generated=generated)
    assert report["ok"] and report["accuracy"]["rtl"] == report["accuracy"]["integer"] == 0.9
    assert report["cycles"] == {"mean": layout.latency, "interval_mean": 1.0, "model_equal": True}
    assert report["latency"] == layout.latency and report["stages"] == layout.describe()
    assert "synapses" not in report and report["levels_compared"] == 900
