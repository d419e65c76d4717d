"""The notebooks run from top to bottom, and say what their text says."""

import os
import re
import sys
from pathlib import Path

import pytest
from needs import needs

nbformat = pytest.importorskip("nbformat", reason="notebooks need the docs extra")
nbclient = pytest.importorskip("nbclient", reason="notebooks need the docs extra")

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"

# What each prints, among other things.
PRINTED = {
    "first-network": (
        r"right: (19\d|200) of 200",
        r"20 frames on verilator: 0 of 5,120 levels, 0 of 5,520 membranes and 0 classes differ",
        r"equal to the simulation: True",
        r"right: [789]\d\.\d% of 1,000 digits that were held out"),
    "from-snntorch": (
        r"reset late", r"1: 360 of 360 spikes equal", r"3: 216 of 216 spikes equal",
        r"population1: 0 of 360 spikes differ", r"population2: 0 of 216 spikes differ",
        r"population1, RTL: 0 of 360 spikes differ", r"population2, RTL: 0 of 216 spikes differ",
        r"fits up5k", r"frame 0, timestep 2, neuron 1", r"exit code 1"),
    "to-a-board": (
        r"\n 1 lanes, .*does not fit hx8k", r"\nfits hx8k", r"output +1 o__valid",
        r"levels of hidden1 that differ: 0 of 240\n", r"classes that differ: 0\n",
        r"cycles that differ: 0\n"),
}


def code_cells(text):
    return re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def printed(cells, folder):
    """What ``cells`` print, run in a kernel of their own in ``folder``; an error is raised."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, timeout=600, kernel_name="python3",
                            resources={"metadata": {"path": str(folder)}}).execute()
    return "".join(output.get("text", "") for cell in book.cells for output in cell.outputs)


@pytest.fixture
def kernel(user_cache, monkeypatch):
    """Builds of simulations are kept; the kernel finds our command."""
    needs("verilator")
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent),
                                                os.environ["PATH"]]))


def test_every_notebook_is_tested():
    assert {file.stem for file in FOLDER.iterdir()} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_runs(name, tmp_path, kernel):
    text = (FOLDER / f"{name}.md").read_text()
    cells = code_cells(text)
    assert len(cells) == text.count("{code-cell}") >= 5
    found = printed(cells, tmp_path)
    for pattern in PRINTED[name]:
        assert re.search(pattern, found), f"{pattern}\n{found}"


def test_an_error_is_noticed(tmp_path):
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        printed(["1 / 0"], tmp_path)
