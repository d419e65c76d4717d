from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qblif.golden import integer
from qblif.golden.spec.artifact import load
from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.data.readers import embedded
from qblif.golden.training.export import export
from qblif.golden.training.quantise import quantise
from qblif.golden.training.recipes import EMBEDDED
from qblif.golden.training.train import train_float

NETWORKS = Path(__file__).parents[3] / "networks"
FILE = NETWORKS / "mnist-mlp.safetensors"


@pytest.fixture(scope="module")
def digits():
    return embedded()


def test_mnist_mlp_is_what_the_results_describe():
    trained = load(FILE)
    spec = trained.spec
    assert [spec.input.size, *(p.size for p in spec.populations)] == [784, 128, 10]
    assert spec.timesteps == 2 and spec.populations[0].emit_max == 15
    assert {s.w_width for s in spec.synapses} == {8}
    assert spec.populations[0].neuron.leak_headroom >= 4
    assert trained.notes["test_images"] == 10_000
    assert trained.notes["accuracy_integer"] >= 0.983


def test_mnist_mlp_reads_the_embedded_digits(digits):
    trained = load(FILE)
    levels = to_levels(digits.test_images, trained.spec.input.n_max)
    right = integer.run(trained, levels).classes.numpy() == digits.test_labels
    assert right.mean() > 0.98


def test_mnist_mlp_keeps_its_digest():
    assert load(FILE).spec.digest == "33fb70ee47dbd844"


def operations(trained):
    return sum(a["operations"] for a in trained.activity.values())


def test_mnist_cnn_is_what_the_results_describe():
    trained = load(NETWORKS / "mnist-cnn.safetensors")
    assert sum(weight.size for weight in trained.weights.values()) <= 30_000
    assert trained.spec.timesteps <= 2 and {s.w_width for s in trained.spec.synapses} == {8}
    assert trained.notes["test_images"] == 10_000
    assert trained.notes["accuracy_integer"] >= 0.993
    assert operations(trained) < 1e6


def test_mnist_cnn_reads_the_embedded_digits(digits):
    trained = load(NETWORKS / "mnist-cnn.safetensors")
    levels = to_levels(digits.test_images, trained.spec.input.n_max)
    classes = integer.run(trained, levels, trace=False).classes.numpy()
    assert (classes == digits.test_labels).mean() > 0.99


def test_cifar_vgg_is_what_the_results_describe():
    trained = load(NETWORKS / "cifar-vgg.safetensors")
    spec, notes = trained.spec, trained.notes
    assert spec.input.shape == (3, 32, 32) and spec.timesteps == 1
    assert {s.w_width for s in spec.synapses} == {8}
    assert notes["test_images"] == 10_000 and notes["accuracy_integer"] >= 0.84
    assert abs(notes["accuracy_float"] - notes["accuracy_integer"]) <= 0.005
    assert operations(trained) < 1e7


@pytest.mark.parametrize("alpha, beta", [(1.0, 0.5), (0.25, 0.875)])
def test_qat_equals_integers_on_real_digits(digits, alpha, beta):
    part = Dataset("part", digits.train_images[::4], digits.train_labels[::4],
                   digits.test_images, digits.test_labels)
    net = train_float(replace(EMBEDDED, epochs=2, alpha=alpha, beta=beta, timesteps=3), part)
    quantised = quantise(net.eval(), 8)
    trained = export(quantised)
    levels = to_levels(digits.test_images, trained.spec.input.n_max)
    with torch.no_grad():
        output = quantised(torch.from_numpy(levels))
    trace = integer.run(trained, levels)
    hidden = trace.levels["hidden1"].numpy()
    assert len(np.unique(hidden)) > 5
    np.testing.assert_array_equal(output.levels[0].numpy(), hidden)
    for name, membranes in zip(("hidden1", "output"), output.membranes, strict=True):
        np.testing.assert_array_equal(membranes.numpy(), trace.membranes[name].numpy())
