"""`qblif load` and `run` killed, and their board reset or unplugged, at chosen bytes:
the test passes the bytes on, and stops to do something."""

import contextlib
import os
import select
import signal
import subprocess
import tty

import pytest
from cli_cases import run
from cli_processes import BAUD, PATIENCE, QBLIF, sentence

from qblif.boards.host.line import open_port


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
