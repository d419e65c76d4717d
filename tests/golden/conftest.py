import pytest
import torch

from qblif.golden.training.data import vision


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The tensors here are small: threads that wait for each other only cost time."""
    torch.set_num_threads(1)


@pytest.fixture
def torchvision():
    """For tests of what torchvision does: skips where it was built for another torch."""
    try:
        vision.import_torchvision()
    except ValueError as error:
        pytest.skip(str(error))
