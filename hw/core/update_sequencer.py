"""Sequencer of the update passes: which vector of neurons is updated in which cycle."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec import as_map
from ..layout.addressing import address_bits, lane_bits
from .checks import check
from .payloads import index_shape

__all__ = ["UpdateSequencer", "UpdateVector", "vector_address"]


class UpdateVector(data.StructLayout):
    """``fire_lanes`` neurons that are updated together.

    ``index`` counts the vectors of a pass; ``address`` is what the neurons' addresses share, see
    :func:`vector_address`.  ``pixel_last``: the last vector of its position, whose lanes past the
    last channel are padding; ``pass_last``: the last of the pass.  ``first`` and ``final``: the
    pass is that of a frame's first or last timestep.
    """

    def __init__(self, shape, fire_lanes, vectors):
        super().__init__({"index": index_shape(vectors),
                          "address": vector_address(shape, fire_lanes),
                          "pixel_last": 1, "pass_last": 1, "first": 1, "final": 1})


def vector_address(shape, fire_lanes):
    """Layout of a neuron's address without the bits that number the lanes of a vector."""
    channel, column, row = address_bits(shape)
    return data.StructLayout({"channel": channel - lane_bits(shape, fire_lanes), "column": column,
                              "row": row})


class UpdateSequencer(wiring.Component):
    """Issue the vectors of an update pass once the sums of all synapses are complete.

    A pass issues a vector a cycle while there is credit, and takes at least ``timing.pass_cycles``,
    so that no membrane is read before the pass before has written it.  With three vectors, five
    cycles a pass, and credit throughout::

        cycle     t     t+1   t+2   t+3   t+4   t+5   t+6   t+7
        complete  1
        start           1                                   1, if complete again
        en                    1     1     1
        index                 0     1     2
        release                           1

    The sums of a static input serve all passes of a frame and are released by the last.

    Parameters
    ----------
    shape : tuple, of the population
    timing : :class:`qblif.hw.layout.latency.StageTiming`
    timesteps : int, of a frame
    static : sequence of bool
        Which of the synapses have a static input.
    unread : sequence of int
        How many timesteps of sums of each synapse may wait.
    fire_lanes : int

    Members
    -------
    complete : ``In(synapses)``, release : ``Out(synapses)``
        Pulses: the sums of one timestep of a synapse are complete, have been read.
    pass_credit, credit : ``In(1)``
        A pass may start; a vector may be issued.
    start : ``Out(1)``
        A pass starts in the next cycle; ``vector`` already says which.
    en : ``Out(1)``, vector : ``Out(UpdateVector(...))``
        A vector is issued.
    last_read : ``Out(synapses)``
        No later pass reads these sums.
    waiting : ``Out(synapses)``
        The next pass waits for the sums of these synapses.
    """

    def __init__(self, shape, *, timing, timesteps, static, unread, fire_lanes):
        self.shape = shape
        self.timing = timing
        self.timesteps = timesteps
        self.static = static
        self.unread = unread
        self.fire_lanes = fire_lanes
        synapses = len(static)
        super().__init__({
            "complete": In(synapses), "release": Out(synapses),
            "pass_credit": In(1), "credit": In(1),
            "start": Out(1), "en": Out(1),
            "vector": Out(UpdateVector(shape, fire_lanes, timing.vectors)),
            "last_read": Out(synapses), "waiting": Out(synapses)})

    def elaborate(self, platform):
        m = Module()
        vector = self.vector
        timestep = Signal(index_shape(self.timesteps))
        m.d.comb += [vector.first.eq(timestep == 0),
                     vector.final.eq(timestep == self.timesteps - 1),
                     self.last_read.eq(Cat(vector.final if static else C(1)
                                           for static in self.static)),
                     self.release.eq(Mux(self.en & vector.pass_last, self.last_read, 0))]

        # A pass starts when the sums of a timestep of every synapse are unread.
        unread = [Signal(range(most + 1), name=f"unread_{k}") for k, most in enumerate(self.unread)]
        m.d.sync += [count.eq(count + complete - release) for count, complete, release
                     in zip(unread, self.complete, self.release, strict=True)]
        m.d.comb += self.waiting.eq(Cat(count == 0 for count in unread))
        for k, (count, most) in enumerate(zip(unread, self.unread, strict=True)):
            check(m, platform, ~self.complete[k] | self.release[k] | (count != most),
                  f"synapse {k} completed sums while {most} timesteps of them were unread")

        # `slot` counts the cycles of a pass: one a vector, then idle ones.
        running, issuing = Signal(), Signal()
        slot = Signal(range(self.timing.pass_cycles))
        m.d.comb += [self.start.eq(~self.waiting.any() & ~running & self.pass_credit),
                     self.en.eq(issuing & self.credit), vector.index.eq(slot),
                     vector.pass_last.eq(slot == self.timing.vectors - 1)]
        with m.If(self.start):
            m.d.sync += [running.eq(1), issuing.eq(1)]
        with m.If(self.en | running & ~issuing):
            m.d.sync += slot.eq(slot + 1)
            with m.If(vector.pass_last):
                m.d.sync += issuing.eq(0)
            with m.If(slot == self.timing.pass_cycles - 1):
                m.d.sync += [running.eq(0), slot.eq(0),
                             timestep.eq(Mux(vector.final, 0, timestep + 1))]
        self.count_address(m)
        return m

    def count_address(self, m):
        """Channel, column and row of the vector; its lanes are the lowest bits of the channel."""
        channels, rows, columns = as_map(self.shape)
        counts = {"channel": -(-channels // self.fire_lanes), "column": columns, "row": rows}
        carry = self.en
        for field, count in counts.items():
            index = self.vector.address[field]
            at_end = index == count - 1
            if field == "channel":
                m.d.comb += self.vector.pixel_last.eq(at_end)
            if count > 1:
                with m.If(carry):
                    m.d.sync += index.eq(Mux(at_end, 0, index + 1))
                carry = carry & at_end
