import numpy as np
import pytest
import torch

from qblif.golden.study.deadzone import compare
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.quantise import quantise
from qblif.golden.training.train import train_float


def trained():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200).astype(np.uint8)
    images = (rng.integers(0, 150, (200, 4, 4)) + 80 * labels[:, None, None]).astype(np.uint8)
    dataset = Dataset("grey", images, labels, images, labels)
    config = TrainConfig(hidden=(16,), timesteps=4, beta=0.875, epochs=3, batch=20, gamma=0.3,
                         gain=1.0, input_n_max=4)
    return train_float(config, dataset).eval()


def test_more_fraction_bits_are_nearer_to_the_float_network():
    """Labels are its own answers: on the finest grid every one is right, with either leak."""
    net = trained()
    levels = torch.randint(0, 5, (1000, 16), generator=torch.manual_seed(0))
    labels = net(levels.float()).logits.argmax(1)
    floor, real, differ = zip(*(compare(net, levels, labels, f) for f in (1, 5, 12)), strict=True)
    assert differ[0] > differ[1] > differ[2] and differ[2] < 0.001
    for share in (floor, real):
        assert 0.9 < share[0] < share[1] < share[2] == 1.0
    wrong = compare(net, levels, 1 - labels, 1)[:2]
    assert wrong == pytest.approx((1 - floor[0], 1 - real[0]))


def test_each_accuracy_is_of_its_leak():
    """A membrane below 2**3 keeps all with the floor leak, 7/8 of it with the real one."""
    net = trained()
    levels = torch.randint(0, 5, (1000, 16), generator=torch.manual_seed(0))
    quantised = quantise(net, w_width=16)
    for stage in quantised.stages[:-1]:
        stage.f.fill_(2)
    classes = quantised(levels).logits.argmax(1)
    floor, real, _ = compare(net, levels, classes, 2)
    assert floor == 1.0 > real > 0.9
