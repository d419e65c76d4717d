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
    ports : int
        Words that are read at once, from copies with two read ports each, the second of which
        shares its address with the write port: on an ECP5 a block RAM has two ports in all.
    memory : one of :data:`qblif.hw.layout.memories.MEMORIES`
        Single-port RAM does not read in a cycle in which it is written.  Raises
        :class:`ValueError` for it with ``init``, as such memories start without contents.

    Members
    -------
    address_P : ``In(index_shape(depth))``
    weights_P : ``Out(data.ArrayLayout(signed(w_width), lanes))``
        Of each port.
    write : ``In(slices)``
        One write enable a slice.  Load at rest: the weights read in that cycle are undefined.
    writing : ``In(1)``
        A word is loaded, here or elsewhere: a port that shares the write port's address does not
        read.
    write_address : ``In(index_shape(depth))``
    write_data : ``In(slice_lanes * w_width)``
        The last slice may have fewer lanes: its weights are in the low bits.
    """

    def __init__(self, *, depth, lanes, w_width, init=None, memory="block", ports=1):
        if init is not None and memory == "spram":
            raise InvalidValue("Weights cannot be baked into single-port RAM, which starts empty: "
                               "load them at run time")
        self.geometry = geometry = WeightGeometry(depth, lanes, w_width, memory, ports)
        self.depth = depth
        self.lanes = lanes
        self.w_width = w_width
        self.init = init
        self.slice_lanes = geometry.slice_lanes
        self.slices = geometry.slices
        self.slice_width = geometry.slice_width
        super().__init__({f"address_{port}": In(index_shape(depth)) for port in range(ports)} | {
            f"weights_{port}": Out(data.ArrayLayout(signed(w_width), lanes))
            for port in range(ports)} | {
            "write": In(self.slices),
            "write_address": In(index_shape(depth)),
            "write_data": In(self.slice_width),
            "writing": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        for copy in range(self.geometry.copies):
            ports = range(2 * copy, min(2 * copy + 2, self.geometry.ports))
            self.connect_copy(m, copy, ports)
        return m

    def connect_copy(self, m, copy, ports):
        """A memory of all weights, and the one or two ports that read it."""
        geometry, parts = self.geometry, self.geometry.parts
        addresses = [getattr(self, f"address_{port}") for port in ports]
        # Which parts but the first start at the address or below it.
        begun = [[pipe(m, address >= part.start, 2, f"begun_{port}_{k}")
                  for k, part in enumerate(parts[1:], 1)]
                 for port, address in zip(ports, addresses, strict=True)]
        write_address = self.write_address
        if geometry.memory == "spram" or len(ports) > 1:  # The last port shares its address.
            write_address = Signal.like(addresses[-1], name=f"shared_{copy}")
            m.d.comb += write_address.eq(Mux(self.writing, self.write_address, addresses[-1]))
            addresses[-1] = write_address
        words = [[] for _ in ports]
        for index in range(self.slices):
            found = [self.read_part(m, copy, index, k, addresses, write_address)
                     for k in range(len(parts))]
            for p, word in enumerate(words):
                chosen = found[0][p]
                for k in range(1, len(parts)):
                    chosen = Mux(begun[p][k - 1], found[k][p], chosen)
                word.append(chosen)
        m.d.comb += [getattr(self, f"weights_{port}").eq(Cat(word))
                     for port, word in zip(ports, words, strict=True)]

    def read_part(self, m, copy, index, k, addresses, write_address):
        """One part of a slice: what each address reads, two cycles later."""
        geometry = self.geometry
        part = geometry.parts[k]
        lanes = geometry.lanes_of(index)
        end, bits = part.start + part.rows, max(1, ceil_log2(part.rows))
        enable = self.write[index]
        if k:
            enable = enable & (self.write_address >= part.start)
        if k < len(geometry.parts) - 1:  # There is nothing to compare behind the last.
            enable = enable & (self.write_address < end)
        if write_address is not self.write_address:  # Never both enables: one port does.
            enable = enable & self.writing
        columns = [[] for _ in addresses]
        for low, width in geometry.columns(part, index):
            init = [pack(word, self.w_width, lanes.start, len(lanes)) >> low & (1 << width) - 1
                    for word in (self.init or [])[part.start:end]]
            name = f"slice_{index}_{low}_{k}" + (f"_copy_{copy}" if copy else "")
            m.submodules[name] = ram = memory.Memory(
                shape=unsigned(width), depth=max(2, part.rows), init=init,
                attrs=self.attributes(part))
            write = ram.write_port()
            m.d.comb += [write.en.eq(enable),
                         write.addr.eq(write_address[:bits]),
                         write.data.eq(self.write_data[low:low + width])]
            for p, address in enumerate(addresses):
                read = ram.read_port()
                m.d.comb += read.addr.eq(address[:bits])
                if address is write_address:
                    m.d.comb += read.en.eq(~self.writing)
                columns[p].append(pipe(m, read.data, 1, f"{name}_read_{p}"))
        return [Cat(column) for column in columns]

    def attributes(self, part):
        if self.geometry.memory == "spram":
            return SINGLE_PORT_RAM
        return DISTRIBUTED_RAM if self.geometry.is_distributed(part) else BLOCK_RAM
