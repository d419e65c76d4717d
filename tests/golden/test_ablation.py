from dataclasses import replace

import numpy as np

from qblif.golden.ablation import ROWS, row
from qblif.golden.config import TrainConfig
from qblif.golden.data import Dataset
from qblif.golden.train import train_float


def part():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 8, 8)).astype(np.uint8)
    labels = (images[:, 0, 0] > 127).astype(np.uint8)
    return Dataset("noise", images, labels, images, labels)


BASE = TrainConfig(net="4c3s2", batch=50, epochs=1, qat_epochs=1, gamma=0.5, gain=1.0)


def test_every_row_trains():
    dataset = part()
    for name in ROWS:
        (full, exact, seconds), = row(name, BASE, dataset, [0])
        assert 0 <= full <= 1 and 0 <= exact <= 1 and seconds > 0


def test_gamma_stays_where_it_is_not_learned():
    fixed = train_float(replace(BASE, **ROWS["I-LIF"]), part()).gammas["conv1"]
    learned = train_float(replace(BASE, **ROWS["QB-LIF"]), part()).gammas["conv1"]
    assert abs(fixed - 0.5) < 1e-6 < abs(learned - 0.5)
