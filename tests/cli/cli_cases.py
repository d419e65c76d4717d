"""Runs of a command in this process, and the one line with which it refuses."""

from pathlib import Path

import pytest

from qblif.cli.main import main

NETWORK = str(Path(__file__).parents[2] / "networks" / "mnist-mlp.safetensors")
FINISHED = ("*.json", "*.v", "*.safetensors", "*.pt")  # What a command leaves when it is done.
TINY = ["--hidden", "6", "--epochs", "1", "--qat-epochs", "1", "--batch", "20"]


def run(*arguments):
    """Exit code of ``qblif ARGUMENTS``."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


def analyse(*arguments):
    """Exit code of ``qblif analyse ARGUMENTS``."""
    return run("analyse", *arguments)


def refusal(capsys, *arguments, out):
    """The one line with which a command refuses, having written nothing that looks finished."""
    capsys.readouterr()
    assert run(*arguments, "--out", out) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith("qblif: ")
    assert out.is_file() or not [p for kind in FINISHED for p in out.rglob(kind)]
    return line.removeprefix("qblif: ")
