"""``qblif verilog --logic``."""

import json
import sys

import pytest
from cli_cases import NETWORK, refusal, run

from qblif.golden.spec.artifact import load
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


@pytest.mark.parametrize("options", [["--bake"], ["--sound"], ["--bus", "axi"], ["--readback"]])
def test_options_that_logic_has_not(capsys, out, options):
    assert refusal(capsys, "verilog", NETWORK, "--logic", *options, out=out) == (
        "Logic has its weights built in and no bus: --logic goes with none of --bake, --sound, "
        "--bus and --readback")


def test_bad_options_of_logic(capsys, files, out, monkeypatch):
    command = "verilog", files["first"], "--logic"
    assert refusal(capsys, *command, "--adders", "csd", out=out) == \
        "Adders must be one of shared, trees, not 'csd'"
    assert refusal(capsys, *command, "--row", "0", out=out) == \
        "Adders in a row must be in 1..64, not 0"
    monkeypatch.setitem(sys.modules, "da4ml.cmvm", None)
    assert refusal(capsys, *command, out=out) == (
        "Shared adders need da4ml: pip install 'qblif[logic]', or choose trees")
