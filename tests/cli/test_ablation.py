"""``qblif ablation``: what is shown and kept, and what is not trained again."""

import json
from dataclasses import replace

import pytest
from cli_cases import run

from qblif.cli.common import console
from qblif.golden.study import ablation, charts
from qblif.golden.training.config import TrainConfig

TINY = TrainConfig(net="2c5s4", batch=20, epochs=2, qat_epochs=1, gamma=0.5, gain=1.0,
                   validation=0.2)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(ablation, "BASE", TINY)
    monkeypatch.setattr(console, "width", 200)  # Cells on one line, whatever COLUMNS says.


@pytest.fixture
def measured(monkeypatch):
    """The configurations that were trained, in order."""
    seen, own = [], ablation.measure

    def measure(config, images):
        assert images.shape[-1] == (config.resolution or 3)  # Whose images are 4x3.
        seen.append(config)
        return own(config, images)

    monkeypatch.setattr(ablation, "measure", measure)
    return seen


def ablate(out, *arguments):
    """Exit code of ``qblif ablation`` in this process."""
    return run("ablation", *arguments, "--out", out, "--workers", 0)


def test_a_table(images, tmp_path, capsys, measured):
    assert ablate(tmp_path, "timesteps", "--data", images, "--seeds", 2) == 0
    report = json.loads((tmp_path / "ablation.json").read_text())
    assert list(report["rows"]) == ["T = 1", "T = 2", "T = 4"]
    assert {(c.timesteps, c.seed) for c in measured} == {(t, s) for t in (1, 2, 4) for s in (0, 1)}
    shown = capsys.readouterr().out
    for row in report["rows"].values():
        assert len(row["trainings"]) == 2
        assert f"{row['integer'][0]:.2f} +- {row['integer'][1]:.2f}" in shown
        assert f"{row['validation'][0]:.2f} +- {row['validation'][1]:.2f}" in shown
        assert [len(one["validation"]["float"]) for one in row["trainings"]] == [2, 2]
    assert report["rows"]["T = 4"]["paper"] == 96.43 and "96.43" in shown
    picture = (tmp_path / "ablation.svg").read_text()
    assert all(name in picture for name in report["rows"])
    other = (tmp_path / "operations.svg").read_text()
    assert all(name in other for name in report["rows"]) and "operations an image" in other


def test_rows_and_recipe(images, tmp_path, measured):
    assert ablate(tmp_path, "timesteps", "--data", images, "--seeds", 1, "--rows", "T = 2",
                  "--epochs", 1, "--qat-epochs", 0, "--net", "3c5s4", "--set", "gamma=0.75") == 0
    config, = measured
    assert config == replace(TINY, timesteps=2, epochs=1, qat_epochs=0, net="3c5s4", gamma=0.75)
    assert ablate(tmp_path, "timesteps", "--data", images, "--seeds", 1, "--rows", "T = 1",
                  "--recipe", "embedded", "--epochs", 1, "--qat-epochs", 0) == 0
    assert measured[1].hidden == (128,) and measured[1].net == "dense"


def test_a_row_of_another_resolution(images, tmp_path, measured):
    assert ablate(tmp_path, "timesteps", "--data", images, "--seeds", 1, "--rows", "T = 1",
                  "--set", "resolution=5") == 0
    assert [config.resolution for config in measured] == [5]


def test_operations_are_of_the_integers_and_of_shifts(images, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(charts, "draw_operations", lambda rows: drawn.append(rows) or "<svg/>")
    assert ablate(tmp_path, "timesteps", "--data", images, "--seeds", 2) == 0
    assert (tmp_path / "operations.svg").read_text() == "<svg/>"
    rows = json.loads((tmp_path / "ablation.json").read_text())["rows"]
    assert drawn == [{name: [(one["operations"]["shift"], one["integer"])
                             for one in row["trainings"]] for name, row in rows.items()}]


@pytest.mark.parametrize("rows", ["", "T = 2"])
def test_curves_are_of_the_validation_images(images, tmp_path, monkeypatch, rows):
    """Of all rows, or of those that are asked for."""
    drawn = []
    monkeypatch.setattr(charts, "draw_curves", lambda rows: drawn.append(rows) or "<svg/>")
    assert ablate(tmp_path, "timesteps", "--data", images, "--seeds", 2, "--rows", rows) == 0
    assert (tmp_path / "ablation.svg").read_text() == "<svg/>"
    assert list(drawn[0]) == (["T = 1", "T = 2", "T = 4"] if not rows else [rows])
    kept = [json.loads(path.read_text())["validation"]["float"]
            for path in (tmp_path / "trainings").iterdir()]
    lines = [line for seeds in drawn[0].values() for line in seeds]
    assert sorted(lines) == sorted(kept) and {len(line) for line in lines} == {2}


def test_nothing_held_out(images, tmp_path):
    assert ablate(tmp_path, "timesteps", "--data", images, "--seeds", 1, "--rows", "T = 1",
                  "--set", "validation=0") == 0
    row, = json.loads((tmp_path / "ablation.json").read_text())["rows"].values()
    assert row["validation"] is None and not (tmp_path / "ablation.svg").exists()
    assert (tmp_path / "operations.svg").exists()


def test_a_finished_training_is_not_repeated(images, other_images, tmp_path, measured, capsys):
    command = "timesteps", "--seeds", 1, "--rows", "T = 1", "--data"
    assert ablate(tmp_path, *command, images) == 0
    file, = (tmp_path / "trainings").iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"integer": 0.125}))
    capsys.readouterr()
    assert ablate(tmp_path, *command, images) == 0
    assert len(measured) == 1 and "12.50 +- 0.00" in capsys.readouterr().out
    # On other images, of other epochs it is another training.
    assert ablate(tmp_path, *command, other_images(5, 1)) == 0
    assert ablate(tmp_path, *command, images, "--epochs", 1) == 0
    assert len(measured) == 3 == len(list((tmp_path / "trainings").iterdir()))


@pytest.mark.parametrize(("arguments", "reason"), [
    (("table-7",), f"Table must be one of {', '.join(ablation.TABLES)}, not 'table-7'"),
    (("timesteps", "--rows", "T = 3"),
     "No row of timesteps begins with 'T = 3': they are T = 1; T = 2; T = 4"),
    (("timesteps", "--set", "gamma"), "--set takes FIELD=VALUE, not 'gamma'"),
    (("timesteps", "--recipe", "mnits"), "Recipe must be one of"),
])
def test_refusals(images, tmp_path, capsys, measured, arguments, reason):
    assert ablate(tmp_path / "out", *arguments, "--data", images) == 2
    assert reason in capsys.readouterr().err.replace("\n", " ")
    assert not measured and not (tmp_path / "out").exists()
