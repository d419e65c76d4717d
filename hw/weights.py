"""Weight memory of a synapse stage: one word of ``lanes`` weights a cycle, loadable at run time."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .layouts import BLOCK_RAM, index_shape
from .load import pack

__all__ = ["WeightMemory"]

BLOCK_RAM_ROWS = 1 << 14
BLOCK_RAM_WIDTHS = {9: 36, 10: 18, 11: 9, 12: 4, 13: 2, 14: 1}  # By address bits, of 18 kbit.


class WeightMemory(wiring.Component):
    """``depth`` words of ``lanes`` signed weights, read with a latency of one cycle.

    The word is cut into columns so narrow that one block RAM spans the full depth: no multiplexer
    stands behind it, up to :data:`BLOCK_RAM_ROWS` words.  A slice is the unit of loading, one or
    more columns that hold whole weights.

    Parameters
    ----------
    depth, lanes, w_width : int
    init : sequence of ``depth`` sequences of ``lanes`` integers, or ``None``
        Weights baked into the memory's initial contents.

    Members
    -------
    address : ``In(index_shape(depth))``
    weights : ``Out(data.ArrayLayout(signed(w_width), lanes))``
    write : ``In(slices)``
        One write enable a slice; writes to the word that is being read are not allowed.
    write_address : ``In(index_shape(depth))``
    write_data : ``In(slice_lanes * w_width)``
    """

    def __init__(self, *, depth, lanes, w_width, init=None):
        self.depth = depth
        self.lanes = lanes
        self.w_width = w_width
        self.init = init
        self.column_width = BLOCK_RAM_WIDTHS.get(max(9, ceil_log2(depth)), 1)
        self.slice_lanes = min(lanes, max(1, self.column_width // w_width))
        self.slices = -(-lanes // self.slice_lanes)
        self.slice_width = self.slice_lanes * w_width
        super().__init__({
            "address": In(index_shape(depth)),
            "weights": Out(data.ArrayLayout(signed(w_width), lanes)),
            "write": In(self.slices),
            "write_address": In(index_shape(depth)),
            "write_data": In(self.slice_width),
        })

    def elaborate(self, platform):
        m = Module()
        columns = []
        blocks = range(0, self.depth, BLOCK_RAM_ROWS)
        read_block = Signal(index_shape(len(blocks)))
        m.d.sync += read_block.eq(self.address >> ceil_log2(BLOCK_RAM_ROWS))
        for index in range(self.slices):
            start = index * self.slice_lanes
            words = [pack(word, self.w_width, start, self.slice_lanes) for word in self.init or ()]
            for low in range(0, self.slice_width, self.column_width):
                width = min(self.column_width, self.slice_width - low)
                column = [self.block(m, f"slice_{index}_{low}_{k}", index, k if len(blocks) > 1
                                     else None, words[row:row + BLOCK_RAM_ROWS], low, width,
                                     min(BLOCK_RAM_ROWS, self.depth - row))
                          for k, row in enumerate(blocks)]
                columns.append(Array(column)[read_block])
        m.d.comb += self.weights.eq(Cat(columns))
        return m

    def block(self, m, name, index, block, words, low, width, depth):
        """One memory: bits ``low`` to ``low + width`` of a slice, in one block of rows."""
        # Never read and written at one address in one cycle: weights are loaded at rest.
        m.submodules[name] = column = memory.Memory(
            shape=unsigned(width), depth=max(2, depth),
            init=[word >> low & (1 << width) - 1 for word in words], attrs=BLOCK_RAM)
        read, write = column.read_port(), column.write_port()
        here = C(1) if block is None else self.write_address >> ceil_log2(BLOCK_RAM_ROWS) == block
        m.d.comb += [read.addr.eq(self.address), write.en.eq(self.write[index] & here),
                     write.addr.eq(self.write_address),
                     write.data.eq(self.write_data[low:low + width])]
        return read.data
