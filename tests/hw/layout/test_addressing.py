"""How neurons are numbered: vectors of an update pass, and addresses of bit fields."""

import numpy as np
import pytest

from qblif.hw.layout.addressing import (
    address_bits,
    address_space,
    addresses,
    vector_count,
    vector_order,
)


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 4), (1, 1, 1), (5, 3, 2), (8, 1, 9), (1, 6, 5)])
@pytest.mark.parametrize("fire_lanes", [1, 2, 4, 8])
def test_vectors_visit_every_neuron_once(shape, fire_lanes):
    order = vector_order(shape, fire_lanes)
    size = int(np.prod(shape))
    assert order.shape == (vector_count(shape, fire_lanes), fire_lanes)
    assert sorted(order[order >= 0]) == list(range(size))


@pytest.mark.parametrize("shape", [(7,), (5, 3, 2), (1, 6, 5), (8, 4, 4)])
def test_addresses_are_fields(shape):
    channel, column, _ = address_bits(shape)
    found = addresses(shape)
    assert len(set(found)) == len(found) and address_space(shape) == found[-1] + 1
    low = found & (1 << channel) - 1
    middle = found >> channel & (1 << column) - 1
    np.testing.assert_array_equal(
        found, low | middle << channel | found >> channel + column << channel + column)
    if len(shape) == 3:
        np.testing.assert_array_equal(low, np.indices(shape)[0].reshape(-1))
        np.testing.assert_array_equal(middle, np.indices(shape)[2].reshape(-1))
