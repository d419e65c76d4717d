"""``--json``: standard output is the report, and nothing else."""

import inspect
import json
import sys

import pytest
from cli_cases import NETWORK, TINY, run

from qblif.cli.main import app

COMMANDS = {  # Those that end within seconds, and what they are asked.
    "info": [NETWORK],
    "boards": [],
    "verilog": [NETWORK, "--lanes", "4"],
    "trace": [NETWORK, "--neuron", "hidden1/3", "--lanes", "4"],
    "analyse": [NETWORK, "--images", "20"],
    "export": [NETWORK],
    "report": [NETWORK, "--images", "0"],
    "train": [*TINY, "--timesteps", "1"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_standard_output_is_the_report(command, tmp_path, capsys):
    assert run(command, *COMMANDS[command], "--out", tmp_path, "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads((tmp_path / f"{command}.json").read_text())
    assert str(tmp_path) in printed.err


def test_without_it_the_report_is_for_people(tmp_path, capsys):
    run("info", NETWORK, "--out", tmp_path, "--json")
    capsys.readouterr()
    assert run("info", NETWORK, "--out", tmp_path) == 0
    printed = capsys.readouterr()
    assert "network digest" in printed.out and "{" not in printed.out and not printed.err


def test_an_error_prints_no_report(tmp_path, capsys):
    assert run("info", tmp_path / "none", "--out", tmp_path, "--json") == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", app.registered_commands,
                         ids=lambda command: command.name or command.callback.__name__)
def test_every_command_has_it(command):
    name = command.name or command.callback.__name__.replace("_", "-")
    assert "json" in inspect.signature(command.callback).parameters
    source = inspect.getsource(sys.modules[command.callback.__module__])
    assert f'_report(folder, "{name}"' in source or f'_report(out, "{name}"' in source \
        or name == "demo"  # Its quick form makes the folder on the same line.
