"""A recording streamed into the virtual board from the command line, and what is refused."""

import json

import numpy as np
import pytest
from cli_cases import NETWORK, refusal, run
from cli_processes import BAUD

from qblif.cli import stream
from qblif.cli.common import layout_for
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.sim.virtual_board import VirtualBoard

WINDOW = 1_000


def camera():
    """Two polarities of 3x4 pixels, three timesteps, three classes."""
    spec = Network(
        timesteps=3, input=Input(shape=(2, 3, 4), n_max=3, static=False),
        populations=[
            Population(name="map", shape=(2, 3, 4), sum_width=16, neuron=Neuron(
                quantiser=Quantiser(n_max=3, theta=16), v_width=16)),
            Population(name="out", shape=(3,), sum_width=16,
                       neuron=Neuron(quantiser=None, v_width=16))],
        synapses=[Conv2d(source="input", target="map", kernel=3, padding=1),
                  Dense(source="map", target="out")])
    draw = np.random.default_rng(8)
    low = {"map": -40, "out": -60}  # The read-out's about 0, so that no class always wins.
    return Trained(spec, {s.name: draw.integers(low[s.target], 61, spec.weight_shape(s), np.int32)
                          for s in spec.synapses}, {})


@pytest.fixture(scope="module")
def board(tmp_path_factory, user_cache):
    """``(file, port)`` of a network that is loaded onto a virtual board."""
    folder = tmp_path_factory.mktemp("stream")
    file, trained = folder / "camera.safetensors", camera()
    trained.save(file)
    with VirtualBoard(layout_for(trained, "4", order="outer"), cache=user_cache) as plugged:
        assert run("load", file, "--port", plugged.port, "--out", folder, *BAUD) == 0
        yield file, plugged.port


def write_events(path, count=1500, **changed):
    draw = np.random.default_rng(7)
    fields = {"t": 5 + np.sort(draw.integers(0, 40_000, count)), "x": draw.integers(0, 4, count),
              "y": draw.integers(0, 3, count), "p": draw.integers(0, 2, count)} | changed
    np.savez(path, **fields)
    return path


def test_classes_are_the_integer_model_s(board, tmp_path):
    file, port = board
    events = write_events(tmp_path / "events.npz")
    assert run("stream", file, events, "--port", port, "--window", WINDOW, "--speed", 0, "--check",
               "--out", tmp_path, *BAUD) == 0
    report = json.loads((tmp_path / "stream.json").read_text())
    assert report["ok"] and report["mismatches"] == {"classes": 0}
    assert report["events"] == 1500 and report["frames"] == 14 == len(report["latency_cycles"])
    assert report["clipped"] > 75 and len({*report["classes"]}) > 1
    assert 0 < report["latency_mean_us"] <= report["latency_max_us"] < 1000


def test_frames_that_are_run_are_counted(board, tmp_path, capsys):
    """Frames of counts, as SpikingJelly keeps them; N_max is 3."""
    file, port = board
    counts = np.random.default_rng(9).integers(0, 6, (5, 3, 2, 3, 4))
    for n, folder in enumerate(("train/a", "test/a", "test/b", "test/b", "train/b")):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        np.savez(tmp_path / folder / f"{n}.npz", frames=counts[n])
    assert run("run", file, "--port", port, "--data", tmp_path, "--images", 2, "--check", "--out",
               tmp_path / "out", *BAUD) == 0
    report = json.loads((tmp_path / "out" / "run.json").read_text())
    cut = int(np.maximum(counts[1:3] - 3, 0).sum())
    assert report["input_events"] == {"recorded": counts[1:3].sum(), "late": 0, "clipped": cut}
    shown = capsys.readouterr().out
    assert "of the events of these recordings are beyond N_max and cut off: shorter" in shown


def test_overload_is_said_and_changes_no_class(board, tmp_path, capsys):
    file, port = board
    events = write_events(tmp_path / "events.npz")
    found = []
    for speed in (0, 1000):  # The line cannot bring 1,500 events within 40 us.
        assert run("stream", file, events, "--port", port, "--window", WINDOW, "--speed", speed,
                   "--check", "--out", tmp_path, *BAUD) == 0
        found.append(json.loads((tmp_path / "stream.json").read_text()))
    assert found[0]["classes"] == found[1]["classes"]
    assert found[1]["overloaded"] and found[1]["lag_seconds"] > WINDOW / 1e6
    shown = capsys.readouterr().out
    assert "overload: the board, or its line, fell behind" in shown
    assert f"{found[1]['clipped'] / 1500:.1%} of the events of this recording are beyond" in shown


def test_check_notices_another_class(board, tmp_path, monkeypatch):
    file, port = board
    right = stream.expected_classes
    monkeypatch.setattr(stream, "expected_classes", lambda *given: right(*given) ^ (
        np.arange(14) == 5))
    assert run("stream", file, write_events(tmp_path / "events.npz"), "--port", port, "--window",
               WINDOW, "--speed", 0, "--check", "--out", tmp_path, *BAUD) == 1
    report = json.loads((tmp_path / "stream.json").read_text())
    assert report["mismatches"] == {"classes": 1}


@pytest.mark.parametrize("changed, reason", [
    ({"x": np.full(1500, 4)}, "x must be in 0..3, not 4..4"),
    ({"p": np.full(1500, -1)}, "p must be in 0..1, not -1..-1"),
    ({"y": np.zeros(7, int)}, "t, x, y and p must be integers of one shape (events,)"),
    ({"t": np.linspace(0, 1, 1500)}, "t, x, y and p must be integers of one shape (events,)"),
    ({name: np.zeros(0, int) for name in "txyp"}, "holds no events")])
def test_events_that_make_no_sense(board, tmp_path, capsys, out, changed, reason):
    events = write_events(tmp_path / "events.npz", **changed)
    assert refusal(capsys, "stream", board[0], events, "--port", board[1], "--window", 9,
                   out=out) == f"{events}: {reason}"


@pytest.mark.parametrize("name, content, reason", [
    ("none.npz", None, "there is no such file"),
    ("events.npz", b"PK\3\4", "must be an .npz file with t, x, y and p"),
    ("events.bin", b"123", "must hold whole events of 5 bytes, not 3 bytes"),
    ("events.aedat", b"", "must start with #!AER-DAT2.0 or #!AER-DAT3.1, not b''")])
def test_damaged_files(board, tmp_path, capsys, out, name, content, reason):
    events = tmp_path / name
    if content is not None:
        events.write_bytes(content)
    found = refusal(capsys, "stream", board[0], events, "--port", board[1], "--window", 9, out=out)
    assert found.startswith(f"{events}: {reason}")


def test_a_network_of_images(tmp_path, capsys, out):
    assert refusal(capsys, "stream", NETWORK, write_events(tmp_path / "events.npz"), "--port",
                   "/dev/null", "--window", 9, out=out) == (
        "The network's input must be (2, rows, columns), as of a camera, to take recordings, not "
        "(28, 28)")
