"""A training loop of one's own, without Dataset or TrainConfig: float, QAT, export, activity."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from qblif.golden import integer
from qblif.golden.activity import activity, measure_activity
from qblif.golden.spec.artifact import load
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.convert import from_torch
from qblif.golden.training.export import export
from qblif.golden.training.modules import QBLIF
from qblif.golden.training.quantise import quantise


def bars(n, seed):
    """Horizontal and vertical bars of 8x8 pixels under noise, and which of the two each is."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    y, x = np.mgrid[:8, :8]
    images = np.stack([y % 4 < 2, x % 4 < 2])[labels] * 150 + rng.integers(0, 100, (n, 8, 8))
    return images.astype(np.uint8), labels


def fit(net, levels, labels, steps, lr):
    optimiser = torch.optim.AdamW(net.train().parameters(), lr)
    for _ in range(steps):
        loss = functional.cross_entropy(net(levels.float()).logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    images, labels = bars(200, 0)
    levels, labels = torch.from_numpy(to_levels(images, 3)), torch.from_numpy(labels)
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), QBLIF(n_max=4),
        nn.Flatten(), nn.Linear(64, 2))
    net = from_torch(layers, input_shape=(1, 8, 8), timesteps=2, input_n_max=3)
    fit(net, levels, labels, 40, 1e-2)
    quantised = quantise(net.eval(), w_width=4)
    fit(quantised, levels, labels, 20, 1e-3)
    trained = export(quantised.eval())
    return replace(trained, activity=measure_activity(trained, levels.split(64)))


def test_it_has_learned(trained):
    images, labels = bars(100, 1)
    assert (trained.run(images) == labels).mean() > 0.95
    np.testing.assert_array_equal(trained.run(images), trained.run(images[:, None]))


def test_images_are_levels(trained):
    images, _ = bars(100, 1)
    levels = to_levels(images, 3)
    expected = integer.run(trained, levels).classes.numpy()
    np.testing.assert_array_equal(trained.run(levels), expected)
    np.testing.assert_array_equal(trained.run(images), expected)


def test_images_of_another_size(trained):
    with pytest.raises(ValueError, match=r"^Images have 72 pixels, but the network's input has 64"):
        trained.run(np.zeros((2, 8, 9), np.uint8))


def test_activity_is_the_mean_over_all_batches(trained, tmp_path):
    levels = to_levels(bars(200, 0)[0], 3)
    whole = activity(trained.spec, {"input": levels} | integer.run(trained, levels).levels)
    for synapse, figures in whole.items():
        assert trained.activity[synapse] == pytest.approx(figures, rel=1e-12)
    trained.save(tmp_path / "own.safetensors")
    assert load(tmp_path / "own.safetensors").activity == trained.activity


def test_activity_of_nothing(trained):
    with pytest.raises(ValueError, match=r"^Activity needs at least 1 frame, not 0$"):
        measure_activity(trained, [])


def test_activity_of_an_input_over_time(trained):
    """Each timestep of such a frame counts."""
    spec = replace(trained.spec, input=replace(trained.spec.input, static=False))
    frames = np.random.default_rng(0).integers(0, 4, (30, 2, 64))
    found = measure_activity(replace(trained, spec=spec), [frames[:10], frames[10:]])
    assert found["input->population1"]["events"] == pytest.approx(np.count_nonzero(frames) / 30)
