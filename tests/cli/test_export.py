"""``qblif export``, and the way back."""

import json

from cli_cases import NETWORK, refusal, run
from import_cases import import_, network

from qblif.golden.spec.artifact import load

__all__ = ["network"]


def test_there_and_back(out, tmp_path, capsys):
    assert run("export", NETWORK, "--out", out) == 0
    assert "other readers do not see: levels above 1 (up to 15), the reset gate" in (
        capsys.readouterr().out)
    report = json.loads((out / "export.json").read_text())
    back = tmp_path / "back"
    assert run("import", out / "network.nir", "--from", "qblif", "--out", back) == 0
    ours, theirs = load(NETWORK), load(back / "network.safetensors")
    assert ours.spec == theirs.spec and ours.notes == theirs.notes
    assert ours.weights_digest == theirs.weights_digest == report["weights_digest"]


def test_checked_against_a_recording(network, out, tmp_path, capsys):
    """A foreign network, imported, exported and imported once more, gives the recorded spikes."""
    first, back = tmp_path / "first", tmp_path / "back"
    assert run(*import_(*network), "--out", first) == 0
    assert run("export", first / "network.safetensors", "--out", out) == 0
    capsys.readouterr()
    words = "import", out / "network.nir", "--from", "qblif"
    assert run(*words, "--check", network[1], "--out", back) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "read as qblif: as its metadata have it", "population1: 1,600 of 1,600 spikes equal",
        "population2: 960 of 960 spikes equal"]
    assert refusal(capsys, *words, "--reset", "zero", out=tmp_path / "none").startswith(
        "A file that qblif wrote says all of its neurons")
    assert refusal(capsys, "import", network[0], "--from", "qblif",
                   out=tmp_path / "none").endswith("it has no metadata of ours")
