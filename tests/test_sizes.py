"""Files and functions stay short enough to be read at once."""

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE, ELABORATE, FUNCTION = 250, 60, 70  # Lines, at most.

# What may be longer, and why.
LONGER = {
    "cli/train.py: train": "a parameter for each option, with its help",
}


def tracked(*patterns):
    """Names of the files that git tracks and that are there, from the root."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def long_files(texts):
    """``{name: lines}`` of the files that are too long."""
    counts = {name: len(text.splitlines()) for name, text in texts.items()}
    return {name: count for name, count in counts.items() if count > FILE}


def long_functions(texts):
    """``{"name: function": lines}`` of the functions that are too long, without decorators."""
    found = {}
    for name, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = node.end_lineno - node.lineno + 1
                if count > (ELABORATE if node.name == "elaborate" else FUNCTION):
                    found[f"{name}: {node.name}"] = count
    return found


def test_sizes():
    texts = {name: (ROOT / name).read_text() for name in tracked("*.py", "*.v", "*.cpp")}
    assert "tests/test_sizes.py" in texts and "hw/core/neuron.py" in texts
    python = {name: text for name, text in texts.items() if name.endswith(".py")}
    found = long_files(texts) | long_functions(python)
    lost = [name for name in LONGER if name not in found]
    assert not lost, f"these are short now, take them out of LONGER: {lost}"
    longer = {name: count for name, count in found.items() if name not in LONGER}
    assert not longer, f"above {FILE} lines a file, {ELABORATE} an elaborate, {FUNCTION} a function"


def test_one_line_too_many_is_found():
    assert long_files({"a.v": "\n" * FILE, "b.v": "\n" * (FILE + 1)}) == {"b.v": FILE + 1}
    for name, most in (("elaborate", ELABORATE), ("other", FUNCTION)):
        for head in ("def", "async def"):
            text = f"class A:\n    {head} {name}(self):\n" + "        pass\n" * (most - 1)
            assert not long_functions({"a.py": text})
            assert long_functions({"a.py": text + "        pass\n"}) == {f"a.py: {name}": most + 1}
