"""Weight memory of a synapse: a word of ``lanes`` weights a cycle, loadable at run time."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ...golden.spec.errors import InvalidValue
from ..layout.memories import WeightGeometry, pack
from .payloads import BLOCK_RAM, DISTRIBUTED_RAM, index_shape, pipe

__all__ = ["WeightMemory"]

# yosys maps it where the device has single-port RAM; elsewhere it asks for block RAM itself.
SINGLE_PORT_RAM = {"ram_style": "huge"}


class WeightMemory(wiring.Component):
    """``depth`` words of ``lanes`` signed weights::

        t      address
        t + 1  RAM output
        t + 2  weights, from a register that can become the block RAM's own

    Depth and width are split so that every memory block is full: into *parts* by depth, with a
    multiplexer of a few of them behind their registers, and into *slices* of whole weights by
    width, the unit of loading; see :class:`qblif.hw.layout.memories.WeightGeometry`.

    Parameters
    ----------
    depth, lanes, w_width : int
    init : sequence of ``depth`` sequences of ``lanes`` integers, or ``None``
        Weights baked into the memory's initial contents.
    memory : one of :data:`qblif.hw.layout.memories.MEMORIES`
        Single-port RAM does not read in a cycle in which it is written.  Raises
        :class:`ValueError` for it with ``init``, as such memories start without contents.

    Members
    -------
    address : ``In(index_shape(depth))``
    weights : ``Out(data.ArrayLayout(signed(w_width), lanes))``
    write : ``In(slices)``
        One write enable a slice.  Load at rest: the weights read in that cycle are undefined.
    write_address : ``In(index_shape(depth))``
    write_data : ``In(slice_lanes * w_width)``
    """

    def __init__(self, *, depth, lanes, w_width, init=None, memory="block"):
        if init is not None and memory == "spram":
            raise InvalidValue("Weights cannot be baked into single-port RAM, which starts empty: "
                               "load them at run time")
        self.geometry = geometry = WeightGeometry(depth, lanes, w_width, memory)
        self.depth = depth
        self.lanes = lanes
        self.w_width = w_width
        self.init = init
        self.slice_lanes = geometry.slice_lanes
        self.slices = geometry.slices
        self.slice_width = geometry.slice_width
        super().__init__({
            "address": In(index_shape(depth)),
            "weights": Out(data.ArrayLayout(signed(w_width), lanes)),
            "write": In(self.slices),
            "write_address": In(index_shape(depth)),
            "write_data": In(self.slice_width),
        })

    def elaborate(self, platform):
        m = Module()
        geometry, words = self.geometry, []
        parts = geometry.parts
        # Which parts but the first start at the address or below it.
        begun = [pipe(m, self.address >= part.start, 2, f"begun_{k}")
                 for k, part in enumerate(parts[1:], 1)]
        address = self.address
        if geometry.memory == "spram":
            address = Signal.like(self.address)
            m.d.comb += address.eq(Mux(self.write.any(), self.write_address, self.address))
        block = self.single_port if geometry.memory == "spram" else self.dual_port
        for index in range(self.slices):
            lanes = slice(index * self.slice_lanes, (index + 1) * self.slice_lanes)
            chosen = None
            for k, part in enumerate(parts):
                columns = []
                end = part.start + part.rows
                here = C(1)
                if len(parts) > 1:
                    here = (self.write_address >= part.start) & (self.write_address < end)
                for low, width in geometry.columns(part):
                    init = [pack(word[lanes], self.w_width) >> low & (1 << width) - 1
                            for word in (self.init or [])[part.start:end]]
                    m.submodules[f"slice_{index}_{low}_{k}"] = ram = memory.Memory(
                        shape=unsigned(width), depth=max(2, part.rows), init=init,
                        attrs=self.attributes(part))
                    bits = max(1, ceil_log2(part.rows))
                    read = block(m, ram, address[:bits], self.write[index] & here,
                                 self.write_data[low:low + width], self.write_address[:bits])
                    columns.append(pipe(m, read, 1, f"read_{index}_{low}_{k}"))
                chosen = Mux(begun[k - 1], Cat(columns), chosen) if k else Cat(columns)
            words.append(chosen)
        m.d.comb += self.weights.eq(Cat(words))
        return m

    def attributes(self, part):
        if self.geometry.memory == "spram":
            return SINGLE_PORT_RAM
        return DISTRIBUTED_RAM if self.geometry.is_distributed(part) else BLOCK_RAM

    def dual_port(self, m, ram, address, enable, value, write_address):
        read, write = ram.read_port(), ram.write_port()
        m.d.comb += [read.addr.eq(address), write.addr.eq(write_address),
                     write.en.eq(enable), write.data.eq(value)]
        return read.data

    def single_port(self, m, ram, address, enable, value, _):
        # One address and never both enables: this maps to one port.
        read, write = ram.read_port(), ram.write_port()
        m.d.comb += [read.addr.eq(address), read.en.eq(~enable), write.addr.eq(address),
                     write.en.eq(enable), write.data.eq(value)]
        return read.data
