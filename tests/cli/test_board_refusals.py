"""What `qblif load` and `qblif run` say of a port or a network that they cannot use."""

import contextlib
import os
import select
import subprocess
import sys
import threading
import tty

import pytest
from cli_cases import run
from cli_processes import BAUD

from qblif.golden.spec import Network


@pytest.fixture(scope="module")
def board(unplugged):
    with unplugged:
        yield unplugged


@pytest.fixture
def refused(capsys, tmp_path, files, images):
    """The one line with which `load` or `run` refuses a port, having written no report.  That of an
    earlier run stays only where the port or the network is refused before a board is asked."""
    def refuse(command, port, name="first", data=images, timeout=1):
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        (out / f"{command}.json").write_text("of an earlier run")
        file = files.get(name, name)
        options = ["--data", data] if command == "run" else []
        capsys.readouterr()
        assert run(command, file, "--port", port, "--out", out, "--timeout", timeout,
                   *options, *BAUD) == 2
        left = {path.name: path.read_text() for path in out.iterdir()}
        assert left in ({}, {f"{command}.json": "of an earlier run"})
        line, = capsys.readouterr().err.splitlines()
        assert line.startswith("qblif: ")
        return line.removeprefix("qblif: ")
    return refuse


both = pytest.mark.parametrize("command", ["load", "run"])


@both
def test_port_missing(refused, command):
    assert refused(command, "/dev/ttyUSB99") == (
        "/dev/ttyUSB99: there is no such port; is the board plugged in?")


@both
def test_port_that_is_a_file(refused, tmp_path, command):
    (tmp_path / "file").write_text("")
    assert refused(command, tmp_path / "file").startswith(
        f"{tmp_path / 'file'}: cannot be opened as a serial port (")


@pytest.fixture
def terminal():
    """Both ends of a pseudo-terminal: the first's descriptor, and the second's name."""
    ends = os.openpty()
    tty.setraw(ends[1])
    yield ends[0], os.ttyname(ends[1])
    for end in ends:
        os.close(end)


HOLD = """
import fcntl, sys
port = open(sys.argv[1])
fcntl.flock(port, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


@both
def test_port_of_another_program(refused, terminal, command):
    _, name = terminal
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    assert refused(command, name) == f"{name}: another program has the port open; close it first"
    holder.communicate()


@both
def test_port_without_permission(refused, terminal, monkeypatch, command):
    _, name = terminal
    opened = os.open

    def guarded(path, *arguments, **options):
        if path == name:
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *arguments, **options)
    monkeypatch.setattr(os, "open", guarded)
    assert refused(command, name) == (
        f"{name}: permission denied; add yourself to the port's group (often dialout)")


def test_bit_rate_that_no_port_has(terminal, files, tmp_path, capsys):
    _, name = terminal
    assert run("load", files["first"], "--port", name, "--baud", 1 << 40, "--out", tmp_path) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith(f"qblif: {name}: cannot be opened as a serial port (")


@contextlib.contextmanager
def device(end, answer):
    """Something at the other end that answers bytes by bytes."""
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            if select.select([end], [], [], 0.02)[0]:
                os.write(end, answer(os.read(end, 256)))
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@both
@pytest.mark.parametrize("answer, heard", [
    (lambda data: b"", "nothing"), (lambda data: b"\r\nERROR\r\n", "only noise")],
    ids=["silence", "modem"])
def test_port_without_an_answer(refused, terminal, command, answer, heard):
    end, name = terminal
    with device(end, answer):
        assert refused(command, name, timeout=0.05) == (
            f"The board on {name} does not answer read ({heard} came in 0.3 s): check port, bit "
            "rate and bitstream")


@both
def test_port_that_is_no_board(refused, terminal, command):
    end, name = terminal
    with device(end, lambda data: data):  # An echo.
        assert refused(command, name) == "What answers is no qblif board: check the port"


@both
def test_network_of_another_bitstream(refused, board, tiny, command):
    other = Network.from_dict(tiny[0].spec.to_dict() | {"timesteps": 2})
    assert refused(command, board.port, "other") == (
        f"The board's bitstream is for network {tiny[0].spec.digest}, the file is {other.digest}: "
        "build a bitstream for it, or train the network with --like")


@both
def test_network_file_missing(terminal, tmp_path, capsys, command):
    file = tmp_path / "none.safetensors"
    assert run(command, file, "--port", terminal[1], "--out", tmp_path / "out") == 2
    assert capsys.readouterr().err == f"qblif: {file}: there is no such file\n"
    assert not (tmp_path / "out").exists()


def test_run_without_a_load(refused, board):
    board.reset()
    assert refused("run", board.port).startswith("The board does not hold this network's weights")
