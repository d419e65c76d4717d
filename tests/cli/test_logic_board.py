"""``qblif run`` and ``load`` on a board whose network is logic, here in Amaranth's simulator."""

import contextlib
import json

import pytest
from cli_cases import refusal, run

from qblif.boards.host.host import Host
from qblif.cli.play import play_frames
from qblif.golden.spec.artifact import load
from qblif.hw.link.logic_interface import LogicInterface
from qblif.hw.logic.layout import LogicLayout
from qblif.sim.pysim_port import PysimPort


@pytest.fixture
def port(files, monkeypatch):
    """Plugs in the board of a layout."""
    def plug(layout):
        @contextlib.contextmanager
        def opened(*_):
            yield PysimPort(LogicInterface(layout, clock_hz=4_000_000, frames=2))
        monkeypatch.setattr("qblif.boards.host.line.open_port", opened)
        monkeypatch.setattr(Host.__init__, "__defaults__", (60.0, 1))  # It is simulated.
    return plug


def test_run(capsys, files, images, out, port):
    layout = LogicLayout(load(files["light"]), "compressors")
    port(layout)
    command = "run", files["light"], "--port", "here", "--data", images, "--images", "3"
    assert run(*command, "--check", "--out", out) == 0
    report = json.loads((out / "run.json").read_text())
    assert report["ok"] and report["mismatches"] == {"classes": 0, "runs' clocks": 0}
    assert report["batches"] == [[2, 1 + layout.latency], [1, layout.latency]]
    assert report["clocks"] == 1 + 2 * layout.latency and report["images"] == 3
    assert report["images_per_second"] == round(3 * 4e6 / (report["clocks"] + 2))
    assert "2 runs" in capsys.readouterr().out


def test_interleaved(files, images, out, port):
    """What `--check` expects of its clocks comes from the board."""
    layout = LogicLayout(load(files["light"]), "compressors", interleaved=True)
    port(layout)
    assert run("run", files["light"], "--port", "here", "--data", images, "--images", "3",
               "--check", "--out", out) == 0
    report = json.loads((out / "run.json").read_text())
    assert report["mismatches"] == {"classes": 0, "runs' clocks": 0}


def test_scores(files):
    trained = load(files["light"])
    with pytest.raises(ValueError, match="^A board whose network is logic keeps classes and no "):
        play_frames(None, trained, None, [], [], scores=True)


def test_wrong_classes(files, images, out, port, monkeypatch):
    port(LogicLayout(load(files["light"]), "compressors"))
    monkeypatch.setattr("qblif.golden.integer.argmax", lambda scores: scores.argmin(1))
    assert run("run", files["light"], "--port", "here", "--data", images, "--images", "2",
               "--check", "--out", out) == 1
    assert json.loads((out / "run.json").read_text())["ok"] is False


def test_load(capsys, files, out, port):
    port(LogicLayout(load(files["light"]), "compressors"))
    assert refusal(capsys, "load", files["light"], "--port", "here", out=out) == (
        "The board's weights are logic, and none can be loaded: `qblif run` plays frames on it, "
        "and other weights need a bitstream of their own")
