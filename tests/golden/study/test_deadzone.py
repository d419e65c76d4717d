import numpy as np
import torch

from qblif.golden.study.deadzone import compare
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.train import train_float


def trained():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200).astype(np.uint8)
    images = (rng.integers(0, 150, (200, 4, 4)) + 80 * labels[:, None, None]).astype(np.uint8)
    dataset = Dataset("grey", images, labels, images, labels)
    config = TrainConfig(hidden=(16,), timesteps=4, beta=0.875, epochs=3, batch=20, gamma=0.3,
                         gain=1.0, input_n_max=4)
    return train_float(config, dataset).eval()


def test_more_fraction_bits_more_equal_levels():
    net = trained()
    levels, labels = torch.randint(0, 5, (300, 16)), torch.zeros(300, dtype=torch.int64)
    differ = [compare(net, levels, labels, f)[2] for f in (2, 5, 12)]
    assert differ[0] > differ[1] > differ[2]
    assert differ[2] < 0.001
