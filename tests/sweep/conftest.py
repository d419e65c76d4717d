import numpy as np
import pytest


@pytest.fixture(scope="session")
def network(tiny, tmp_path_factory):
    """The file of the tiny network."""
    path = tmp_path_factory.mktemp("network") / "tiny.safetensors"
    tiny[0].save(path)
    return path


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A folder in MNIST's format, of 4x3 images in three classes; the class is the column that is
    bright."""
    import gzip
    import struct

    from qblif.golden.training.data.readers import FILES
    folder = tmp_path_factory.mktemp("digits")
    draw = np.random.default_rng(3)
    for count, images, labels in ((60, *FILES[:2]), (30, *FILES[2:])):
        label = (np.arange(count) % 3).astype(np.uint8)
        pixels = draw.integers(0, 90, (count, 4, 3)).astype(np.uint8)
        pixels[np.arange(count), :, label] += 150
        for name, array in ((images, pixels), (labels, label)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return folder
