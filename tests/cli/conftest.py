import gzip
import struct

import numpy as np
import pytest

from qblif.golden.spec import Network
from qblif.golden.spec.artifact import Trained
from qblif.golden.training.data.readers import FILES
from qblif.sim.simulators import SimulatorError, require


def write_images(folder, train_seed=0, test_seed=1):
    """Files in MNIST's format, of 4x3 images."""
    for seed, (pixels, labels) in ((train_seed, FILES[:2]), (test_seed, FILES[2:])):
        draw = np.random.default_rng(seed)
        for name, array in ((pixels, draw.integers(0, 256, (20, 4, 3), np.uint8)),
                            (labels, draw.integers(0, 3, 20, np.uint8))):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
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
def files(tiny, second, tmp_path_factory):
    """The networks' files: two of one shape, and one of another."""
    folder = tmp_path_factory.mktemp("networks")
    trained = tiny[0]
    spec = trained.spec.to_dict()
    other = Network.from_dict(spec | {"timesteps": 2})
    made = {"first": trained, "second": second,
            "other": Trained(other, trained.weights, trained.biases)}
    for name, network in made.items():
        network.save(folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in made}


@pytest.fixture
def simulator_icarus():
    """Skip, and say why, where Icarus is not installed."""
    try:
        require("icarus")
    except SimulatorError as error:
        pytest.skip(str(error))
