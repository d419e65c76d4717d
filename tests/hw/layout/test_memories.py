"""How weights are cut into memories: every bit once, in the fewest blocks."""

import itertools

import pytest

from qblif.boards.families.ecp5 import ECP5
from qblif.hw.layout.memories import MEMORIES, SLICE_WIDTH, WeightGeometry

CASES = [(1, 1, 2), (81, 11, 8), (300, 5, 4), (512, 18, 8), (640, 10, 8), (1100, 10, 8),
         (1153, 5, 7), (2048, 3, 6), (2592, 43, 8), (4608, 13, 6), (9217, 3, 5), (20000, 2, 3)]


def geometries():
    for (depth, lanes, w_width), memory, ports in itertools.product(CASES, MEMORIES, (1, 2, 4)):
        if memory != "spram" or ports == 1:
            yield WeightGeometry(depth, lanes, w_width, memory, ports)


def blocks(geometry):
    """Blocks of one column each, of all copies."""
    return len(list(geometry.memories()))


def test_every_bit_of_every_word_is_in_one_column():
    for geometry in geometries():
        slices = [geometry.lanes_of(k) for k in range(geometry.slices)]
        assert [lane for lanes in slices for lane in lanes] == list(range(geometry.lanes))
        assert {len(lanes) for lanes in slices[:-1]} <= {geometry.slice_lanes}
        assert geometry.slice_width <= max(SLICE_WIDTH, geometry.w_width)
        parts = geometry.parts
        assert [row for p in parts for row in range(p.start, p.start + p.rows)] == list(
            range(geometry.depth))
        for part, (index, lanes) in itertools.product(parts, enumerate(slices)):
            bits = [low + k for low, width in geometry.columns(part, index) for k in range(width)]
            assert bits == list(range(len(lanes) * geometry.w_width))


def test_a_column_is_one_block_of_an_ecp5():
    for geometry in geometries():
        if geometry.memory != "spram":
            count = ECP5.block_ram.blocks if geometry.ports == 1 else ECP5.block_ram.dual_blocks
            assert {count(*memory) for memory in geometry.memories()} <= {1}


@pytest.mark.parametrize("depth, lanes, w_width, slice_lanes, expected", [
    (512, 9, 8, 9, 2), (512, 4, 8, 4, 1), (512, 5, 8, 3, 2), (512, 18, 8, 9, 4),
    (1024, 9, 8, 9, 4), (2048, 9, 8, 9, 8), (2048, 3, 6, 3, 2), (2048, 64, 8, 9, 57),
    (4096, 2, 6, 2, 3)])
def test_weights_share_blocks(depth, lanes, w_width, slice_lanes, expected):
    """So that no bit of a block stays unused where two weights of one would have left it."""
    geometry = WeightGeometry(depth, lanes, w_width)
    assert (geometry.slice_lanes, blocks(geometry)) == (slice_lanes, expected)


def test_no_slice_has_fewer_blocks():
    for geometry in geometries():
        for lanes in range(1, max(1, min(geometry.lanes, SLICE_WIDTH // geometry.w_width)) + 1):
            other = WeightGeometry(geometry.depth, geometry.lanes, geometry.w_width,
                                   geometry.memory, geometry.ports)
            other.__dict__["slice_lanes"] = lanes
            assert blocks(geometry) <= blocks(other)
