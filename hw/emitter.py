"""From levels to events: queue what fired, pick it apart, announce the end of the timestep."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .layouts import Event, index_shape
from .queue import EventQueue

__all__ = ["Emitter", "FireBeat"]


class FireBeat(data.StructLayout):
    """Levels of ``fire_lanes`` neurons, the first at ``beat * fire_lanes``; ``end`` on the last
    beat of a timestep."""

    def __init__(self, size, n_max, fire_lanes):
        super().__init__({"levels": data.ArrayLayout(range(n_max + 1), fire_lanes),
                          "beat": index_shape(-(-size // fire_lanes)), "end": 1})


class Emitter(wiring.Component):
    """Fire pass in, event stream out.

    Only beats in which a neuron fired enter the queue, and the last of a timestep, which carries
    its end.  Two passes fit: ``credit`` says whether another may start, so that a running pass
    never has to stop.

    Parameters
    ----------
    size, n_max, fire_lanes : int

    Members
    -------
    start : ``In(1)``
        A pulse as a pass starts.
    credit : ``Out(1)``
    valid : ``In(1)``, i : ``In(FireBeat(size, n_max, fire_lanes))``
        Every beat of the pass, fired or not.
    o : ``Out(stream.Signature(Event(size, n_max)))``
    """

    def __init__(self, size, n_max, fire_lanes):
        self.size = size
        self.fire_lanes = fire_lanes
        self.beat = FireBeat(size, n_max, fire_lanes)
        super().__init__({
            "start": In(1),
            "credit": Out(1),
            "valid": In(1),
            "i": In(self.beat),
            "o": Out(stream.Signature(Event(size, n_max))),
        })

    def elaborate(self, platform):
        m = Module()
        beats = -(-self.size // self.fire_lanes)
        m.submodules.queue = queue = EventQueue(self.beat, 2 * beats)
        fired = Cat(level != 0 for level in self.i.levels)
        m.d.comb += [queue.item.eq(self.i), queue.push.eq(self.valid & (fired.any() | self.i.end))]

        # Pick: the neurons of a beat that fired leave one by one, then its end.
        beat = Signal(self.beat)
        left = Signal(self.fire_lanes + 1)
        lane = Signal(index_shape(self.fire_lanes))
        level = Signal.like(self.o.p.level)
        pick = Signal()
        end = ~left[:-1].any()
        last = (left & (left - 1)) == 0
        for k in reversed(range(self.fire_lanes)):
            with m.If(left[k]):
                m.d.comb += [lane.eq(k), level.eq(beat.levels[k])]
        m.d.comb += [pick.eq(left.any() & (self.o.ready | ~self.o.valid)),
                     queue.o.ready.eq(~left.any() | pick & last)]
        with m.If(pick):
            m.d.sync += left.eq(left & (left - 1))
        with m.If(queue.o.ready):
            m.d.sync += [beat.eq(queue.o.p), left.eq(0)]
            with m.If(queue.o.valid):
                m.d.sync += left.eq(Cat((level != 0 for level in queue.o.p.levels), queue.o.p.end))

        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += [self.o.valid.eq(pick), self.o.p.end.eq(end),
                         self.o.p.address.eq(Cat(lane, beat.beat) if self.fire_lanes > 1
                                             else beat.beat),
                         self.o.p.level.eq(level)]

        # Credit for two passes, given back as their ends leave.
        passes = Signal(2)
        m.d.comb += self.credit.eq(~passes[1])
        m.d.sync += passes.eq(passes + self.start - (pick & end))
        return m
