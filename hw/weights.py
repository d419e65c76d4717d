"""Weight memory of a synapse stage: one word of ``lanes`` weights a cycle, loadable at run time."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .layouts import index_shape
from .load import pack

__all__ = ["WeightMemory"]

BLOCK_RAM_WIDTHS = {9: 36, 10: 18, 11: 9, 12: 4, 13: 2, 14: 1}  # By address bits: an 18 kbit RAM.


class WeightMemory(wiring.Component):
    """``depth`` words of ``lanes`` signed weights, read with a latency of one cycle.

    The word is cut into slices of whole weights, so narrow that one block RAM spans the full
    depth and no multiplexer stands behind it.  A slice is also the unit of loading.

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
        widest = BLOCK_RAM_WIDTHS.get(max(9, ceil_log2(depth)), 1)
        self.slice_lanes = min(lanes, max(1, widest // w_width))
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
        padded = Signal(self.slices * self.slice_width)
        m.d.comb += self.weights.eq(padded)
        for index in range(self.slices):
            init = [pack(word, self.w_width, index * self.slice_lanes, self.slice_lanes)
                    for word in self.init or ()]
            # Never read and written at one address in one cycle: weights are loaded at rest.
            m.submodules[f"slice_{index}"] = slice_ = memory.Memory(
                shape=unsigned(self.slice_width), depth=max(2, self.depth), init=init,
                attrs={"no_rw_check": True})
            read, write = slice_.read_port(), slice_.write_port()
            m.d.comb += [
                read.addr.eq(self.address),
                padded.word_select(index, self.slice_width).eq(read.data),
                write.en.eq(self.write[index]),
                write.addr.eq(self.write_address),
                write.data.eq(self.write_data),
            ]
        return m
