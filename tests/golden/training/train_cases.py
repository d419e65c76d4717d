"""A short training on noisy bars."""

import numpy as np

from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.dataset import Dataset

TINY = TrainConfig(hidden=(12, 10), epochs=3, qat_epochs=2, batch=32, lr=0.02, qat_lr=2e-3,
                   gamma=0.3, gain=1.0, shift=1.0, rotate=5.0, shear=2.0, scale=0.05, activity=0.01)


def stripes(n, seed):
    """Horizontal, vertical and diagonal bars of 8x8 pixels under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n).astype(np.uint8)
    y, x = np.mgrid[:8, :8]
    bars = np.stack([y % 4 < 2, x % 4 < 2, (x + y) % 4 < 2])[labels]
    return (bars * 160 + rng.integers(0, 90, (n, 8, 8))).astype(np.uint8), labels


STRIPES = Dataset("stripes", *stripes(300, 0), *stripes(100, 1))


def assert_same_bits(one, other):
    assert one.spec == other.spec
    assert one.weights_digest == other.weights_digest
    assert ({k: v for k, v in one.notes.items() if k != "seconds"}
            == {k: v for k, v in other.notes.items() if k != "seconds"})


class Interrupted(Exception):
    pass
