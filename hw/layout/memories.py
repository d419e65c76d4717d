"""How a stage's weights are cut into memories: plain numbers for generator, host and estimate.

Neither torch nor Amaranth.  The memories themselves are :mod:`qblif.hw.core.weights`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

__all__ = ["MEMORIES", "Part", "QUEUE_SLACK", "SMALL_ROWS", "WeightGeometry",
           "frame_queue_items", "is_distributed", "pack", "queue_depth"]

MEMORIES = ("block", "packed", "mixed", "spram")
BLOCK_RAM_WIDTHS = {9: 36, 10: 18, 11: 9, 12: 4, 13: 2, 14: 1}  # By address bits, of 18 kbit.
SPRAM_WIDTH = 16
SMALL_ROWS = 16  # Biases of so many rows need no block RAM where there is a smaller kind.
MOST_PARTS = 3  # A multiplexer of so many stands behind the blocks.
SMALLEST_PART = 512  # Rows of a block RAM at its widest.
LUT_ROWS = 32  # Most rows of a memory in distributed RAM: more lanes for more rows route badly.
LONGEST_QUEUE = 4096
QUEUE_SLACK = 8  # Events on their way into a frame's queue, and then some.


def queue_depth(items):
    """Rows of a queue's memory."""
    return 1 << max(1, items - 1).bit_length()


def frame_queue_items(spec):
    """Events that the queue of a frame on the board holds."""
    ends = 1 if spec.input.static else spec.timesteps
    return min(LONGEST_QUEUE, ends * (spec.input.size + 1) + 2 * QUEUE_SLACK)


def is_distributed(memory, rows):
    """Whether a memory of so many rows lies in distributed RAM, in a stage with this ``memory``."""
    return memory == "mixed" and rows <= LUT_ROWS


@dataclass(frozen=True)
class Part:
    """``rows`` words of a weight memory from ``start`` on, a multiple of their power of two."""

    start: int
    rows: int

    @property
    def column_width(self) -> int:
        """Bits that one block RAM of 18 kbit has over all rows."""
        return BLOCK_RAM_WIDTHS.get(max(9, (self.rows - 1).bit_length()), 1)


@dataclass(frozen=True)
class WeightGeometry:
    """``depth`` words of ``lanes`` weights of ``w_width`` bits, in one kind of memory.

    The depth is cut into *parts* and the width of each part into *columns*, so that one memory
    block spans all rows of a part.  A *slice* is the unit of loading: one or more columns of every
    part that hold ``slice_lanes`` whole weights.

    ``memory`` is ``"block"``: dual-port block RAM of 18 kbit, in one part up to 16k words;
    ``"packed"``: the same, cut into parts that fill their blocks, with a multiplexer behind them (a
    kernel of nine taps, say, takes fewer blocks as eight ninths and one); ``"mixed"``: the same,
    with parts of up to 32 words in distributed RAM, for devices that have it; or ``"spram"``:
    single-port RAM of 16k words of 16 bits, without initial contents.
    """

    depth: int
    lanes: int
    w_width: int
    memory: str = "block"

    rows = 1 << 14

    def __post_init__(self) -> None:
        if self.memory not in MEMORIES:
            raise ValueError(f"Weight memory must be one of {', '.join(MEMORIES)}, "
                             f"not {self.memory!r}")

    @cached_property
    def parts(self) -> list[Part]:
        """The parts, the largest first; as few as need fewest blocks."""
        whole = [Part(start, min(self.rows, self.depth - start))
                 for start in range(0, self.depth, self.rows)]
        if self.memory not in ("packed", "mixed"):
            return whole
        options = [whole[:-1] + _peel(whole[-1], times) for times in range(MOST_PARTS)]
        return min(options, key=lambda parts: (self._blocks(parts), len(parts)))

    def _blocks(self, parts):
        slice_lanes = self._slice_lanes(parts)
        width, slices = slice_lanes * self.w_width, -(-self.lanes // slice_lanes)
        return slices * sum(-(-width // self._column_width(part)) for part in parts
                            if not self.is_distributed(part))

    def is_distributed(self, part: Part) -> bool:
        """Whether a part lies in distributed RAM."""
        return is_distributed(self.memory, part.rows)

    def _slice_lanes(self, parts):
        widest = max(self._column_width(part) for part in parts)
        return min(self.lanes, max(1, widest // self.w_width))

    def _column_width(self, part):
        return SPRAM_WIDTH if self.memory == "spram" else part.column_width

    @property
    def slice_lanes(self) -> int:
        return self._slice_lanes(self.parts)

    @property
    def slice_width(self) -> int:
        return self.slice_lanes * self.w_width

    @property
    def slices(self) -> int:
        return -(-self.lanes // self.slice_lanes)

    @property
    def bits(self) -> int:
        """Bits of weights, padding included."""
        return self.depth * self.slices * self.slice_width

    def columns(self, part: Part) -> Iterator[tuple[int, int]]:
        """``(low, width)`` of each column of a slice: bits ``low`` to ``low + width``."""
        step = self._column_width(part)
        for low in range(0, self.slice_width, step):
            yield low, min(step, self.slice_width - low)

    def memories(self, distributed: bool = False) -> Iterator[tuple[int, int]]:
        """``(depth, width)`` of every memory of one of both kinds, in no particular order."""
        for part in self.parts:
            if self.is_distributed(part) == distributed:
                for _, width in self.columns(part):
                    yield from [(part.rows, width)] * self.slices


def _peel(part, times):
    """``part`` as up to ``times`` powers of two and what is left."""
    top = 1 << (part.rows - 1).bit_length() - 1 if part.rows > 1 else 1
    if not times or part.rows <= SMALLEST_PART or top == part.rows:
        return [part]
    return [Part(part.start, top), *_peel(Part(part.start + top, part.rows - top), times - 1)]


def pack(values, width, start=0, count=None):
    """``count`` signed integers of ``values`` from ``start`` on as one word, the first lowest."""
    stop = len(values) if count is None else min(start + count, len(values))
    return sum((int(values[k]) & (1 << width) - 1) << (k - start) * width
               for k in range(start, stop))
