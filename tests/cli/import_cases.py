"""A foreign network for the tests of ``qblif import``, and the command's words."""

import pytest
from foreign_cases import make

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

JELLY = {"tau": 2.0, "threshold": 3.0, "hard": True, "decay_input": True}


def import_(file, spikes, *options):
    return ("import", file, "--from", "spikingjelly",
            *(("--check", spikes) if spikes else ()), *options)


def cut(part):
    return lambda data: data[:int(len(data) * part)]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """``(nir file, npz file)``."""
    folder = tmp_path_factory.mktemp("foreign")
    return make("spikingjelly", bias=True, **JELLY).write(nir, folder)
