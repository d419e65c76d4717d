import pytest
from artifact_cases import trained


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.safetensors"
    trained().save(path)
    return path
