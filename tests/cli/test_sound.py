"""Clips of sound from the command line, to the RTL and to Verilog that takes samples."""

import json

import pytest
from cli_cases import NETWORK, TINY, refusal, run
from sound_cases import digits_folder, write_wav

from qblif.golden.spec.artifact import load


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return digits_folder(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def trained(clips, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    assert run("train", "--data", clips, *TINY, "--timesteps", 4, "--input-n-max", 8,
               "--batch", 4, "--out", out) == 0
    return out / "network.safetensors"


def test_every_level_of_a_clip_is_that_of_the_rtl(clips, trained, tmp_path):
    assert load(trained).spec.input.shape == (60, 1, 1)
    assert run("simulate", trained, "--data", clips, "--images", "all", "--lanes", 4,
               "--simulator", "icarus", "--out", tmp_path) == 0
    report = json.loads((tmp_path / "simulate.json").read_text())
    assert report["ok"] and report["images"] == 15


def test_a_recurrent_network(capsys, clips, tmp_path):
    assert run("train", "--data", clips, "--net", "d6r", "--epochs", 1, "--qat-epochs", 1,
               "--timesteps", 4, "--input-n-max", 8, "--batch", 4, "--threads", 1,
               "--out", tmp_path) == 0
    file = tmp_path / "network.safetensors"
    assert run("simulate", file, "--data", clips, "--images", "all", "--lanes", 2, "--simulator",
               "icarus", "--out", tmp_path) == 0
    report = json.loads((tmp_path / "simulate.json").read_text())
    assert report["ok"] and report["cycles"]["model_equal"]
    assert {s["name"] for s in report["synapses"]} > {"dense1->dense1"}
    capsys.readouterr()
    assert run("info", file, "--out", tmp_path) == 0
    assert "dense from dense1, a timestep later: 6 x 6 weights" in capsys.readouterr().out


def test_verilog_that_takes_samples(trained, tmp_path):
    assert run("verilog", trained, "--lanes", 4, "--sound", "--out", tmp_path) == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["input"]["sound"]["samples"] == 200
    assert {"i__payload", "trace_input"} <= {port["name"] for port in manifest["ports"]}


def test_a_network_of_images_does_not_listen(capsys, out):
    assert refusal(capsys, "verilog", NETWORK, "--sound", out=out) == (
        "The sound front end makes 60 levels in each timestep, but the network's input is (28, 28),"
        " the same in every timestep")


def test_a_damaged_clip(capsys, tmp_path, out):
    folder = digits_folder(tmp_path / "digits")
    write_wav(folder / "1_ann_3.wav", [1, 2, 3], rate=44100)
    assert refusal(capsys, "train", "--data", folder, *TINY, out=out) == (
        f"{folder / '1_ann_3.wav'}: must be 1 channel of 16 bits at 8000 Hz, not 1 of 16 bits at "
        "44100 Hz")
