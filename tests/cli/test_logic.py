"""``--logic`` of the commands."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from cli_cases import NETWORK, refusal, run

from qblif.boards.flow.report import Report
from qblif.cli.synth import synthesise_logic
from qblif.golden.spec.artifact import Trained, load
from qblif.hw.bus.files import BUS_FILES
from qblif.hw.logic.layout import LogicLayout


def test_files_of_logic(files, out):
    out.mkdir()
    (out / BUS_FILES[0]).write_text("of an earlier run")
    assert run("verilog", files["light"], "--logic", "--row", "1", "--taps",
               "--out", out) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    report = json.loads((out / "verilog.json").read_text())
    trained = load(files["light"])
    layout = LogicLayout(trained, "compressors", 1)
    assert manifest["latency"] == report["latency"] == layout.latency
    assert manifest["stages"] == report["stages"] == layout.describe()
    assert manifest["weights_digest"] == trained.weights_digest
    ports = {port["name"]: port for port in manifest["ports"]}
    assert set(ports) == {"i", "o", *(f"tap_{p.name}" for p in trained.spec.firing)}
    assert manifest["taps"] == {p.name: [layout.clock(p.name, t) for t in range(
        trained.spec.timesteps)] for p in trained.spec.firing}
    assert f"module {manifest['top']}(" in (out / "network.v").read_text()
    assert not (out / BUS_FILES[0]).exists()


def test_info(capsys, files, out):
    trained = load(files["light"])
    hidden, last = trained.spec.populations
    spec = replace(trained.spec, populations=(replace(hidden, thetas=True), last))
    own = Trained(spec, trained.weights, trained.biases, thetas={
        "hidden": np.array([8, 3, 5, 8, 1, 2, 7, 6, 4, 8], np.int32)})
    out.mkdir()
    own.save(file := out / "thetas.safetensors")
    assert refusal(capsys, "info", file, out=out / "no") == (
        "Population hidden has a threshold for each channel, which only a network as logic can "
        "have (--logic), not an engine")
    assert run("info", file, "--logic", "--row", "1", "--out", out) == 0
    layout = LogicLayout(own, "compressors", 1)
    first, second = layout.stages
    printed = " ".join(capsys.readouterr().out.split())
    for stage, weights in ((first, "input->hidden"), (second, "hidden->out")):
        assert (f"{np.count_nonzero(own.weights[weights])} weights that are not 0, "
                f"{stage.schedule.graph.size} adders, done in clock {stage.done}") in printed
    assert f"A frame a clock; its class {layout.latency} clocks later." in printed
    report = json.loads((out / "info.json").read_text())
    assert report["stages"] == layout.describe() and report["network"] == spec.to_dict()


@pytest.mark.parametrize("command, option", [
    ("verilog", ["--bake"]), ("verilog", ["--sound"]), ("verilog", ["--bus", "axi"]),
    ("verilog", ["--readback"]), ("verilog", ["--lanes", "32"]), ("simulate", ["--lanes", "4"]),
    ("simulate", ["--verilog", "there"]), ("simulate", ["--waves", "3"]),
    ("simulate", ["--time", "outer"]), ("info", ["--lanes", "4"])])
def test_options_that_logic_has_not(capsys, out, command, option):
    assert refusal(capsys, command, NETWORK, "--logic", *option, out=out) == (
        f"{option[0]} is of hardware with lanes and memories: it does not go with --logic")


@pytest.mark.parametrize("command, option", [
    ("verilog", ["--taps"]), ("verilog", ["--adders", "compressors"]), ("simulate", ["--row", "2"]),
    ("info", ["--pixels"]), ("info", ["--interleave"]),
    ("simulate", ["--pixels"])])
def test_options_that_only_logic_has(capsys, out, command, option):
    assert refusal(capsys, command, NETWORK, *option, out=out) == f"{option[0]} needs --logic"


def test_simulate(files, images, out, icarus):
    command = "simulate", files["light"], "--logic", "--data", images, \
        "--images", "all", "--simulator", "icarus", "--out", out
    layout = LogicLayout(load(files["light"]), "compressors", pixels=True)
    for more in [], ["--pixels", "--stalls"]:
        assert run(*command, *more) == 0
        report = json.loads((out / "simulate.json").read_text())
        assert report["ok"] and report["images"] == 20
        assert report["levels_compared"] == 3 * 20 * 10 and report["pixels"] == bool(more)
        assert set(report["mismatches"].values()) == {0} and report["membranes_compared"] == 0
        assert report["cycles"]["mean"] == report["latency"] == layout.latency - (not more)
        assert report["cycles"]["model_equal"] is (None if more else True)
    assert report["cycles"]["interval_mean"] > 1


def test_interleaved(capsys, files, images, out, icarus, monkeypatch):
    command = "--logic", "--interleave", "--out", out
    layout = LogicLayout(load(files["light"]), "compressors", interleaved=True)
    assert run("info", files["light"], *command) == 0
    assert (f"{layout.slots} frames in every {3 * layout.slots} clocks; the class of each "
            f"{layout.latency} clocks later.") in " ".join(capsys.readouterr().out.split())
    assert run("simulate", files["light"], "--data", images, "--images", "all", "--simulator",
               "icarus", *command) == 0
    report = json.loads((out / "simulate.json").read_text())
    assert report["ok"] and report["levels_compared"] == 3 * 20 * 10
    assert report["cycles"]["interval_mean"] > 2 and report["cycles"]["model_equal"]
    monkeypatch.setattr("qblif.boards.flow.synth.synthesise", lambda *_, **__: report_of(9, 50.0))
    assert run("synth", files["light"], *command) == 0
    report = json.loads((out / "synth.json").read_text())
    assert report["interleaved"] and report["frames_per_second"] == round(50e6 / 3)
    assert report["mlut_s"] == pytest.approx(9 * 3 / 50e6 * 1000, abs=1e-6)


def test_one_timestep_is_not_interleaved(capsys, files, out):
    trained = load(files["light"])
    path = out.parent / "one.safetensors"
    Trained(replace(trained.spec, timesteps=1), trained.weights, trained.biases).save(path)
    assert refusal(capsys, "verilog", path, "--logic", "--interleave", out=out) == (
        "Timesteps cannot be interleaved: the network has only one")


def test_pixels_of_timesteps(capsys, files, images, out, icarus):
    trained = load(files["light"])
    spec = replace(trained.spec, input=replace(trained.spec.input, static=False))
    path = out.parent / "events.safetensors"
    Trained(spec, trained.weights, trained.biases).save(path)
    assert refusal(capsys, "verilog", path, "--logic", "--pixels",
                   out=out) == ("Pixels are of images, but the network's input has 3 timesteps of "
                                "levels a frame")


def test_bad_options_of_logic(capsys, files, out, monkeypatch):
    command = "verilog", files["light"], "--logic"
    assert refusal(capsys, *command, "--adders", "csd", out=out) == \
        "Adders must be one of compressors, shared, not 'csd'"
    assert refusal(capsys, *command, "--row", "0", out=out) == \
        "Adders in a row must be in 1..64, not 0"
    monkeypatch.setitem(sys.modules, "da4ml.cmvm", None)
    assert refusal(capsys, *command, "--adders", "shared", out=out) == (
        "Shared adders need da4ml: pip install 'qblif[logic]', or choose compressors")


def report_of(lut, fmax):
    return Report(device="ecp5-85k", part="", seed=1, lut=lut, ff=7, bram=0, dsp=0, spram=0,
                  carry=0, lut_ram=0, folded=0, capacities={"lut": 1000, "ff": 1000},
                  fmax_mhz=fmax, path=None, components={}, multipliers=())


@pytest.mark.parametrize("options, reached, rows", [
    ([], {2: 90.0}, [2]), (["--row", "3"], {3: 90.0}, [3]),
    (["--frequency", "100", "--row", "3"], {3: 90.0}, [3]),
    (["--frequency", "100"], {4: 60.0, 3: 80.0, 2: 100.0}, [4, 3, 2]),
    (["--frequency", "100"], {4: 60.0, 3: 70.0, 2: 90.0, 1: 80.0}, [4, 3, 2, 1])])
def test_synth(capsys, files, out, monkeypatch, options, reached, rows):
    placed, best = [], max(rows, key=reached.get)

    def place(verilog, **given):
        row = json.loads((verilog.parent / "manifest.json").read_text())["adders_in_a_row"]
        placed.append((row, given["top"], given["frequency_mhz"]))
        given["out_dir"].mkdir(exist_ok=True)
        (given["out_dir"] / "report.json").write_text(str(row))
        return report_of(100 * row, reached[row])
    monkeypatch.setattr("qblif.boards.flow.synth.synthesise", place)
    for earlier in ("synth", *(["row-1"] if len(rows) > 1 else [])):
        (out / earlier).mkdir(parents=True)
    for earlier in ("synth/earlier", BUS_FILES[0]):
        (out / earlier).touch()
    assert run("synth", files["light"], "--logic", "--out", out, *options) == 0
    report = json.loads((out / "synth.json").read_text())
    wanted = 100.0 if "--frequency" in options else None
    assert placed == [(row, "qblif_logic", wanted) for row in rows]
    layout = LogicLayout(load(files["light"]), "compressors", best)
    fmax = reached[best]
    assert {path.name for path in out.iterdir()} == {
        "network.v", "manifest.json", "synth", "synth.json",
        *(f"row-{row}" for row in rows if row != best)}
    assert json.loads((out / "manifest.json").read_text())["adders_in_a_row"] == best
    assert (out / "synth/report.json").read_text() == str(best)
    assert (out / "synth/earlier").exists() is (len(rows) == 1)
    assert report["tried"] == [{
        "adders_in_a_row": row, "lut": 100 * row, "ff": 7, "fmax_mhz": reached[row],
        "latency": LogicLayout(load(files["light"]), "compressors", row).latency} for row in rows]
    assert report["lut"] == 100 * best and report["stages"] == layout.describe()
    assert report["frames_per_second"] == fmax * 1e6 and report["latency"] == layout.latency
    assert report["latency_ns"] == pytest.approx(1000 * layout.latency / fmax, abs=0.01)
    assert report["mlut_s"] == pytest.approx(100 * best / (fmax * 1e6) * 1000, abs=1e-6)
    said = "No number of adders in a row meets 100 MHz: 2 are fastest." in capsys.readouterr().out
    assert said is (rows[-1] == 1)


def test_rows_that_make_no_difference_are_not_tried(tmp_path, files, monkeypatch):
    trained = load(files["light"])
    flat = Trained(trained.spec, {name: (np.arange(w.size).reshape(w.shape) % w.shape[1] < 3) * 1
                                  for name, w in trained.weights.items()}, trained.biases)
    layout = LogicLayout(flat, "compressors")
    assert layout.deepest == 1
    monkeypatch.setattr("qblif.boards.flow.synth.synthesise", lambda *_, **__: report_of(9, 50.0))
    report = synthesise_logic(layout, tmp_path, "ecp5-85k", 60.0, search=True)
    assert [each["adders_in_a_row"] for each in report["tried"]] == [1]
