"""CIFAR10-DVS and files of event cameras from the command line, what is said of lost events, and
what is refused."""

import json

import numpy as np
import pytest
from camera_cases import FORMATS, events, write_camera
from cli_cases import TINY, refusal, run
from event_cases import aedat_2, dvs_cifar_folder
from test_stream import camera

import qblif
from qblif.cli.stream import read_events
from qblif.golden.spec.artifact import load
from qblif.golden.training.data.events import binning_of
from qblif.golden.training.recipes import CIFAR10_DVS

SMALL = ["--net", "4c5s4-d8", "--epochs", 1, "--qat-epochs", 1, "--timesteps", 2, "--batch", 9,
         "--set", "validation=3", "--set", "workers=0", "--set", "mixup=0", "--set", "amp=false"]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return dvs_cifar_folder(tmp_path_factory.mktemp("dvs"))


@pytest.fixture(scope="module")
def out_of_training(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    assert run("train", "--recipe", "cifar10-dvs", "--data", recordings, *SMALL, "--out", out) == 0
    return out


def test_the_recipe_with_all_that_is_the_paper_s():
    paper = {"net": "resnet20", "timesteps": 16, "n_max": 20, "epochs": 200, "batch": 64,
             "optimiser": "adamw", "lr": 1e-3, "warm_up": 10 / 200, "weight_decay": 0.06,
             "mixup": 0.5, "cutmix": 0.0, "smoothing": 0.1}
    assert {name: getattr(CIFAR10_DVS, name) for name in paper} == paper
    assert binning_of(CIFAR10_DVS).timesteps == 16 and CIFAR10_DVS.event_flip is True


def test_training_by_the_recipe(out_of_training):
    report = json.loads((out_of_training / "train.json").read_text())
    assert report["config"]["lr"] == 1e-3 and report["config"]["event_shift"] == 10
    assert report["notes"]["test_images"] == 3 and len(report["notes"]["validation"]["float"]) == 1
    assert report["notes"]["events"]["train"] == {"recorded": 27 * 200, "late": 0, "clipped": 0}
    assert load(out_of_training / "network.safetensors").spec.input.shape == (2, 128, 128)


def test_the_same_from_python(recordings, out_of_training):
    found = qblif.train(recordings, "cifar10-dvs", net="4c5s4-d8", epochs=1, qat_epochs=1, batch=9,
                        timesteps=2, validation=3, workers=0, mixup=0, amp=False)
    trained = load(out_of_training / "network.safetensors")
    assert found.weights_digest == trained.weights_digest and found.spec == trained.spec


def test_what_is_lost_is_shown(recordings, out_of_training, tmp_path, capsys):
    """Of one timestep that lasts half of a recording, to levels of at most 1."""
    options = [*SMALL, "--timesteps", 1, "--input-n-max", 1, "--set", "window=500"]
    for name in ("shift", "drop"):
        options += ["--set", f"event_{name}=0"]
    assert run("train", "--recipe", "cifar10-dvs", "--data", recordings, *options, "--out",
               tmp_path) == 0
    shown = capsys.readouterr().out
    found = json.loads((tmp_path / "train.json").read_text())["notes"]["events"]
    assert found["train"]["recorded"] == 5400 and found["test"]["recorded"] == 600
    assert 0.4 < found["train"]["late"] / 5400 < 0.6 and 0 < found["train"]["clipped"] < 270
    late = found["train"]["late"]
    assert f" {late:,} ({late / 5400:.2%}) " in shown
    assert f"\n{late / 5400:.1%} of the events of the training recordings are after" in shown
    assert "beyond N_max and cut off:" not in shown  # Less than one in twenty.
    assert run("info", tmp_path / "network.safetensors", "--out", tmp_path) == 0
    shown = capsys.readouterr().out
    assert f" {late:,} ({late / 5400:.2%}) " in shown
    assert f"\n{late / 5400:.1%} of the events of its training recordings are after" in shown


@pytest.mark.parametrize("name", FORMATS)
def test_a_live_stream_of_every_format(tmp_path, name):
    t, x, y, p = events()
    path = write_camera(tmp_path / name, t, x, y, p, version=FORMATS[name])
    times, neurons = read_events(path, (2, 20, 30))
    np.testing.assert_array_equal(times, t)
    np.testing.assert_array_equal(neurons, (p * 20 + y) * 30 + x)


def test_a_live_stream_of_aedat_2(tmp_path):
    path = tmp_path / "a.aedat"
    path.write_bytes(aedat_2((0x7ffe, 3), (1, 1)))
    times, neurons = read_events(path, (2, 128, 128))
    assert times.tolist() == [1, 3] and neurons.tolist() == [128 * 128 - 1, 128 * 128]


PNG = b"\x89PNG\r\n\x1a\n" * 20
NO_CAMERA = {
    "a.aedat": (PNG, "must start with #!AER-DAT2.0 or #!AER-DAT3.1, not b'\\x89PNG'"),
    "b.aedat": (aedat_2((2, 1))[:-1], "truncated, 7 bytes are no whole events of 8"),
    "a.aedat4": (PNG, "damaged, or no .aedat4 file of events ("),
    "a.es": (PNG, "damaged, or no .es file of events ("),
    "a.raw": (PNG, "must start with a header that names EVT 2.0, 2.1, 3.0, not b'\\x89PNG"),
    "a.dat": (PNG, "must start with a header of lines with %, not b'\\x89PNG"),
    "a.csv": (PNG, "must start with a line that names the columns t, x, y and p, not "),
    "a.xyz": (PNG, "must be one of .bin, .aedat, .npz, .aedat4, .es, .raw, .dat, .csv"),
}


@pytest.mark.parametrize("name", NO_CAMERA)
def test_a_stream_of_something_else(tmp_path, capsys, out, name):
    data, reason = NO_CAMERA[name]
    file, network = tmp_path / name, tmp_path / "camera.safetensors"
    file.write_bytes(data)
    camera().save(network)
    assert refusal(capsys, "stream", network, file, "--port", "/dev/null", "--window", 9,
                   out=out).startswith(f"{file}: {reason}")


def test_a_stream_of_a_larger_camera(tmp_path, capsys, out):
    camera().save(tmp_path / "camera.safetensors")
    file = write_camera(tmp_path / "a.es", *events())
    assert refusal(capsys, "stream", tmp_path / "camera.safetensors", file, "--port", "/dev/null",
                   "--window", 9, out=out) == f"{file}: x must be in 0..3, not 1..28"


@pytest.mark.parametrize("name", [n for n in NO_CAMERA if n not in ("a.csv", "a.xyz")])
def test_training_on_something_else(tmp_path, capsys, out, name):
    data, reason = NO_CAMERA[name]
    for part in ("train", "test"):
        file = tmp_path / part / "class" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
    found = refusal(capsys, "train", "--data", tmp_path, *TINY, out=out)
    assert found.startswith(f"{tmp_path / 'train' / 'class' / name}: {reason}")


@pytest.mark.parametrize("change, reason", [
    ("event_flip=left", "Flip of events must be true, false or a list of labels, not 'left'"),
    ("event_gap=2", "Gap in events must be in 0..1, not 2"),
    ("event_shift=0.5", "Shift of events must be an integer, not 0.5")])
def test_changes_that_make_no_sense(recordings, capsys, out, change, reason):
    assert refusal(capsys, "train", "--data", recordings, *TINY, "--set", change, out=out) == reason
