import pytest
from train_cases import STRIPES, TINY

from qblif.golden.training.train import train


@pytest.fixture(scope="session")
def trained():
    """The network of the short training."""
    return train(TINY, STRIPES)
