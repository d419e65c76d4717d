"""How a stage's weights are split into memories, which are :mod:`qblif.hw.core.weights`."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ...golden.spec.errors import InvalidValue

__all__ = ["BINNER_GROUP", "MEMORIES", "Part", "QUEUE_SLACK", "SMALL_ROWS", "WeightGeometry",
           "frame_queue_items", "is_distributed", "pack", "queue_depth"]

MEMORIES = ("block", "packed", "mixed", "spram")
BLOCK_RAM_WIDTHS = {9: 36, 10: 18, 11: 9, 12: 4, 13: 2, 14: 1}  # By address bits, for 18 kbit.
SPRAM_WIDTH = 16
SLICE_WIDTH = 72  # Bits of a load bank, at most: nine weights of 8 bits fill blocks of 9, 18 or 36.
SMALL_ROWS = 64  # Memories up to this depth may stay out of block RAM.
MOST_PARTS = 3  # Inputs of the multiplexer behind the blocks, at most.
SMALLEST_PART = 512  # Depth of a block RAM at its widest.
LUT_ROWS = 32  # Deepest memory in distributed RAM; deeper ones route badly.
TABLE_ROWS = 128  # Deepest table of a line buffer there, where the plan has "mixed" memories.
LONGEST_QUEUE = 4096
BINNER_GROUP = 16  # Addresses that share a word of the binner's map of what has been counted.
QUEUE_SLACK = 8  # Covers the events in flight into a frame's FIFO.


def queue_depth(items):
    """Depth of the memory of a FIFO for ``items``."""
    return 1 << max(1, items - 1).bit_length()


def frame_queue_items(transfers):
    """Capacity of the board's input FIFO for frames of so many transfers at most."""
    return min(LONGEST_QUEUE, transfers + 2 * QUEUE_SLACK)


def is_distributed(memory, rows):
    """Whether a memory of ``rows`` goes into distributed RAM in a stage with this ``memory``."""
    return memory == "mixed" and rows <= LUT_ROWS


@dataclass(frozen=True)
class Part:
    """``rows`` words of a weight memory from ``start`` on, a multiple of their power of two."""

    start: int
    rows: int

    @property
    def column_width(self) -> int:
        """Width at which one 18 kbit block RAM spans all rows."""
        return BLOCK_RAM_WIDTHS.get(max(9, (self.rows - 1).bit_length()), 1)

    @property
    def dual_width(self) -> int:
        """The same where it has two read ports."""
        return min(self.column_width, BLOCK_RAM_WIDTHS[10])


@dataclass(frozen=True)
class WeightGeometry:
    """``depth`` words of ``lanes`` weights of ``w_width`` bits, in one kind of memory.

    The depth is split into *parts*, and the width of each part into *columns*, so that one memory
    block spans all rows of a part.  A *slice* is what one load bank writes: the columns of all
    parts that hold ``slice_lanes`` whole weights, as many as fill whole blocks: nine weights of 8
    bits, for example, in two blocks of 36, or three of 6 bits in two of 9.

    ``memory`` is ``"block"``: dual-port block RAM of 18 kbit, in one part up to 16k words;
    ``"packed"``: the same, cut into parts that fill their blocks, with a multiplexer behind them (a
    kernel of nine taps, say, takes fewer blocks as eight ninths and one); ``"mixed"``: the same,
    with parts of up to 32 words in distributed RAM, for devices that have it; or ``"spram"``:
    single-port RAM of 16k words of 16 bits, without initial contents.

    ``ports`` words are read at once: from two read ports of each of ``copies`` copies.
    """

    depth: int
    lanes: int
    w_width: int
    memory: str = "block"
    ports: int = 1

    rows = 1 << 14

    def __post_init__(self) -> None:
        if self.memory not in MEMORIES:
            raise InvalidValue(f"Weight memory must be one of {', '.join(MEMORIES)}, "
                               f"not {self.memory!r}")

    @cached_property
    def parts(self) -> list[Part]:
        """The parts, largest first: the fewest blocks, then the fewest parts."""
        whole = [Part(start, min(self.rows, self.depth - start))
                 for start in range(0, self.depth, self.rows)]
        if self.memory not in ("packed", "mixed"):
            return whole
        options = [whole[:-1] + _peel(whole[-1], times) for times in range(MOST_PARTS)]
        return min(options, key=lambda parts: (
            min(self._blocks(parts, lanes) for lanes in self._slice_choices), len(parts)))

    @cached_property
    def slice_lanes(self) -> int:
        """Weights of a slice, the last of which may have fewer: the fewest blocks, then the
        fewest lanes; as many as a block is wide where there is none."""
        if all(map(self.is_distributed, self.parts)):
            return max(1, min(self.lanes, self._column_width(self.parts[0]) // self.w_width))
        return min(self._slice_choices, key=lambda lanes: (self._blocks(self.parts, lanes), lanes))

    @property
    def _slice_choices(self):
        """Numbers of lanes that a slice may have."""
        return range(1, max(1, min(self.lanes, SLICE_WIDTH // self.w_width)) + 1)

    def _blocks(self, parts, slice_lanes):
        """Blocks of all slices, if one has so many lanes."""
        slices, rest = divmod(self.lanes, slice_lanes)
        widths = [self._column_width(part) for part in parts if not self.is_distributed(part)]
        return sum(slices * -(-slice_lanes * self.w_width // width) +
                   -(-rest * self.w_width // width) for width in widths)

    def is_distributed(self, part: Part) -> bool:
        """Whether a part goes into distributed RAM."""
        return is_distributed(self.memory, part.rows)

    def _column_width(self, part):
        if self.memory == "spram":
            return SPRAM_WIDTH
        return part.column_width if self.ports == 1 else part.dual_width

    @property
    def copies(self) -> int:
        """Memories with the same contents."""
        return -(-self.ports // 2)

    @property
    def slices(self) -> int:
        return -(-self.lanes // self.slice_lanes)

    @property
    def slice_width(self) -> int:
        """Bits of a slice, the last of which may have fewer."""
        return self.slice_lanes * self.w_width

    def lanes_of(self, index: int) -> range:
        """The lanes of a slice."""
        first = index * self.slice_lanes
        return range(first, min(first + self.slice_lanes, self.lanes))

    def columns(self, part: Part, index: int) -> Iterator[tuple[int, int]]:
        """``(low, width)`` of each column of a slice: bits ``low`` to ``low + width``."""
        bits, step = len(self.lanes_of(index)) * self.w_width, self._column_width(part)
        for low in range(0, bits, step):
            yield low, min(step, bits - low)

    def memories(self, distributed: bool = False) -> Iterator[tuple[int, int]]:
        """``(depth, width)`` of every memory in block RAM, or in distributed RAM; in any order."""
        for part in self.parts:
            if self.is_distributed(part) == distributed:
                for index in range(self.slices):
                    for _, width in self.columns(part, index):
                        yield from [(part.rows, width)] * self.copies


def _peel(part, times):
    """``part`` split into up to ``times`` powers of two and the remainder."""
    top = 1 << (part.rows - 1).bit_length() - 1 if part.rows > 1 else 1
    if not times or part.rows <= SMALLEST_PART or top == part.rows:
        return [part]
    return [Part(part.start, top), *_peel(Part(part.start + top, part.rows - top), times - 1)]


def pack(values, width, start=0, count=None):
    """``count`` signed integers of ``values`` from ``start`` on as one word, the first lowest."""
    stop = len(values) if count is None else min(start + count, len(values))
    return sum((int(values[k]) & (1 << width) - 1) << (k - start) * width
               for k in range(start, stop))
