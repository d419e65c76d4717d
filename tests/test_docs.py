"""The examples in the documents: each block of Python runs by itself, and the command line takes
each command."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer

from qblif.cli.main import app

ROOT = Path(__file__).parents[1]
RUN = ("README.md", "docs/own-network.md", "docs/trace.md")
READ = sorted(str(file.relative_to(ROOT))
              for file in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
# What a placeholder stands for, where an option takes numbers.
NUMBERS = {"--images": "5", "--seed": "1", "--lanes": "4"}


def python_blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def command_lines(text):
    """Indented lines that start a program of ours, continued ones as one, without comments."""
    text = re.sub(r" \\\n\s+", " ", text)
    lines = re.findall(r"^    ((?:qblif|python -m qblif)\b.*)$", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize("name", RUN)
def test_python_runs(name, tmp_path, monkeypatch, user_cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache))
    for block in python_blocks((ROOT / name).read_text()):
        exec(compile(block, name, "exec"), {"__name__": "example"})


def complaint(words):
    """What the command line says of ``qblif WORDS``, or ``None``; nothing is run."""
    words = [NUMBERS.get(before, word) if word in ("N", "L", "SEED") else word
             for before, word in zip(["", *words], words, strict=False)]
    group = typer.main.get_command(app)
    try:
        with group.make_context("qblif", words) as context:
            name, command, rest = group.resolve_command(
                context, [*context._protected_args, *context.args])
            command.make_context(name, rest, parent=context).close()
    except Exception as error:
        if not hasattr(error, "format_message"):  # Of click, under whatever name typer has it.
            raise
        return error.format_message()


@pytest.mark.parametrize("name", READ)
def test_commands_are_accepted(name):
    for words in command_lines((ROOT / name).read_text()):
        module = words[words.index("-m") + 1] if words[0] == "python" else "qblif.cli.main"
        assert importlib.util.find_spec(module), f"{name}: {' '.join(words)}"
        if words[0] == "qblif":
            assert (name, words, complaint(words[1:])) == (name, words, None)


def test_finds_the_examples():
    assert len(python_blocks((ROOT / RUN[1]).read_text())) >= 3
    assert len(command_lines((ROOT / "README.md").read_text())) >= 10
    assert command_lines("    qblif a \\\n        --b  # c\n") == [["qblif", "a", "--b"]]


@pytest.mark.parametrize("line", [
    "qblif simulate x --imagse 5", "qblif fly", "qblif info", "qblif synth x --frequency fast"])
def test_notices_a_wrong_command(line):
    assert complaint(shlex.split(line)[1:])
