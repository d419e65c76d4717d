"""What a population remembers of its neurons: membranes, and biases."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..layout.memories import pack
from .payloads import ANY_RAM, BLOCK_RAM, index_shape, pipe

__all__ = ["BiasMemories", "StateMemory"]


class StateMemory(wiring.Component):
    """The state of all neurons, a row for each vector of ``fire_lanes``::

        t      address, or write
        t + 1  RAM output
        t + 2  state

    The update pass reads a row before its step and writes it after; it is never read in the cycle
    in which it is written, see :attr:`qblif.hw.layout.latency.StageTiming.least_cycles`.

    Parameters
    ----------
    cell : shape of one neuron's state, :class:`qblif.hw.core.neuron.NeuronState`
    fire_lanes, rows : int
    small_rows : int
        With so many rows or fewer it may stay out of block RAM.

    Members
    -------
    address : ``In(index_shape(rows))``, state : ``Out(row)``
    write : ``In(1)``, write_address, new : ``In``
    """

    def __init__(self, *, cell, fire_lanes, rows, small_rows=0):
        self.rows = rows
        self.attrs = BLOCK_RAM if rows > small_rows else ANY_RAM
        self.row = data.ArrayLayout(cell, fire_lanes)
        super().__init__({
            "address": In(index_shape(rows)), "state": Out(self.row),
            "write": In(1), "write_address": In(index_shape(rows)), "new": In(self.row)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.cells = cells = memory.Memory(
            shape=self.row, depth=max(2, self.rows), init=[],
            attrs=self.attrs)
        read, write = cells.read_port(), cells.write_port()
        m.d.comb += [read.addr.eq(self.address), write.en.eq(self.write),
                     write.addr.eq(self.write_address), write.data.eq(self.new),
                     self.state.eq(pipe(m, read.data, 1, "state"))]
        return m


class BiasMemories(wiring.Component):
    """A bias for each channel: one memory a lane, which can be loaded at run time::

        t      address
        t + 1  RAM output
        t + 2  bias

    Parameters
    ----------
    width, fire_lanes : int
    rows : int
        Vectors of one position.
    small_rows : int
        With so many rows or fewer it may stay out of block RAM.
    init : sequence of the channels' biases to bake in, or ``None``

    Members
    -------
    address : ``In(index_shape(rows))``
    bias : ``Out(data.ArrayLayout(signed(width), fire_lanes))``
    write : ``In(fire_lanes)``, write_address : ``In(index_shape(rows))``
        One write enable a lane.
    write_data : ``In(width)``
    """

    def __init__(self, *, width, fire_lanes, rows, small_rows=0, init=None):
        self.attrs = BLOCK_RAM if rows > small_rows else ANY_RAM
        self.width = width
        self.fire_lanes = fire_lanes
        self.rows = rows
        self.init = init
        super().__init__({
            "address": In(index_shape(rows)),
            "bias": Out(data.ArrayLayout(signed(width), fire_lanes)),
            "write": In(fire_lanes), "write_address": In(index_shape(rows)),
            "write_data": In(width)})

    def elaborate(self, platform):
        m = Module()
        biases = []
        for k in range(self.fire_lanes):
            init = [] if self.init is None else [
                pack([value], self.width) for value in self.init[k::self.fire_lanes]]
            m.submodules[f"lane_{k}"] = cells = memory.Memory(
                shape=unsigned(self.width), depth=max(2, self.rows), init=init,
                attrs=self.attrs)
            read, write = cells.read_port(), cells.write_port()
            m.d.comb += [read.addr.eq(self.address), write.en.eq(self.write[k]),
                         write.addr.eq(self.write_address), write.data.eq(self.write_data)]
            biases.append(pipe(m, read.data, 1, f"bias_{k}"))
        m.d.comb += self.bias.eq(Cat(biases))
        return m
