"""Sequencer of the update passes: which vector of neurons is updated in which cycle."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec import as_map
from .checks import check
from .payloads import index_shape, vector_address

__all__ = ["UpdateSequencer", "UpdateVector"]


class UpdateVector(data.StructLayout):
    """``fire_lanes`` neurons that are updated together.

    ``row``: of the state memory; ``address`` is what the neurons' addresses share, see
    :func:`qblif.hw.core.payloads.vector_address`.  ``pass_last``: the last vector of its pass;
    ``step_last``: of its step, whose lanes past the last channel are padding.  ``first`` and
    ``final``: the pass is one of a frame's first or last timestep.  ``rest``: its membranes start
    from rest.
    """

    def __init__(self, passes):
        super().__init__({"row": index_shape(passes.state_rows),
                          "address": vector_address(passes.shape, passes.fire_lanes),
                          "pass_last": 1, "step_last": 1, "first": 1, "final": 1,
                          "rest": 1})


class UpdateSequencer(wiring.Component):
    """Issue the vectors of an update pass once the currents of all engines are complete.

    A pass issues a vector a cycle while there is credit, and takes at least
    ``timing.least_cycles``, so that no membrane is read before the pass before has written it.
    With three vectors, five cycles a pass, and credit throughout::

        cycle     t     t+1   t+2   t+3   t+4   t+5   t+6   t+7
        complete  1
        start           1                                   1, if complete again
        en                    1     1     1
        channel               0     1     2
        release                           1

    A step takes a pass for each word of channels; the order of steps is that of
    :class:`qblif.hw.layout.passes.Passes`.  Static currents serve all timesteps and are released by
    the last.

    Parameters
    ----------
    timing : :class:`qblif.hw.layout.latency.StageTiming`
    static : sequence of bool
        Which of the engines have static currents.
    unread : sequence of int
        How many completions of each engine may wait.

    Members
    -------
    complete : ``In(engines)``, release : ``Out(engines)``
        Pulses: currents of an engine are complete, have been read.
    keep : ``In(1)``
        Frames behind the first one start with what the one before left.
    pass_credit, credit : ``In(1)``
        The first pass of a step may start; a vector may be issued.
    start : ``Out(1)``
        A pass starts in the next cycle; ``vector`` already says which.
    en : ``Out(1)``, vector : ``Out(UpdateVector(passes))``
        A vector is issued.
    last_read : ``Out(engines)``
        No later pass reads these currents.
    waiting : ``Out(engines)``
        The next pass waits for the currents of these engines.
    """

    def __init__(self, *, timing, static, unread):
        self.timing = timing
        self.static = static
        self.unread = unread
        engines = len(static)
        super().__init__({
            "complete": In(engines), "release": Out(engines),
            "keep": In(1), "pass_credit": In(1), "credit": In(1),
            "start": Out(1), "en": Out(1),
            "vector": Out(UpdateVector(timing.passes)),
            "last_read": Out(engines), "waiting": Out(engines)})

    def elaborate(self, platform):
        m = Module()
        passes, vector = self.timing.passes, self.vector
        word, timestep = self.count_steps(m)
        begun = Signal()  # Behind the first timestep of all: there is a state to keep.
        with m.If(self.en & ~vector.first):
            m.d.sync += begun.eq(1)
        m.d.comb += [vector.first.eq(timestep == 0),
                     vector.rest.eq(vector.first & ~(self.keep & begun)),
                     vector.final.eq(timestep == passes.timesteps - 1),
                     self.last_read.eq(Cat(vector.final if static else C(1)
                                           for static in self.static)),
                     self.release.eq(Mux(self.en & vector.pass_last, self.last_read, 0))]

        # A pass starts when currents of every engine are unread.
        unread = [Signal(range(most + 1), name=f"unread_{k}") for k, most in enumerate(self.unread)]
        m.d.sync += [count.eq(count + complete - release) for count, complete, release
                     in zip(unread, self.complete, self.release, strict=True)]
        m.d.comb += self.waiting.eq(Cat(count == 0 for count in unread))
        for k, (count, most) in enumerate(zip(unread, self.unread, strict=True)):
            check(m, platform, ~self.complete[k] | self.release[k] | (count != most),
                  f"engine {k} completed currents while {most} of them were unread")

        # `slot` counts the cycles of a pass: one a vector, then idle ones.
        running, issuing = Signal(), Signal()
        cycles = [self.timing.pass_cycles(n) for n in (passes.vectors, passes.last_vectors)]
        slot = Signal(range(max(cycles)))
        last_word = word == passes.words - 1
        m.d.comb += [
            self.start.eq(~self.waiting.any() & ~running & (self.pass_credit | (word != 0))),
            self.en.eq(issuing & self.credit),
            vector.pass_last.eq(vector.step_last | (slot == passes.vectors - 1))]
        with m.If(self.start):
            m.d.sync += [running.eq(1), issuing.eq(1)]
        with m.If(self.en | running & ~issuing):
            m.d.sync += slot.eq(slot + 1)
            with m.If(vector.pass_last):
                m.d.sync += issuing.eq(0)
            with m.If(slot == Mux(last_word, cycles[1] - 1, cycles[0] - 1)):
                m.d.sync += [running.eq(0), slot.eq(0)]
        return m

    def count_steps(self, m):
        """Word, timestep, channel, column and row of the next vector; a row of the state memory."""
        passes, vector = self.timing.passes, self.vector
        channels, rows, columns = as_map(passes.shape)
        word, timestep = (Signal(index_shape(n), name=name) for name, n in (
            ("word", passes.words), ("timestep", passes.timesteps)))
        address = vector.address
        channel = Signal(index_shape(passes.channel_vectors))
        m.d.comb += [address.channel.eq(channel),
                     vector.step_last.eq(channel == passes.channel_vectors - 1)]
        done = self.en & vector.step_last
        with m.If(self.en):
            m.d.sync += channel.eq(Mux(vector.step_last, 0, channel + 1))
            with m.If(vector.pass_last):
                m.d.sync += word.eq(Mux(vector.step_last, 0, word + 1))
        position = [(address.column, columns), (address.row, rows)]
        times = [(timestep, passes.timesteps)]
        for counter, count in (times + position if passes.inner else position + times):
            last = counter == count - 1
            if count > 1:
                with m.If(done):
                    m.d.sync += counter.eq(Mux(last, 0, counter + 1))
                done = done & last
        if passes.inner:
            m.d.comb += vector.row.eq(channel)
        elif passes.timesteps > 1:
            with m.If(self.en):
                m.d.sync += vector.row.eq(
                    Mux(vector.row == passes.state_rows - 1, 0, vector.row + 1))
        return word, timestep
