"""How a stage's weights are cut into memories: plain numbers for generator, host and estimate.

Neither torch nor Amaranth.  The memories themselves are :mod:`qblif.hw.weights`.
"""

from dataclasses import dataclass

__all__ = ["MEMORIES", "QUEUE_SLACK", "WeightGeometry", "frame_queue_items", "queue_depth"]

MEMORIES = ("block", "spram")
BLOCK_RAM_WIDTHS = {9: 36, 10: 18, 11: 9, 12: 4, 13: 2, 14: 1}  # By address bits, of 18 kbit.
SPRAM_WIDTH = 16
LONGEST_QUEUE = 4096
QUEUE_SLACK = 8  # Events on their way into a frame's queue, and then some.


def queue_depth(items):
    """Rows of a queue's memory."""
    return 1 << max(1, items - 1).bit_length()


def frame_queue_items(spec):
    """Events that the queue of a frame on the board holds."""
    ends = 1 if spec.input.static else spec.timesteps
    return min(LONGEST_QUEUE, ends * (spec.input.size + 1) + 2 * QUEUE_SLACK)


@dataclass(frozen=True)
class WeightGeometry:
    """``depth`` words of ``lanes`` weights of ``w_width`` bits, in one kind of memory.

    A *column* is what one memory block spans over its full depth, at most ``rows`` words.  A
    *slice* is the unit of loading: one or more columns that hold ``slice_lanes`` whole weights.

    ``memory`` is ``"block"``: dual-port block RAM, cut as narrow as 18 kbit reach at the depth; or
    ``"spram"``: single-port RAM of 16k words of 16 bits, without initial contents.
    """

    depth: int
    lanes: int
    w_width: int
    memory: str = "block"

    rows = 1 << 14

    def __post_init__(self):
        if self.memory not in MEMORIES:
            raise ValueError(f"Weight memory must be one of {', '.join(MEMORIES)}, "
                             f"not {self.memory!r}")

    @property
    def column_width(self):
        if self.memory == "spram":
            return SPRAM_WIDTH
        return BLOCK_RAM_WIDTHS.get(max(9, (self.depth - 1).bit_length()), 1)

    @property
    def slice_lanes(self):
        return min(self.lanes, max(1, self.column_width // self.w_width))

    @property
    def slice_width(self):
        return self.slice_lanes * self.w_width

    @property
    def slices(self):
        return -(-self.lanes // self.slice_lanes)

    @property
    def bits(self):
        """Bits of weights, padding included."""
        return self.depth * self.slices * self.slice_width

    def columns(self):
        """``(low, width)`` of each column of a slice: bits ``low`` to ``low + width``."""
        for low in range(0, self.slice_width, self.column_width):
            yield low, min(self.column_width, self.slice_width - low)

    def memories(self):
        """``(depth, width)`` of every memory, in no particular order."""
        for start in range(0, self.depth, self.rows):
            for _, width in self.columns():
                yield from [(min(self.rows, self.depth - start), width)] * self.slices
