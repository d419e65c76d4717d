"""`qblif report`: one page of a network, from its file alone to a placed design."""

import json
import sys

import pytest
from cli_cases import NETWORK, refusal, run
from needs import needs

from qblif.golden.spec.artifact import load
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.report.results import read_results

pytest.importorskip("jinja2", reason="the page needs jinja2: pip install 'qblif[report]'")
SECTIONS = ("bursts", "activity", "energy", "cycles", "neuron")


def content(folder):
    return json.loads((folder / "report.json").read_text())


def test_from_the_file_alone(files, tmp_path, capsys):
    assert run("report", files["first"], "--out", tmp_path) == 0
    report = content(tmp_path)
    assert all("missing" in report[name] for name in (*SECTIONS, "placed", "floorplan", "timing"))
    assert report["bursts"]["command"] == f"qblif report {files['first']} --data DIR"
    assert report["placed"]["command"] == f"qblif report {files['first']} --synth"
    assert report["accuracy"]["rtl"]["command"] == f"qblif report {files['first']} --data DIR --rtl"
    assert report["estimated_cycles"]["measured"] is False
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and len(page) < 100_000
    assert "report.html" in capsys.readouterr().out


def test_with_images(files, images, tmp_path):
    options = ["--data", images, "--images", "9", "--lanes", "2", "--neuron", "hidden/4"]
    assert run("report", files["first"], *options, "--out", tmp_path / "a") == 0
    report = content(tmp_path / "a")
    assert not any("missing" in report[name] for name in SECTIONS)
    assert (report["bursts"]["images"], report["neuron"]["index"]) == (9, 4)
    assert report["reproduce"]["command"] == (
        f"qblif report {files['first']} --data {images} --images 9 --lanes 2 --neuron hidden/4")
    assert report["accuracy"]["rtl"]["command"].endswith("--lanes 2 --rtl --neuron hidden/4")
    assert run("report", files["first"], *options, "--out", tmp_path / "b") == 0
    for name in ("report.html", "report.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_with_the_rtl(files, images, tmp_path, user_cache, monkeypatch):
    needs("verilator")
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache))
    options = ["--data", images, "--images", "9", "--lanes", "4"]
    assert run("simulate", files["first"], *options, "--out", tmp_path) == 0
    assert run("report", files["first"], *options, "--rtl", "--out", tmp_path / "own") == 0
    assert run("report", files["first"], *options, "--results", tmp_path, "--out", tmp_path) == 0
    own, read = (content(folder) for folder in (tmp_path / "own", tmp_path))
    assert own["accuracy"] == read["accuracy"]
    rtl = own["accuracy"]["rtl"]
    assert (rtl["levels_differ"], rtl["levels_compared"], rtl["model_equal"]) == (0, 270, True)
    assert (rtl["latency"], rtl["interval"]) == (
        own["cycles"]["latency"]["mean"], own["cycles"]["cycles"])
    assert own["reproduce"]["command"].endswith(" --rtl")


def test_with_the_placed_design(files, tmp_path):
    pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")
    options = [files["first"], "--lanes", "4", "--out", tmp_path]
    assert run("synth", *options, "--device", "ecp5-25k") == 0
    placed = json.loads((tmp_path / "synth.json").read_text())
    assert run("report", *options, "--results", tmp_path) == 0
    report = content(tmp_path)
    assert report["placed"]["device"] == report["estimated"]["device"] == "ecp5-25k"
    assert report["placed"]["total"] == {
        kind: placed[kind] for kind in ("lut", "ff", "bram", "dsp")}
    assert report["timing"]["fmax_mhz"] == placed["fmax_mhz"]
    assert report["timing"]["path"]["steps"] == [
        {key: step[key] for key in ("kind", "ns", "type")} for step in placed["path"]["steps"]]
    assert {part["name"] for part in report["floorplan"]["components"]} >= {
        "hidden engine", "hidden neurons", "out engine", "out neurons", "the rest"}
    assert "throughput" in report and report["throughput"]["missing"]
    assert not list(tmp_path.rglob("routed.json"))


@pytest.fixture
def results(files, tmp_path):
    """``(folder, network, layout)``: what simulations and placements of the first network left."""
    trained = load(files["first"])
    layout = compile(trained.spec, make_plan(trained.spec, lanes=4))
    folder = tmp_path / "results"
    (folder / "synth").mkdir(parents=True)
    engines = [engine.lanes for engine in layout.engines]
    write(folder / "simulate.json", {
        "network_digest": trained.spec.digest, "weights_digest": trained.weights_digest,
        "synapses": [{"lanes": lanes} for lanes in engines], "accuracy": {}, "images": 1,
        "simulator": "icarus", "mismatches": {}, "levels_compared": 1, "membranes_compared": 1,
        "cycles": {}})
    write(folder / "synth.json", {"network_digest": trained.spec.digest,
                                  "lanes": [list(s.lanes) for s in layout.plan.stages]})
    write(folder / "synth" / "report.json", {"a": 1})
    write(folder / "synth" / "floorplan.json", {"b": 2})
    return folder, trained, layout


def write(path, found):
    path.write_text(json.dumps(found))


def test_results_of_a_folder(results):
    folder, trained, layout = results
    found = read_results(folder, trained, layout)
    assert (found.placed, found.floorplan, found.origin) == ({"a": 1}, {"b": 2}, "qblif synth")
    assert found.rtl["simulator"] == "icarus"
    (folder / "synth.json").rename(folder / "build.json")
    (folder / "synth").rename(folder / "work")
    assert read_results(folder, trained, layout).origin == "qblif build"
    (folder / "build.json").unlink()
    found = read_results(folder, trained, layout)
    assert (found.placed, found.origin) == (None, "") and found.rtl


