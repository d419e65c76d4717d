"""Frames as AER streams, against a loop."""

import numpy as np
import pytest

from qblif.hw.layout.addressing import addresses
from qblif.hw.layout.aer import aer_stream


@pytest.mark.parametrize("shape", [(7,), (3, 2, 5), (4, 3, 3)])
@pytest.mark.parametrize("timesteps", [None, 1, 3])
def test_events_by_address_then_a_marker(shape, timesteps):
    draw = np.random.default_rng(0)
    size = int(np.prod(shape))
    whole = (4, size) if timesteps is None else (4, timesteps, size)
    levels = draw.integers(0, 4, whole) * (draw.random(whole) < 0.4)
    levels[2] = 0
    expected = []
    for frame, steps in enumerate(levels.reshape(4, -1, size)):
        for step in steps:
            for neuron in sorted(range(size), key=lambda n: addresses(shape)[n]):
                if step[neuron]:
                    expected.append((frame, neuron, addresses(shape)[neuron], step[neuron], 0))
            expected.append((frame, -1, 0, 0, 1))
    assert list(zip(*aer_stream(levels, shape), strict=True)) == expected


def test_no_frames():
    assert all(len(part) == 0 for part in aer_stream(np.zeros((0, 7), int), (7,)))
