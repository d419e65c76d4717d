"""Thresholds of pixels that training moves."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from train_cases import STRIPES, TINY, Interrupted, assert_same_bits

from qblif.golden import integer
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.evaluate import accuracy
from qblif.golden.training.input_levels import WHITE, WINDOW, Thermometer
from qblif.golden.training.train import train, train_float

STEPS = (20, 120, 230)
LEARNED = replace(TINY, timesteps=1, input_n_max=1, input_thresholds=STEPS, learn_thresholds=True)


@pytest.mark.parametrize("learned", [False, True])
def test_levels_are_those_of_the_integers(learned):
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 4, 4)
    for steps in ((1,), (255,), (128,), STEPS, (1, 2, 254, 255)):
        encoder = Thermometer(steps, learned)
        assert encoder.thresholds == steps
        np.testing.assert_array_equal(encoder(torch.from_numpy(pixels).float()).detach().numpy(),
                                      to_levels(pixels, 1, steps))


@pytest.mark.parametrize("places, steps", [
    ([50.4, 50.6], (50, 51)), ([50.2, 49.8], (50, 51)), ([200.0, 30.0, 90.0], (30, 90, 200)),
    ([-9.0, 0.2, 0.3], (1, 2, 3)), ([254.9, 300.0, 400.0], (253, 254, 255)), ([900.0], (255,)),
    ([254.0, 254.0, 254.0], (253, 254, 255))])
def test_thresholds_stay_apart_and_in_range(places, steps):
    encoder = Thermometer((1,), True)
    encoder.positions.data = torch.tensor(places) / WHITE
    assert encoder.thresholds == steps
    pixels = torch.arange(256.0)[:, None]
    assert encoder(pixels).sum(0).tolist() == [256 - step for step in steps]


def test_gradient_of_the_pixels_near_a_threshold():
    """The second position lies below the first, so that the sums change places."""
    encoder = Thermometer((1, 2), True)
    encoder.positions.data = torch.tensor([200.0, 40.0]) / WHITE
    levels = encoder(torch.tensor([[40.0, 71.0, 72.0, 9.0], [8.0, 230.0, 100.0, 201.0]]))
    weights = torch.tensor([[1.0, 2, 4, 8, 16, 32, 64, 128], [3.0, 9, 27, 81, 5, 25, 125, 625]])
    (levels * weights).sum().backward()
    # Within 31.9 of 40: 40, 71, 9 of the first image, none of the second (8 is 32 away).
    assert 31 < WHITE * WINDOW / 2 < 32
    assert encoder.positions.grad.tolist() == [-(25 + 625) / WINDOW, -(1 + 2 + 8) / WINDOW]


def test_not_for_hardware_that_is_there():
    fixed = replace(LEARNED, learn_thresholds=False, epochs=1, qat_epochs=0)
    there = train(fixed, STRIPES).spec
    with pytest.raises(ValueError, match=r"^Learned input thresholds must be off for hardware that "
                                         r"is there: its pixels' are \(20, 120, 230\)$"):
        train(replace(fixed, learn_thresholds=True), STRIPES, like=there)


@pytest.mark.parametrize("fields", [{}, {"net": "4c3s2"}, {
    "w_spacing": "powers", "w_width": 3, "fan_in": (9, 5, 5)}])
def test_a_network_learns_them(fields):
    trained = train(replace(LEARNED, **fields), STRIPES)
    found = trained.spec.input.thresholds
    assert found != STEPS and len(found) == 3
    levels = to_levels(STRIPES.test_images, 1, found)
    classes = integer.run(trained, levels).classes.numpy()
    assert trained.notes["accuracy_integer"] == (classes == STRIPES.test_labels).mean() > 0.8
    assert train(replace(LEARNED, learn_thresholds=False, **fields),
                 STRIPES).spec.input.thresholds == STEPS


def test_accuracy_of_the_float_network_is_of_what_it_learned():
    net = train_float(LEARNED, STRIPES).eval()

    def right(steps):
        levels = torch.from_numpy(to_levels(STRIPES.test_images, 1, steps)).float()
        return (net(levels).logits.argmax(1).numpy() == STRIPES.test_labels).mean()

    net.encoder.positions.data[:] = torch.tensor([2.0, 240, 245]) / WHITE
    assert accuracy(net, STRIPES, LEARNED) == right(net.encoder.thresholds) != right(STEPS)


def test_resumed_training_has_the_same(tmp_path):
    def interrupt(progress):
        if progress.epoch == 2:
            raise Interrupted

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Interrupted):
        train(LEARNED, STRIPES, checkpoint=path, progress=interrupt)
    assert_same_bits(train(LEARNED, STRIPES, checkpoint=path, resume=True),
                     train(LEARNED, STRIPES))


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match="^Learned input thresholds need input_thresholds to "):
        replace(TINY, learn_thresholds=True)
