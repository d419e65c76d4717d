"""Decays as sums of shifts, values on a binary grid, and how a strict threshold decides."""

import numpy as np
import pytest

from qblif.golden.foreign.grid import exact_decay, fraction_bits, lag, near_decay, snap
from qblif.golden.spec import Decay


def test_grid():
    for numerator in range(1025):
        decay = exact_decay(numerator / 1024)
        assert decay.factor == numerator / 1024
        assert decay.apply(1 << 20) == numerator << 10
    assert exact_decay(0.9) is None and exact_decay(1.0) == Decay()
    for factor in (0.9, 0.99, 0.001, 1 / 3):
        assert 0 < near_decay(factor, up=True).factor - factor < 2**-15
        assert 0 < factor - near_decay(factor, up=False).factor < 2**-15
    assert fraction_bits(np.array([0.5, 3]), 0.125) == 3 and fraction_bits(0.1) is None
    assert snap(np.float64(np.float32(0.1)) * 5) == 0.5 and snap(0.1) == 0.1


@pytest.mark.parametrize("synaptic", [None, 0.0, 0.5, 0.625, 1.0])
@pytest.mark.parametrize("numerator", range(0, 65))
def test_lag_bounds_the_delay_in_every_timestep(numerator, synaptic):
    """Whenever a reset starts the membrane again."""
    decay, timesteps = exact_decay(numerator / 64), 20
    current = None if synaptic is None else exact_decay(synaptic)
    constant, extra = lag(decay, timesteps, current)
    for start in range(timesteps):
        delay = held = 0
        for t in range(timesteps):
            held = constant - (current.apply(-held) if current is not None else 0)
            if t >= start:
                delay = held - decay.apply(-delay)
                assert 1 <= delay <= 1 << extra
