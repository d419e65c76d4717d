"""Files that the frameworks' own exporters wrote, with the spikes that they gave; made by
``export_frameworks.py``."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_cases import run

from qblif.golden.spec.artifact import load
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.sim.pysim import run_network

pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

FILES = sorted((Path(__file__).parents[1] / "golden/foreign/exported").glob("*.nir"))
LEAKY = {f"snntorch-leaky-{reset}{late}" for reset in ("subtract", "zero", "none")
         for late in ("", "-at-once")}


def test_the_files_are_small_and_of_every_framework():
    assert {file.stem for file in FILES} >= LEAKY
    assert {file.stem.split("-")[0] for file in FILES} == {
        "snntorch", "spikingjelly", "norse", "sinabs", "rockpool"}
    assert all(file.stat().st_size < 30_000 for file in FILES)


def imported(file, out):
    """The network that the command made of a file by its recording."""
    assert run("import", file, "--from", file.stem.split("-")[0], "--check",
               file.with_suffix(".npz"), "--out", out) == 0
    assert json.loads((out / "import.json").read_text())["equal"]
    return load(out / "network.safetensors")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_spike(file, out):
    trained = imported(file, out)
    assert [p.size for p in trained.spec.populations] == [5, 3]


@pytest.mark.parametrize("name", [*sorted(LEAKY), "snntorch-rsynaptic-zero"])
def test_every_spike_on_the_rtl(name, out):
    """Of snnTorch's resets, which are one and the same node in the files."""
    file = FILES[0].parent / f"{name}.nir"
    trained = imported(file, out)
    layout = compile(trained.spec, make_plan(trained.spec, lanes=3))
    with np.load(file.with_suffix(".npz")) as arrays:
        input, *spikes = (arrays[name].astype(int)[:, :3]
                          for name in ("input", "spikes_0", "spikes_1"))
    rtl = run_network(trained, layout, input.transpose(1, 0, 2))
    for k, theirs in enumerate(spikes, 1):
        assert theirs.any()
        np.testing.assert_array_equal(rtl.levels[f"population{k}"], theirs)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_the_files_differ_in_nothing_but_their_spikes(reset, capsys, out):
    """snnTorch writes the same node for each reset: the recording of another one is no match."""
    folder = FILES[0].parent
    assert run("import", folder / f"snntorch-leaky-{reset}.nir", "--from", "snntorch", "--check",
               folder / "snntorch-leaky-none.npz", "--out", out) == 1
    assert not out.exists() and "nearest reading" in capsys.readouterr().out
