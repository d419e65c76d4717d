"""Weighted sums, exact in whichever format they run."""

import random

import pytest
import torch

from qblif.golden.integer import synapse_sum, weighted_sum
from qblif.golden.spec import Conv2d


def exact_sums(weights, levels):
    return [[sum(w * s for w, s in zip(row, frame, strict=True)) for row in weights]
            for frame in levels]


@pytest.mark.parametrize("limit, sources, exact_in_float32", [
    (127, 60, True), (32767, 25, True), (32767, 26, False), (32767, 2000, False)])
def test_weighted_sum(limit, sources, exact_in_float32):
    draw = random.Random(sources)
    weights = [[limit - draw.randint(0, 1) for _ in range(sources)],
               [draw.randint(-limit, limit) for _ in range(sources)], [-limit] * sources]
    levels = [[20] * sources, [19 + draw.randint(0, 1) for _ in range(sources)],
              [draw.randint(0, 20) for _ in range(sources)]]
    found = weighted_sum(torch.tensor(weights), torch.tensor(levels), 20)
    assert found.dtype == torch.int32 and found.tolist() == exact_sums(weights, levels)
    assert (limit * sources * 20 < 1 << 24) == exact_in_float32


def test_weighted_sum_that_float32_would_round():
    weights, levels = torch.tensor([[1 << 20, 1]]), torch.tensor([[16, 1]])
    single = (levels.float() @ weights.float().T).to(torch.int32)
    assert single.tolist() == [[1 << 24]]
    assert weighted_sum(weights, levels, 16).tolist() == [[(1 << 24) + 1]]


def test_pooled_sum_that_float32_would_round():
    pooled = Conv2d(source="input", target="a", kernel=1, pool=1024)
    levels = torch.full((1, 1 << 20), 63, dtype=torch.uint8)
    levels[0, 0] = 62
    found = synapse_sum(pooled, torch.ones(1, 1, 1, 1, dtype=torch.int8), levels, 63,
                        (1, 1024, 1024), (1,))
    assert found.tolist() == [[(63 << 20) - 1]] and float(torch.tensor((63 << 20) - 1.0)) != \
        found.item()


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32])
def test_weighted_sum_of_the_most_negative_weight(dtype):
    lowest = torch.iinfo(dtype).min if dtype != torch.int32 else -(1 << 26)
    weights = torch.full((1, 1), lowest, dtype=dtype)
    assert weighted_sum(weights, torch.tensor([[20]]), 20).tolist() == [[20 * lowest]]


def test_weighted_sum_at_the_limit():
    largest = torch.tensor([[(1 << 31) - 1], [-(1 << 31) + 1]])
    assert weighted_sum(largest, torch.tensor([[1]]), 1).tolist() == [[(1 << 31) - 1,
                                                                      -(1 << 31) + 1]]


@pytest.mark.parametrize("weights, n_max", [
    ([[-(1 << 31)]], 1), ([[1 << 30]], 2), ([[1 << 29, -(1 << 29)]], 2)])
def test_weighted_sum_past_the_limit(weights, n_max):
    with pytest.raises(ValueError, match="^Weighted sums reach 2147483648, which is more than"):
        weighted_sum(torch.tensor(weights), torch.zeros(1, len(weights[0]), dtype=torch.int32),
                     n_max)
