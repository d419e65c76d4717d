"""A thermometer code of the input: training, files, integers and logic agree."""

from dataclasses import replace

import numpy as np
import pytest
from train_cases import STRIPES, TINY, assert_same_bits

from qblif.golden import integer
from qblif.golden.spec import Input
from qblif.golden.spec.artifact import load
from qblif.golden.spec.network import Network
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.nets import build
from qblif.golden.training.train import train
from qblif.hw.logic.layout import LogicLayout
from qblif.sim.logic import run_logic

STEPS = (50, 130, 200)
CODED = replace(TINY, input_n_max=1, input_thresholds=STEPS)


def test_every_pixel():
    pixels = np.arange(256, dtype=np.uint8).reshape(64, 2, 2)
    levels = to_levels(pixels, 1, STEPS)
    assert levels.shape == (64, 12)
    for k, step in enumerate(STEPS):
        np.testing.assert_array_equal(levels[:, 4 * k:4 * k + 4] == 1,
                                      pixels.reshape(64, 4) >= step)


@pytest.mark.parametrize("net", ["dense", "4c3s2"])
def test_accuracy_is_that_of_the_integers(net, tmp_path):
    trained = train(replace(CODED, net=net, epochs=2, qat_epochs=1), STRIPES)
    spec = trained.spec
    assert spec.input.thresholds == STEPS and spec.input.pixels == 64
    assert spec.input.shape == ((192,) if net == "dense" else (3, 8, 8))
    levels = to_levels(STRIPES.test_images, 1, STEPS)
    classes = integer.run(trained, levels).classes.numpy()
    np.testing.assert_array_equal(classes, trained.run(STRIPES.test_images))
    assert trained.notes["accuracy_integer"] == (classes == STRIPES.test_labels).mean()
    trained.save(tmp_path / "coded.safetensors")
    again = load(tmp_path / "coded.safetensors")
    assert_same_bits(again, trained)
    assert again.spec == spec and Network.from_dict(spec.to_dict()) == spec
    assert "thresholds" not in train(TINY, STRIPES).spec.to_dict()["input"]


def test_logic_with_its_encoder():
    trained = train(replace(CODED, timesteps=1, hidden=(6,), epochs=1, qat_epochs=0), STRIPES)
    pixels = STRIPES.test_images[:20].reshape(20, -1)
    golden = integer.run(trained, trained.levels(STRIPES.test_images[:20]))
    rtl = run_logic(LogicLayout(trained, pixels=True), pixels)
    np.testing.assert_array_equal(rtl.levels["hidden1"], golden.levels["hidden1"])
    np.testing.assert_array_equal(rtl.scores, golden.scores)


@pytest.mark.parametrize("fields, message", [
    ({"thresholds": (0, 9)}, r"^Input threshold must be in 1\.\.255, not 0$"),
    ({"thresholds": (9, 256)}, r"^Input threshold must be in 1\.\.255, not 256$"),
    ({"thresholds": (9, 9)}, r"^Input thresholds must be in ascending order, not \(9, 9\)$"),
    ({"thresholds": (9, 10), "n_max": 2}, ("^Input thresholds are of images, with N_max 1 and 2 "
     "levels a pixel, not N_max 2 and 6 levels$")),
    ({"thresholds": (9, 10), "shape": (5,)}, "not N_max 1 and 5 levels$"),
    ({"thresholds": (9, 10), "static": False}, "not N_max 1 and 6 levels in each timestep$")])
def test_no_such_input(fields, message):
    with pytest.raises(ValueError, match=message):
        Input(**{"shape": (6,), "n_max": 1} | fields)


@pytest.mark.parametrize("fields", [{"input_n_max": 2}, {"small_epochs": 1}])
def test_no_such_recipe(fields):
    with pytest.raises(ValueError, match="^Input thresholds take input_n_max 1 and small_epochs 0"):
        replace(CODED, **fields)


def test_recordings_are_refused_before_they_train():
    with pytest.raises(ValueError, match="^Input thresholds are of images, and not of recordings"):
        build(CODED, STRIPES.shape, STRIPES.classes, static=False)


def test_images_of_other_sizes_are_refused():
    trained = train(replace(CODED, epochs=1, qat_epochs=0), STRIPES)
    with pytest.raises(ValueError, match="^Images have 49 pixels, but the network's input has 64$"):
        trained.levels(np.zeros((1, 7, 7), np.uint8))
