"""From the last population to a frame's scores and class.  The golden twin is
:class:`qblif.golden.integer.Trace`."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.memories import SMALL_ROWS
from .neuron_memories import StateMemory
from .payloads import index_shape, pipe

__all__ = ["ArgMax", "ClassResult", "LevelSums", "Score"]


class ClassResult(data.StructLayout):
    """The network's answer to one frame."""

    def __init__(self, classes):
        super().__init__({"label": index_shape(classes)})


class Score(data.StructLayout):
    """What one neuron of the last population did in one timestep: the ``level`` that it emitted (no
    bits where it does not fire) and its ``score`` so far.

    ``final``: the timestep is the frame's last, and the score the frame's.
    """

    def __init__(self, population, timesteps):
        super().__init__({
            "neuron": index_shape(population.size), "level": range(population.emit_max + 1),
            "score": signed(population.score_width(timesteps)), "final": 1})


class LevelSums(wiring.Component):
    """Sum of the levels that each neuron has emitted since its frame began, one neuron a cycle::

        t                address
        t + 2            first
        t + 2 + latency  level; o is the sum with it, which is written back

    Parameters
    ----------
    population : :class:`qblif.golden.spec.Population`
        One that fires.
    timesteps : int
    latency : int
        Of a neuron, from its state to its level.

    Members
    -------
    address : ``In(index_shape(size))``, write_address : ``In``, write : ``In(1)``
    first : ``In(1)``
        The timestep is the frame's first: there is no sum yet.
    level : ``In(range(emit_max + 1))``
    o : ``Out(signed(score_width))``
    """

    def __init__(self, population, timesteps, latency):
        self.latency, self.rows = latency, population.size if timesteps > 1 else 0
        width = population.score_width(timesteps)
        self.cell = unsigned(width - 1)
        index = index_shape(population.size)
        super().__init__({
            "address": In(index), "write_address": In(index), "write": In(1), "first": In(1),
            "level": In(range(population.emit_max + 1)), "o": Out(signed(width))})

    def elaborate(self, platform):
        m = Module()
        if not self.rows:
            m.d.comb += self.o.eq(self.level)
            return m
        m.submodules.sums = sums = StateMemory(cell=self.cell, fire_lanes=1, rows=self.rows,
                                               small_rows=SMALL_ROWS)
        before = Signal(self.cell)
        m.d.comb += [
            sums.address.eq(self.address), sums.write_address.eq(self.write_address),
            sums.write.eq(self.write), sums.new[0].eq(self.o),
            before.eq(Mux(self.first, 0, sums.state[0])),
            self.o.eq(pipe(m, before, self.latency, "before") + self.level)]
        return m


class ArgMax(wiring.Component):
    """Class of a frame: the largest score, the lowest index on a tie; it is valid in the cycle
    after the last score.

    Parameters
    ----------
    size, width : int
        Scores of a frame, and the signed width of one.

    Members
    -------
    start : ``In(1)``
        A pulse as the last pass of a frame starts.
    credit : ``Out(1)``
        No result waits or is being computed.
    valid, end : ``In(1)``, neuron : ``In(index_shape(size))``, score : ``In(signed(width))``
        The scores of the last pass, one a cycle and in order; ``end`` with the last.
    o : ``Out(stream.Signature(ClassResult(size)))``
    """

    def __init__(self, size, width):
        super().__init__({
            "start": In(1),
            "credit": Out(1),
            "valid": In(1),
            "neuron": In(index_shape(size)),
            "score": In(signed(width)),
            "end": In(1),
            "o": Out(stream.Signature(ClassResult(size))),
        })

    def elaborate(self, platform):
        m = Module()
        best = Signal.like(self.score)
        pending = Signal()
        m.d.comb += self.credit.eq(~pending)
        with m.If(self.valid & ((self.neuron == 0) | (self.score > best))):
            m.d.sync += [best.eq(self.score), self.o.p.label.eq(self.neuron)]
        with m.If(self.valid & self.end):
            m.d.sync += self.o.valid.eq(1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [self.o.valid.eq(0), pending.eq(0)]
        with m.If(self.start):
            m.d.sync += pending.eq(1)
        return m
