import gzip
import struct

import numpy as np
import pytest
from cli_cases import TINY, run

from qblif.golden.spec import Network
from qblif.golden.spec.artifact import Trained
from qblif.golden.training.data.readers import FILES


@pytest.fixture(autouse=True)
def no_debug(monkeypatch):
    monkeypatch.setenv("QBLIF_DEBUG", "")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def idx(array):
    """An array in MNIST's format."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_images(folder, train_seed=0, test_seed=1):
    """Files in MNIST's format, of 4x3 images."""
    for seed, (pixels, labels) in ((train_seed, FILES[:2]), (test_seed, FILES[2:])):
        draw = np.random.default_rng(seed)
        for name, array in ((pixels, draw.integers(0, 256, (20, 4, 3), np.uint8)),
                            (labels, draw.integers(0, 3, 20, np.uint8))):
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    return folder


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """A folder in MNIST's format, of 4x3 images."""
    return write_images(tmp_path_factory.mktemp("data"))


@pytest.fixture
def other_images(tmp_path):
    """``other_images(train_seed, test_seed)``: a folder like ``images``."""
    def make(*seeds):
        folder = tmp_path / "other{}-{}".format(*seeds)
        folder.mkdir()
        return write_images(folder, *seeds)
    return make


@pytest.fixture(scope="session")
def files(tiny, second, light, tmp_path_factory):
    """The networks' files: three of one shape, and one of another."""
    folder = tmp_path_factory.mktemp("networks")
    trained = tiny[0]
    spec = trained.spec.to_dict()
    other = Network.from_dict(spec | {"timesteps": 2})
    made = {"first": trained, "second": second, "light": light[0],
            "other": Trained(other, trained.weights, trained.biases)}
    for name, network in made.items():
        network.save(folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in made}


@pytest.fixture(scope="session")
def stripes(tmp_path_factory):
    """A folder in MNIST's format: noisy 8x8 images, whose class is the quarter that is bright."""
    folder = tmp_path_factory.mktemp("data") / "stripes"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for count, images, labels in ((120, *FILES[:2]), (40, *FILES[2:])):
        label = np.arange(count, dtype=np.uint8) % 4
        pixels = draw.integers(0, 60, (count, 8, 8)).astype(np.uint8)
        for k, quarter in enumerate(label):
            pixels[k, 2 * quarter:2 * quarter + 2] += 180
        (folder / f"{images}.gz").write_bytes(gzip.compress(idx(pixels)))
        (folder / f"{labels}.gz").write_bytes(gzip.compress(idx(label)))
    return folder


@pytest.fixture(scope="session")
def short(stripes, tmp_path_factory):
    """The folder that a short training left."""
    folder = tmp_path_factory.mktemp("short")
    assert run("train", "--data", stripes, "--out", folder, *TINY) == 0
    return folder
