import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The tensors here are small: threads that wait for each other only cost time."""
    torch.set_num_threads(1)
