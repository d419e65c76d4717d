"""``--logic`` of the commands."""

import json
import sys
from dataclasses import replace

import pytest
from cli_cases import NETWORK, refusal, run

from qblif.golden.spec.artifact import Trained, load
from qblif.hw.bus.files import BUS_FILES
from qblif.hw.logic.layout import LogicLayout


@pytest.mark.parametrize("name", ["first", "other"])
def test_files_of_logic(files, out, name):
    out.mkdir()
    (out / BUS_FILES[0]).write_text("of an earlier run")
    assert run("verilog", files[name], "--logic", "--adders", "trees", "--row", "1", "--taps",
               "--out", out) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    report = json.loads((out / "verilog.json").read_text())
    trained = load(files[name])
    layout = LogicLayout(trained, "trees", 1)
    assert manifest["latency"] == report["latency"] == layout.latency
    assert manifest["stages"] == report["stages"] == layout.describe()
    assert manifest["weights_digest"] == trained.weights_digest
    ports = {port["name"]: port for port in manifest["ports"]}
    assert set(ports) == {"i", "o", *(f"tap_{p.name}" for p in trained.spec.firing)}
    assert manifest["taps"] == {p.name: [layout.clock(p.name, t) for t in range(
        trained.spec.timesteps)] for p in trained.spec.firing}
    assert f"module {manifest['top']}(" in (out / "network.v").read_text()
    assert not (out / BUS_FILES[0]).exists()


@pytest.mark.parametrize("command, option", [
    ("verilog", ["--bake"]), ("verilog", ["--sound"]), ("verilog", ["--bus", "axi"]),
    ("verilog", ["--readback"]), ("verilog", ["--lanes", "32"]), ("simulate", ["--lanes", "4"]),
    ("simulate", ["--verilog", "there"]), ("simulate", ["--waves", "3"]),
    ("simulate", ["--time", "outer"])])
def test_options_that_logic_has_not(capsys, out, command, option):
    assert refusal(capsys, command, NETWORK, "--logic", *option, out=out) == (
        f"{option[0]} does not go with --logic, which has neither lanes, memories nor a bus")


@pytest.mark.parametrize("command, option", [
    ("verilog", ["--taps"]), ("verilog", ["--adders", "trees"]), ("simulate", ["--row", "2"]),
    ("simulate", ["--pixels"])])
def test_options_that_only_logic_has(capsys, out, command, option):
    assert refusal(capsys, command, NETWORK, *option, out=out) == f"{option[0]} needs --logic"


def test_simulate(files, images, out, icarus):
    command = "simulate", files["first"], "--logic", "--adders", "trees", "--data", images, \
        "--images", "all", "--simulator", "icarus", "--out", out
    layout = LogicLayout(load(files["first"]), "trees", pixels=True)
    for more in [], ["--pixels", "--stalls"]:
        assert run(*command, *more) == 0
        report = json.loads((out / "simulate.json").read_text())
        assert report["ok"] and report["images"] == 20
        assert report["levels_compared"] == 3 * 20 * 10 and report["pixels"] == bool(more)
        assert set(report["mismatches"].values()) == {0} and report["membranes_compared"] == 0
        assert report["cycles"]["mean"] == report["latency"] == layout.latency - (not more)
        assert report["cycles"]["model_equal"] is (None if more else True)
    assert report["cycles"]["interval_mean"] > 1


def test_pixels_of_timesteps(capsys, files, images, out, icarus):
    trained = load(files["first"])
    spec = replace(trained.spec, input=replace(trained.spec.input, static=False))
    path = out.parent / "events.safetensors"
    Trained(spec, trained.weights, trained.biases).save(path)
    assert refusal(capsys, "verilog", path, "--logic", "--pixels", "--adders", "trees",
                   out=out) == ("Pixels are of images, but the network's input has 3 timesteps of "
                                "levels a frame")


def test_bad_options_of_logic(capsys, files, out, monkeypatch):
    command = "verilog", files["first"], "--logic"
    assert refusal(capsys, *command, "--adders", "csd", out=out) == \
        "Adders must be one of shared, trees, not 'csd'"
    assert refusal(capsys, *command, "--row", "0", out=out) == \
        "Adders in a row must be in 1..64, not 0"
    monkeypatch.setitem(sys.modules, "da4ml.cmvm", None)
    assert refusal(capsys, *command, out=out) == (
        "Shared adders need da4ml: pip install 'qblif[logic]', or choose trees")
