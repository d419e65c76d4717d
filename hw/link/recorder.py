"""Remembers a frame's levels and scores, for the host to read."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from ..core.payloads import ANY_RAM, BLOCK_RAM, TraceVector, index_shape, pipe
from ..core.readout import Score
from ..layout.addressing import vector_count

__all__ = ["LevelRecorder", "ScoreRecorder"]


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
    complete : ``Out(1)``
        All rows of the frame are there.
    """

    def __init__(self, population, *, timesteps, fire_lanes):
        self.rows = timesteps * vector_count(population.shape, fire_lanes)
        self.width = fire_lanes * population.emit_max.bit_length()
        super().__init__({
            "start": In(1), "trace": In(TraceVector(population, fire_lanes)), "trace_valid": In(1),
            "address": In(index_shape(self.rows)), "row": Out(self.width), "complete": Out(1)})

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
            m.d.sync += [write.addr.eq(0), self.complete.eq(0)]
        with m.Elif(valid):
            m.d.sync += [write.addr.eq(write.addr + 1),
                         self.complete.eq(write.addr == self.rows - 1)]
        return m


class ScoreRecorder(wiring.Component):
    """The scores of the last frame, one a row.  Latency of a read: two cycles.  Nothing is read
    while a frame is under way.

    Parameters
    ----------
    network : :class:`qblif.golden.spec.Network`

    Members
    -------
    score : ``In(Score(...))``, valid : ``In(1)``
        See :class:`qblif.hw.core.network.NetworkCore`.
    address : ``In(index_shape(size))``
    row : ``Out(signed(32))``
    """

    def __init__(self, network):
        self.size = network.populations[-1].size
        self.score_shape = Score(network.populations[-1], network.timesteps)
        super().__init__({
            "score": In(self.score_shape), "valid": In(1),
            "address": In(index_shape(self.size)), "row": Out(signed(32))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = memory.Memory(
            shape=self.score_shape["score"].shape, depth=max(2, self.size), init=[],
            attrs=ANY_RAM)
        write, read = rows.write_port(), rows.read_port()
        m.d.comb += [write.en.eq(self.valid), write.addr.eq(self.score.neuron),
                     write.data.eq(self.score.score), read.addr.eq(self.address)]
        m.d.sync += self.row.eq(read.data)
        return m
