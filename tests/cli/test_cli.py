import json

import pytest
from cli_cases import NETWORK, TINY, refusal, run

from qblif.boards.flow import synth as boards_synth
from qblif.cli.main import main
from qblif.golden.spec import Network
from qblif.golden.spec.artifact import Trained, load


def test_synthesis_that_fails(capsys, short, out, monkeypatch):
    def fail(*_, **__):
        raise boards_synth.SynthError("nextpnr failed: no room (see nextpnr.log)")
    monkeypatch.setattr(boards_synth, "synthesise", fail)
    monkeypatch.setattr("qblif.cli.synth.write_verilog", lambda *_, **__: type(
        "Generated", (), {"manifest": {"top": "qblif_network"}}))
    assert refusal(capsys, "synth", short / "network.safetensors", out=out) == \
        "nextpnr failed: no room (see nextpnr.log)"


def test_package_missing(capsys, out, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "qblif.hw.verilog", None)
    assert refusal(capsys, "verilog", NETWORK, out=out).endswith(
        " is not installed: pip install 'qblif[all]'")


# Output that cannot be written.

@pytest.mark.parametrize("command", ["info", "verilog", "simulate", "synth", "train", "demo"])
def test_out_below_a_file(capsys, tmp_path, command):
    (tmp_path / "file").write_text("mine")
    files = [] if command in ("train", "demo") else [NETWORK]
    out = tmp_path / "file" / "out"
    reason = refusal(capsys, command, *files, out=out)
    assert reason == f"{out}: cannot be written (Not a directory)"
    assert (tmp_path / "file").read_text() == "mine"


def test_out_that_is_a_file(capsys, tmp_path):
    out = tmp_path / "file"
    out.write_text("mine")
    assert refusal(capsys, "info", NETWORK, out=out) == f"{out}: cannot be written (File exists)"
    assert out.read_text() == "mine"


def test_out_with_brackets(tmp_path):
    # Brackets are markup to the library that prints.
    assert run("info", NETWORK, "--out", tmp_path / "a[/b]c") == 0
    assert (tmp_path / "a[/b]c" / "info.json").is_file()


# Usage.

@pytest.mark.parametrize("arguments", [
    ["--nope"], ["fly"], ["info"], ["info", NETWORK, "--nope"], ["info", NETWORK, "more"],
    ["train", "--timesteps", "many"], ["train", "--seed", "-1"], ["synth", NETWORK, "--lanes"]])
def test_usage_error(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    assert "Error" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["train", "info", "verilog", "simulate", "synth", "demo"])
def test_help(capsys, command):
    assert run(command, "--help") == 0
    assert "--out" in capsys.readouterr().out


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(ValueError, match="there is no such file$"):
        main(["--debug", "info", str(tmp_path / "none")])


def test_interrupt(monkeypatch, out, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr("qblif.cli.info.open_network", interrupt)
    assert run("info", NETWORK, "--out", out) == 130
    assert not out.exists() and capsys.readouterr().err == "qblif: stopped\n"


# What works.

def test_info(capsys, out):
    assert run("info", NETWORK, "--out", out) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for text in ("input 28x28", "hidden1 128", "output 10, read-out", "128 x 784 weights of 8"):
        assert text in printed.out
    trained = load(NETWORK)
    report = json.loads((out / "info.json").read_text())
    assert Network.from_dict(report["network"]) == trained.spec
    assert report["weights_digest"] == trained.weights_digest
    assert [stage["name"] for stage in report["stages"]] == ["hidden1", "output"]
    assert [p.name for p in out.iterdir()] == ["info.json"]


def test_info_of_a_network_without_notes(capsys, tmp_path, out):
    trained = load(NETWORK)
    Trained(trained.spec, trained.weights, trained.biases).save(tmp_path / "bare.safetensors")
    assert run("info", tmp_path / "bare.safetensors", "--out", out) == 0
    assert "accuracy" not in capsys.readouterr().out


@pytest.mark.parametrize("bake", [False, True])
def test_verilog(short, out, bake):
    options = ["--bake"] if bake else []
    assert run("verilog", short / "network.safetensors", "--lanes", "2,1", "--burst", "repeat",
               "--out", out, *options) == 0
    assert sorted(p.name for p in out.iterdir()) == ["manifest.json", "network.v", "verilog.json"]
    manifest = json.loads((out / "manifest.json").read_text())
    report = json.loads((out / "verilog.json").read_text())
    assert f"module {manifest['top']}(" in (out / "network.v").read_text()
    assert [e["lanes"] for stage in manifest["stages"] for e in stage["synapses"]] == [2, 1]
    assert report["verilog_sha256"] == manifest["verilog_sha256"] and report["baked"] is bake
    assert (manifest["weights_digest"] is not None) is bake


def test_train(short):
    report = json.loads((short / "train.json").read_text())
    trained = load(short / report["network"])
    assert trained.weights_digest == report["weights_digest"]
    assert [p.size for p in trained.spec.populations] == [6, 4]
    assert report["data"] == "stripes" and report["config"]["epochs"] == 1


def test_train_starts_where_another_ended(short, stripes, out):
    first = out.parent / "first"
    shorter = [*TINY[:-3], "0", *TINY[-2:]]
    assert run("train", "--data", stripes, "--out", first, *shorter) == 0
    assert run("train", "--data", stripes, "--out", out, "--start", first / "checkpoint.pt",
               *TINY) == 0
    trained = load(out / "network.safetensors")
    assert len(trained.notes["start"]) == 16
    assert trained.weights_digest != load(short / "network.safetensors").weights_digest


def test_train_repeats_under_a_seed(short, stripes, out):
    assert run("train", "--data", stripes, "--out", out, *TINY) == 0
    assert (load(out / "network.safetensors").weights_digest
            == load(short / "network.safetensors").weights_digest)
    assert run("train", "--data", stripes, "--out", out, "--seed", "1", *TINY) == 0
    assert (load(out / "network.safetensors").weights_digest
            != load(short / "network.safetensors").weights_digest)
