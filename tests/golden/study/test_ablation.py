from dataclasses import replace

import numpy as np
import pytest

from qblif.golden.study.ablation import BASE, TABLES, measure, summary
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.train import train_float

TINY = TrainConfig(net="4c3s2", batch=50, epochs=1, qat_epochs=1, gamma=0.5, gain=1.0)


def part():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 8, 8)).astype(np.uint8)
    labels = (images[:, 0, 0] > 127).astype(np.uint8)
    return Dataset("noise", images, labels, images, labels)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_trains(table):
    for row in TABLES[table].values():
        found = measure(replace(TINY, **row.changes), part())
        assert 0 <= found["float"] <= 1 and 0 <= found["integer"] <= 1
        assert found["operations"]["shift"] <= found["operations"]["repeat"]
        assert found["joules"]["paper"] > found["joules"]["shift"] > 0


def test_rows_differ_from_each_other():
    for rows in TABLES.values():
        assert len({str(replace(BASE, **row.changes)) for row in rows.values()}) == len(rows)


def test_gamma_stays_where_it_is_not_learned():
    rows = TABLES["neurons"]
    fixed, learned = (train_float(replace(TINY, **rows[f"{name}, rectangular"].changes),
                                  part()).gammas["conv1"] for name in ("I-LIF", "QB-LIF"))
    assert abs(fixed - 0.5) < 1e-6 < abs(learned - 0.5)


def test_mean_and_spread_over_seeds():
    runs = [{"float": f, "integer": 0.5, "operations": {"shift": 2.0, "repeat": 4.0},
             "joules": {"paper": 1e-9}, "n_max": n_max,
             "validation": {"float": [0.25, f + 0.25], "quantised": []}}
            for f, n_max in ((0.5, [3, 7]), (0.6, [4, 7]), (0.7, [8, 10]))]
    found = summary(runs)
    assert found["validation"] == pytest.approx((85.0, 10.0))
    for run in runs:
        run["validation"]["quantised"] = [0.125, 0.375]
    assert summary(runs)["validation"] == (37.5, 0.0)
    assert summary([run | {"validation": None} for run in runs])["validation"] is None
    assert found["float"] == pytest.approx((60.0, 10.0)) and found["integer"] == (50.0, 0.0)
    assert (found["shift"], found["repeat"]) == (2.0, 4.0)
    assert found["nanojoules"] == pytest.approx(1.0) and found["n_max"] == [5, 8]


def test_papers_rows():
    """Tables 5 and 6 of arXiv:2604.25688."""
    assert {name: row.paper for name, row in TABLES["neurons"].items() if row.paper} == {
        "binary LIF, Box-ET": 90.50, "I-LIF, Box-ET": 93.85, "QB-LIF, Box-ET": 95.05,
        "I-LIF, ReLSG-ET": 94.45, "QB-LIF, ReLSG-ET": 95.58}
    assert [row.paper for row in TABLES["n-max"].values()] == [
        90.50, 93.35, 94.13, 94.64, 95.03, 95.58]
