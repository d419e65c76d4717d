"""Remembers a frame's levels, for the host to read."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from ..core.payloads import BLOCK_RAM, TraceVector, index_shape, pipe
from ..layout.addressing import vector_count

__all__ = ["LevelRecorder"]


class LevelRecorder(wiring.Component):
    """The levels of one population in every timestep of the last frame.

    A row holds the levels of a vector of ``fire_lanes`` neurons, the first in the lowest bits, in
    the order of :class:`qblif.hw.layout.passes.Passes`.  Latency of a read: two cycles.  Nothing
    is read while a frame is under way.

    Parameters
    ----------
    population : :class:`qblif.golden.spec.Population`
    timesteps, fire_lanes : int

    Members
    -------
    start : ``In(1)``
        A frame begins.
    trace : ``In(TraceVector(...))``, trace_valid : ``In(1)``
    address : ``In(index_shape(rows))``
    row : ``Out(width)``
    """

    def __init__(self, population, *, timesteps, fire_lanes):
        self.rows = timesteps * vector_count(population.shape, fire_lanes)
        self.width = fire_lanes * population.emit_max.bit_length()
        super().__init__({
            "start": In(1), "trace": In(TraceVector(population, fire_lanes)), "trace_valid": In(1),
            "address": In(index_shape(self.rows)), "row": Out(self.width)})

    def elaborate(self, platform):
        m = Module()
        # Read while no frame is under way: never where it is written.
        m.submodules.rows = rows = memory.Memory(shape=unsigned(self.width),
                                                 depth=max(2, self.rows), init=[], attrs=BLOCK_RAM)
        write, read = rows.write_port(), rows.read_port()
        valid = pipe(m, self.trace_valid, 1, "valid", reset=True)
        m.d.comb += [write.en.eq(valid), read.addr.eq(self.address),
                     write.data.eq(pipe(m, self.trace.levels.as_value(), 1, "levels"))]
        m.d.sync += self.row.eq(read.data)
        with m.If(self.start):
            m.d.sync += write.addr.eq(0)
        with m.Elif(valid):
            m.d.sync += write.addr.eq(write.addr + 1)
        return m
