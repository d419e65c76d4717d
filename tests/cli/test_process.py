"""The command as a process: how it ends, and what reaches a pipe."""

import json
import os
import pty
import subprocess
import sys
from importlib.metadata import version

import pytest
from cli_cases import NETWORK, run

from qblif.boards import program as programming
from qblif.cli.main import app
from qblif.golden.spec.errors import InvalidValue

PLAIN = {key: value for key, value in os.environ.items()
         if key not in ("FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "QBLIF_DEBUG")}


def qblif(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "qblif", *map(str, arguments)], text=True,
                          timeout=120, **{"capture_output": True, "env": PLAIN} | options)


def test_version():
    done = qblif("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"qblif {version('qblif')}\n", "")


def test_completion():
    done = subprocess.run(
        [sys.executable, "-c", "from qblif.cli.main import app; app(prog_name='qblif')"],
        capture_output=True, text=True, env=PLAIN | {
            "_QBLIF_COMPLETE": "complete_bash", "COMP_WORDS": "qblif sim", "COMP_CWORD": "1"})
    assert done.stdout.split() == ["simulate"]


def on_terminal(*arguments, **environment):
    """What the command prints on a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "qblif", *map(str, arguments)], stdin=theirs, stdout=theirs,
        stderr=theirs, env=PLAIN | {"TERM": "xterm"} | environment)
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 4096):
            text += chunk
    except OSError:  # The other end is closed.
        pass
    os.close(ours)
    assert process.wait(120) == 0
    return text.decode()


def test_a_pipe_that_is_closed(tmp_path):
    """The reader has seen enough: the report is written all the same, and all is well."""
    reader, writer = os.pipe()
    os.close(reader)
    done = qblif("info", NETWORK, "--out", tmp_path, stdout=writer, stderr=subprocess.PIPE,
                 capture_output=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "info.json").read_text())["network_digest"]


@pytest.mark.parametrize("closed, code, arguments", [
    ("stdout", 0, ["info", NETWORK, "--json"]), ("stderr", 0, ["info", NETWORK, "--json"]),
    ("stderr", 2, ["info", "none.safetensors"]), ("stdout", 141, ["info", "--help"])])
def test_what_a_closed_pipe_leaves(tmp_path, closed, code, arguments):
    """The other output whole, and no exit code that says that the hardware differs."""
    reader, writer = os.pipe()
    os.close(reader)
    done = qblif(*arguments, "--out", tmp_path, capture_output=False, **{
        "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {closed: writer})
    os.close(writer)
    assert done.returncode == code
    report = tmp_path / "info.json"
    assert report.is_file() is (code == 0)
    if closed == "stderr":
        assert done.stdout == (report.read_text() if code == 0 else "")
    else:
        assert "Traceback" not in done.stderr and "Broken pipe" not in done.stderr


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}])
def test_a_pipe_gets_results_alone(tmp_path, environment):
    done = qblif("verilog", NETWORK, "--out", tmp_path, env=PLAIN | environment)
    assert done.returncode == 0 and done.stderr == ""
    assert "generate Verilog" not in done.stdout and "128 x 784" not in done.stdout
    assert "…" not in done.stdout and "hidden1 to output" in done.stdout
    assert ("\x1b[" in done.stdout) is bool(environment)


def test_a_terminal_gets_progress_and_colours(tmp_path):
    text = on_terminal("verilog", NETWORK, "--out", tmp_path)
    assert "generate Verilog" in text and "\x1b[1m" in text
    text = on_terminal("verilog", NETWORK, "--out", tmp_path, NO_COLOR="1")
    assert "\x1b[3" not in text


def test_a_pipe_that_closes(tmp_path):
    command = f"{sys.executable} -m qblif info {NETWORK} --out {tmp_path} | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=PLAIN)
    assert "input 28x28" in done.stdout and "Traceback" not in done.stderr


# How a command ends.

@pytest.mark.parametrize("error", [TypeError("unsupported operand"), KeyError("hidden"),
                                   RuntimeError("shape mismatch"), AssertionError(),
                                   ValueError("math domain error")])
def test_a_bug_shows_itself(capsys, tmp_path, monkeypatch, error):
    def fail(*_):
        raise error
    monkeypatch.setattr("qblif.cli.info.open_network", fail)
    assert run("info", NETWORK, "--out", tmp_path) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "qblif: this is a bug; please report it with the lines above"


@pytest.mark.parametrize("error, text", [
    (InvalidValue("Lanes must be\n even"), "Lanes must be even"),
    (PermissionError(13, "Permission denied", "x"), "[Errno 13] Permission denied: 'x'"),
    (ModuleNotFoundError(name="torch"), "torch is not installed: pip install 'qblif[all]'")])
def test_what_the_user_can_mend_is_one_line(capsys, tmp_path, monkeypatch, error, text):
    def fail(*_):
        raise error
    monkeypatch.setattr("qblif.cli.info.open_network", fail)
    assert run("info", NETWORK, "--out", tmp_path) == 2
    assert capsys.readouterr().err == f"qblif: {text}\n"


# DIR/<command>.json

def test_program_writes_its_report(tmp_path, monkeypatch):
    (tmp_path / "a.bit").write_bytes(b"x")
    monkeypatch.setattr(programming, "command", lambda *a, **k: ["true"])
    assert run("program", tmp_path / "a.bit", "--board", "ulx3s_85f", "--out", tmp_path) == 0
    assert json.loads((tmp_path / "program.json").read_text()) == {
        "board": "ulx3s_85f", "bitstream": str(tmp_path / "a.bit"), "flash": False, "tool": "true"}


def test_every_command_takes_a_folder_for_its_report(capsys):
    for command in app.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        assert run(name, "--help") == 0
        assert "--out" in capsys.readouterr().out