@pytest.mark.parametrize("name, field, value, text", [
    ("simulate.json", "network_digest", "ab", "is of network ab, not "),
    ("synth.json", "network_digest", "ab", "is of network ab, not "),
    ("simulate.json", "weights_digest", "ab", "is of weights ab, not "),
    ("simulate.json", "synapses", [{"lanes": 5}], r"is of lanes \[5\], not \[4, 3\]$"),
    ("synth.json", "lanes", [[5]], r"is of lanes \[\[5\]\], not "),
    ("simulate.json", "cycles", None, "damaged, it lacks 'cycles'$"),
    ("synth.json", "lanes", None, "damaged, it lacks 'lanes'$")])
def test_results_of_another_run(results, name, field, value, text):
    folder, trained, layout = results
    found = json.loads((folder / name).read_text()) | {field: value}
    write(folder / name, {k: v for k, v in found.items() if v is not None})
    with pytest.raises(ValueError, match=f"^{folder / name}: {text}"):
        read_results(folder, trained, layout)


@pytest.mark.parametrize("text, reason", [
    ("{", "damaged, it is not JSON"), ("[]", "damaged, it has no object"),
    ("\xff", "damaged, it is not JSON")])
def test_results_that_are_damaged(results, text, reason):
    folder, trained, layout = results
    (folder / "synth.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=f"^{folder / 'synth.json'}: {reason}$"):
        read_results(folder, trained, layout)


SWEEP = {"objectives": [{"name": "luts", "unit": "", "more_is_better": False}], "refused": [],
         "points": [{"parameters": {"lanes": 4}, "figures": {"luts": 9}, "front": True}]}


def test_a_sweep_beside_them(results):
    folder, trained, layout = results
    write(folder / "sweep.json", SWEEP)
    assert read_results(folder, trained, layout).sweep == SWEEP
    for name in ("simulate", "synth", "build"):
        (folder / f"{name}.json").unlink(missing_ok=True)
    found = read_results(folder, trained, layout)
    assert (found.rtl, found.placed, found.sweep) == (None, None, SWEEP)


@pytest.mark.parametrize("part, lacks", [
    ({"points": None}, "points"), ({"objectives": [{"name": "luts"}]}, "unit"),
    ({"points": [{"parameters": {}, "figures": {"luts": 1}}]}, "front"),
    ({"points": [{"parameters": {}, "figures": {}, "front": False}]}, "luts")])
def test_a_damaged_sweep(results, part, lacks):
    folder, trained, layout = results
    write(folder / "sweep.json", {k: v for k, v in (SWEEP | part).items() if v is not None})
    with pytest.raises(ValueError, match=f"^{folder / 'sweep.json'}: damaged, it lacks '{lacks}'$"):
        read_results(folder, trained, layout)


def test_results_without_a_floorplan(results):
    folder, trained, layout = results
    (folder / "synth" / "floorplan.json").unlink()
    with pytest.raises(ValueError, match=f"^{folder / 'synth'}: has no report.json and "
                                         "floorplan.json: run `qblif synth` again$"):
        read_results(folder, trained, layout)


@pytest.mark.parametrize("options, text", [
    (["--neuron", "hidden2/3"],
     "Population must be one of hidden1, output, not 'hidden2'"),
    (["--device", "up6k"],
     "Device must be one of ecp5-25k, ecp5-45k, ecp5-85k, up5k, hx8k, not 'up6k'"),
    (["--images", "-1"], "Images must be a number of at least 1, or all, not '-1'"),
    (["--images", "0", "--rtl"],
     "--rtl needs test images: --data names their folder, --images how many"),
    (["--results", "none"],
     "none: has no simulate.json, synth.json, build.json or sweep.json"),
    (["--lanes", "0"], "Lanes must be in 1..1024, not 0")])
def test_what_is_refused(capsys, out, options, text):
    assert refusal(capsys, "report", NETWORK, *options, out=out) == text
    assert not (out / "report.html").exists()


def test_file_that_is_damaged(capsys, tmp_path, out):
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"\0" * 9)
    assert refusal(capsys, "report", path, out=out).startswith(f"{path}: truncated, or not a ")


def test_data_that_is_empty_or_of_another_shape(capsys, tmp_path, out, images):
    (tmp_path / "empty").mkdir()
    assert refusal(capsys, "report", NETWORK, "--data", tmp_path / "empty",
                   out=out).startswith(f"{tmp_path / 'empty'}: ")
    assert refusal(capsys, "report", NETWORK, "--data", images, out=out) == (
        f"Images of {images.name} have 12 pixels, but the network's input has 784")


def test_without_jinja(capsys, monkeypatch, out):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert refusal(capsys, "report", NETWORK, out=out) == \
        "The page needs jinja2: pip install 'qblif[report]'"


def test_lanes_of_a_device_name_it(files, tmp_path):
    assert run("report", files["first"], "--lanes", "up5k", "--out", tmp_path) == 0
    assert content(tmp_path)["estimated"]["device"] == "up5k"


def test_an_old_page_is_gone_where_the_new_one_fails(files, images, tmp_path, monkeypatch):
    assert run("report", files["first"], "--out", tmp_path) == 0
    monkeypatch.setattr("qblif.report.collect.collect", lambda *_, **__: {}["none"])
    assert run("report", files["first"], "--out", tmp_path) == 1
    assert not (tmp_path / "report.html").exists() and not (tmp_path / "report.json").exists()
