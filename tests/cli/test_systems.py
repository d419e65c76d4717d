import json

import pytest
from cli_cases import run

from qblif.cli import systems
from qblif.golden.training.presets import PRESETS


@pytest.fixture
def placed(monkeypatch):
    """Instead of synthesis: which networks would have been placed."""
    seen = []

    def synthesise(trained, plan, folder, device):
        seen.append(trained)
        return {"lut": 100, "fmax_mhz": 50.0, "multipliers": []}

    monkeypatch.setattr(systems, "synthesise_network", synthesise)
    return seen


def systems_of(images, out, *extra):
    """Exit code of ``qblif systems``."""
    return run("systems", "--data", images, "--epochs", "1", "--qat-epochs", "1", "--images", "2",
               "--lanes", "2", "--simulator", "icarus", "--out", out, *extra)


def test_table_of_two(images, placed, tmp_path, capsys, icarus):
    assert systems_of(images, tmp_path, "--neurons", "qif,shift-lif") == 0
    report = json.loads((tmp_path / "systems.json").read_text())
    assert list(report) == ["qif", "shift-lif"]
    kinds = [(p.populations[0].neuron.leak.kind, p.populations[0].neuron.quantiser.spacing)
             for p in (trained.spec for trained in placed)]
    assert kinds == [("quadratic", "uniform"), ("decay", "powers")]
    for found in report.values():
        assert found["ok"] and found["mismatches"]["levels"] == 0 < found["levels_compared"]
        assert found["joules"]["paper"] > found["joules"]["shift"]
    shown = capsys.readouterr().out
    assert "One neuron, three axes" in shown and "shift-lif" in shown
    # What is finished is not trained again; another budget is.
    assert systems_of(images, tmp_path, "--neurons", "qif") == 0 and len(placed) == 2
    assert systems_of(images, tmp_path, "--neurons", "qif", "--seed", "1") == 0 and len(placed) == 3


def test_what_is_kept_is_of_the_same_data_and_simulator(images, other_images, tmp_path,
                                                        monkeypatch):
    measured = []

    def measure(trained, pictures, folder, count, lanes, simulator, device):
        measured.append(simulator)
        return {"ok": True, "accuracy": dict.fromkeys(("float", "integer", "rtl"), 0.5),
                "mismatches": {"levels": 0}, "levels_compared": 1, "joules": {"paper": 0},
                "operations": 1, "cycles": {"interval_mean": 1.0}, "lut": 1, "fmax_mhz": 1.0}

    monkeypatch.setattr(systems, "measure", measure)
    out = tmp_path / "out"
    for k, (folder, *options) in enumerate((
            [images], [other_images(5, 1)], [other_images(0, 5)], [images],
            [images, "--simulator", "verilator"])):
        assert systems_of(folder, out, "--neurons", "qif", *options) == 0 and len(measured) == k + 1
        assert systems_of(folder, out, "--neurons", "qif", *options) == 0 and len(measured) == k + 1


def test_a_name_that_there_is_not(images, placed, tmp_path, capsys):
    assert systems_of(images, tmp_path, "--neurons", "qb-lif,alif") == 2
    assert capsys.readouterr().err.strip() == (
        f"qblif: Neuron must be one of {', '.join(PRESETS)}, not 'alif'")
    assert not placed and not list(tmp_path.glob("*/network.safetensors"))
