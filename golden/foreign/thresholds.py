"""Thresholds that differ within a population, as one: a neuron's membrane may be counted in units
of its own, if its weights and bias are.  One of threshold 2 with twice its weights is one of 4."""

import math

import numpy as np

from .grid import fraction_bits

__all__ = ["common_threshold"]

MOST = 1 << 12  # The largest factor of a weight.


def common_threshold(values) -> tuple[float, np.ndarray]:
    """``(threshold, factors)``: the least that is a whole multiple of all ``values``, and how much
    of each.  Where there is none of small factors, the largest, and real factors, which leave the
    grid of the weights.  ``values`` are above 0."""
    bits = fraction_bits(values)
    if bits is not None:
        units = [int(value * 2**bits) for value in values]
        common = math.lcm(*units)
        if common // min(units) <= MOST:
            return common / 2**bits, np.array([common // unit for unit in units], np.float64)
    return float(max(values)), max(values) / np.asarray(values, np.float64)
