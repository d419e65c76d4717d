"""What a test needs of the machine."""

import pytest

from qblif.sim.simulators import SimulatorError, require

__all__ = ["needs"]


def needs(simulator):
    """``simulator``; skip, and say why, where it is not installed."""
    try:
        require(simulator)
    except SimulatorError as error:
        pytest.skip(str(error))
    return simulator
