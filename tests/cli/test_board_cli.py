"""`qblif virtual-board`, `load` and `run` as processes of their own, on one pseudo-terminal."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tty

import pytest
import torch

from qblif.boards.host.line import open_port
from qblif.cli.main import main
from qblif.golden import integer

IMAGES = 20
BAUD = ["--baud", "1000000"]
QBLIF = [sys.executable, "-m", "qblif.cli.main"]
PATIENCE = 120  # Seconds, on a machine that does much else.


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The tensors here are small: threads that wait for each other only cost time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(threads)


def qblif(*arguments):
    return subprocess.run([*QBLIF, *map(str, arguments)], capture_output=True, text=True,
                          timeout=PATIENCE)


def sentence(done):
    """The one line with which a command ended."""
    assert done.returncode == 2
    line, = done.stderr.splitlines()
    assert line.startswith("qblif: ")
    return line.removeprefix("qblif: ")


# What works.

@pytest.fixture(scope="module")
def command(files, tiny, unplugged, board_cache, tmp_path_factory):
    """Port of a board that the command simulates; the build is in the cache."""
    out = tmp_path_factory.mktemp("virtual")
    process = subprocess.Popen(
        [*QBLIF, "virtual-board", files["first"], "--lanes", "4", "--out", out],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"XDG_CACHE_HOME": str(board_cache)})
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
        assert report["mismatches"] == {"classes": 0, "levels": 0, "cycles": 0}
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


def run(*arguments):
    """Exit code of ``qblif ARGUMENTS``, in this process."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


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


# Faults, at a known byte: the test passes the bytes on, and stops to do something.

@pytest.fixture(scope="module")
def board(unplugged):
    with unplugged:
        yield unplugged


@contextlib.contextmanager
def relayed(board, *arguments):
    """``qblif ARGUMENTS`` on a port of its own; ``passed(n)`` passes ``n`` bytes, of both
    directions, on to the board and back."""
    ends = os.openpty()
    tty.setraw(ends[1])
    port = open_port(board.port, 1_000_000)
    process = subprocess.Popen(
        [*QBLIF, *map(str, arguments), "--port", os.ttyname(ends[1]), *BAUD],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def passed(count):
        while count > 0 and process.poll() is None:
            ready, _, _ = select.select([ends[0], port.fd], [], [], 0.1)
            for source in ready:
                data = os.read(source, min(count, 256))
                os.write(port.fd if source == ends[0] else ends[0], data)
                count -= len(data)
        return count <= 0

    process.passed, process.ends = passed, list(ends)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        port.close()
        for end in process.ends:
            os.close(end)


MANY = 1 << 30
LOAD_PLACES = [30, 250, 400, 600]  # Of some 750 bytes.
RUN_PLACES = [170, 400]  # Of a run whose first 150 bytes ask what the board is.


def finished(process):
    """What a relayed process came to."""
    process.passed(MANY)
    output, errors = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess((), process.returncode, output, errors)


@pytest.fixture
def again(board, files, images, tmp_path, capsys):
    """Exit code and last error of a checked run of a network, after a load if it is wanted."""
    def again(name, load=True):
        capsys.readouterr()
        port = ["--port", board.port, "--out", tmp_path, *BAUD]
        if load:
            assert run("load", files[name], *port) == 0
        code = run("run", files[name], "--data", images, "--check", *port)
        return code, capsys.readouterr().err
    return again


GOOD = 0, ""


@pytest.mark.parametrize("place", LOAD_PLACES)
def test_load_is_killed(board, files, tmp_path, again, tally, place):
    assert again("first") == GOOD
    with relayed(board, "load", files["second"], "--out", tmp_path) as process:
        assert process.passed(place)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    code, line = again("second", load=False)
    assert code == 2 and "does not hold this network's weights (" in line
    assert again("second") == GOOD
    tally("SIGKILL in qblif load, and again", 1, 0, 1)


@pytest.mark.parametrize("place", RUN_PLACES)
def test_run_is_killed(board, files, images, tmp_path, again, tally, place):
    assert again("first") == GOOD
    with relayed(board, "run", files["first"], "--data", images, "--out",
                 tmp_path) as process:
        assert process.passed(place)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert again("first", load=False) == GOOD
    tally("SIGKILL in qblif run, and again", 1, 1, 0)


@pytest.mark.parametrize("place", LOAD_PLACES[1:])
@pytest.mark.parametrize("action", ["reset", "power_cycle"])
def test_board_restarts_in_a_load(board, files, tmp_path, again, tally, action, place):
    with relayed(board, "load", files["first"], "--out", tmp_path) as process:
        assert process.passed(place)
        getattr(board, action)()
        done = finished(process)
    assert done.returncode == 0, done.stderr
    assert again("first", load=False) == GOOD
    tally(f"{action.replace('_', ' ')} in qblif load", 1, 1, 0)


@pytest.mark.parametrize("action", ["reset", "power_cycle"])
def test_board_restarts_in_a_run(board, files, images, tmp_path, again, tally, action):
    assert again("first") == GOOD
    with relayed(board, "run", files["first"], "--data", images, "--out",
                 tmp_path / "broken") as process:
        assert process.passed(RUN_PLACES[1])
        getattr(board, action)()
        assert sentence(finished(process)) == (
            "The board is not armed any more (it was reset, or another program loads it): load "
            "the network again")
    assert not (tmp_path / "broken" / "run.json").exists()
    assert again("first") == GOOD
    tally(f"{action.replace('_', ' ')} in qblif run", 1, 0, 1)


@pytest.mark.parametrize("command, place", [("load", 300), ("run", RUN_PLACES[1])])
def test_board_is_unplugged(board, files, images, tmp_path, again, tally, command, place):
    assert again("first") == GOOD
    data = ["--data", images] if command == "run" else []
    with relayed(board, command, files["first"], *data, "--out", tmp_path / "broken") as process:
        assert process.passed(place)
        name = os.ttyname(process.ends[1])
        while process.ends:
            os.close(process.ends.pop())
        output, errors = process.communicate(timeout=PATIENCE)
    line = sentence(subprocess.CompletedProcess((), process.returncode, output, errors))
    assert line.startswith(f"The board on {name} is gone (")
    assert line.endswith("): plug it in and start again")
    assert not (tmp_path / "broken" / f"{command}.json").exists()
    assert again("first") == GOOD
    tally(f"unplugged in qblif {command}", 1, 0, 1)
