"""`qblif virtual-board`, `load` and `run` as processes of their own, on one pseudo-terminal."""

import json
import os
import signal
import subprocess

import pytest
from cli_cases import run
from cli_processes import BAUD, PATIENCE, QBLIF, sentence

from qblif.golden import integer

IMAGES = 20


def qblif(*arguments):
    return subprocess.run([*QBLIF, *map(str, arguments)], capture_output=True, text=True,
                          timeout=PATIENCE)


@pytest.fixture(scope="module")
def command(files, tiny, unplugged, user_cache, tmp_path_factory):
    """Port of a board that the command simulates; the build is in the cache."""
    out = tmp_path_factory.mktemp("virtual")
    process = subprocess.Popen(
        [*QBLIF, "virtual-board", files["first"], "--lanes", "4", "--out", out],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"XDG_CACHE_HOME": str(user_cache)})
    port = None
    for line in process.stdout:
        if line.startswith("Serial port: "):
            port = line.split()[-1]
        if line.rstrip().endswith("virtual-board.json"):
            break
    assert port, "qblif virtual-board ended"
    report = json.loads((out / "virtual-board.json").read_text())
    assert report["port"] == port
    assert report["lanes"] == [list(stage.lanes) for stage in tiny[1].plan.stages]
    yield port
    process.terminate()  # A shell's background ignores the interrupt.
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM


def test_two_networks_one_after_the_other(command, files, tiny, second, images, tmp_path):
    classes = {}
    for name, trained in (("first", tiny[0]), ("second", second)):
        out = tmp_path / name
        done = qblif("load", files[name], "--port", command, "--out", out, *BAUD)
        assert done.returncode == 0, done.stderr
        loaded = json.loads((out / "load.json").read_text())
        assert loaded["ok"] and loaded["weights_digest"] == trained.weights_digest
        done = qblif("run", files[name], "--port", command, "--data", images, "--images", "all",
                     "--check", "--out", out, *BAUD)
        assert done.returncode == 0, done.stderr
        report = json.loads((out / "run.json").read_text())
        assert report["ok"] and report["images"] == IMAGES
        assert report["mismatches"] == {
            "classes": 0, "scores": 0, "levels": 0, "cycles": 0}
        assert report["levels_compared"] == IMAGES * trained.spec.timesteps * 10
        classes[name] = report["classes"]
        assert report["core_seconds_per_image"] < report["seconds_per_image"]
    assert classes["first"] != classes["second"]
    # The first one's file is not the network that the board holds now.
    done = qblif("run", files["first"], "--port", command, "--data", images, "--out",
                 tmp_path / "first", *BAUD)
    assert sentence(done) == ("The board does not hold this network's weights (others): load the "
                              "file first")
    assert not (tmp_path / "first" / "run.json").exists()


def test_check_notices_a_difference(command, files, images, tmp_path, monkeypatch):
    assert run("load", files["first"], "--port", command, "--out", tmp_path, *BAUD) == 0
    compute = integer.run

    def corrupted(*arguments):
        found = compute(*arguments)
        found.levels["hidden"][1, 3, 2] ^= 1
        return found
    monkeypatch.setattr(integer, "run", corrupted)
    assert run("run", files["first"], "--port", command, "--data", images, "--check", "--out",
               tmp_path, *BAUD) == 1
    report = json.loads((tmp_path / "run.json").read_text())
    assert not report["ok"] and report["mismatches"]["levels"] == 1
