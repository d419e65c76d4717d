"""AER encoder: the levels of an update pass in, the events of those that fired out."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_space, lane_bits
from .payloads import Event, index_shape, vector_address
from .queue import EventQueue

__all__ = ["Emitter", "FireVector"]


class FireVector(data.StructLayout):
    """Levels of ``fire_lanes`` neurons that share all address bits but the lane; ``end`` on the
    last vector of a step."""

    def __init__(self, shape, n_max, fire_lanes):
        super().__init__({"levels": data.ArrayLayout(range(n_max + 1), fire_lanes),
                          "address": vector_address(shape, fire_lanes), "end": 1})


class Emitter(wiring.Component):
    """A vector of levels a cycle in; an AER stream out, an event a cycle.

    Only vectors in which a neuron fired enter the queue, and the last of a step, behind whose
    events comes the end marker, with the address of its position.  With an empty queue and a ready
    sink::

        t      i: a vector in which two neurons fired, pushed into the queue
        t + 3  the queue's output
        t + 4  the vector in the encoder: its lowest lane that fired is picked
        t + 5  o valid: first event
        t + 6  o valid: second event; the next vector is in the encoder

    Parameters
    ----------
    shape : tuple
    n_max, fire_lanes : int
    timing : :class:`qblif.hw.layout.latency.StageTiming`

    Members
    -------
    credit : ``Out(1)``
        Another vector may be issued: the queue has room for it and for all that are already in the
        neurons' pipeline, even if all of them fire.
    valid : ``In(1)``, i : ``In(FireVector(shape, n_max, fire_lanes))``
        Every vector of the pass, fired or not.
    o : ``Out(stream.Signature(Event(address_space(shape), n_max)))``
    """

    def __init__(self, shape, n_max, fire_lanes, timing):
        self.shape = shape
        self.fire_lanes = fire_lanes
        self.timing = timing
        self.vector = FireVector(shape, n_max, fire_lanes)
        super().__init__({
            "credit": Out(1, init=1),
            "valid": In(1),
            "i": In(self.vector),
            "o": Out(stream.Signature(Event(address_space(shape), n_max))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = EventQueue(self.vector, self.timing.queue)
        m.d.sync += self.credit.eq(queue.level <= self.timing.full)
        fired = Cat(level != 0 for level in self.i.levels)
        m.d.comb += [queue.item.eq(self.i), queue.push.eq(self.valid & (fired.any() | self.i.end))]

        # Pick: the neurons of a vector that fired leave one by one, the lowest first, then its EOT.
        vector = Signal(self.vector)
        left = Signal(self.fire_lanes + 1)
        lane = Signal(index_shape(self.fire_lanes))
        level = Signal.like(self.o.p.level)
        pick = Signal()
        end = ~left[:-1].any()
        last = (left & (left - 1)) == 0
        for k in reversed(range(self.fire_lanes)):
            with m.If(left[k]):
                m.d.comb += [lane.eq(k), level.eq(vector.levels[k])]
        m.d.comb += [pick.eq(left.any() & (self.o.ready | ~self.o.valid)),
                     queue.o.ready.eq(~left.any() | pick & last)]
        with m.If(pick):
            m.d.sync += left.eq(left & (left - 1))
        with m.If(queue.o.ready):
            m.d.sync += [vector.eq(queue.o.p), left.eq(0)]
            with m.If(queue.o.valid):
                m.d.sync += left.eq(Cat((level != 0 for level in queue.o.p.levels), queue.o.p.end))

        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += [self.o.valid.eq(pick), self.o.p.end.eq(end),
                         self.o.p.address.eq(self.address(lane, vector.address)),
                         self.o.p.level.eq(level)]
        return m

    def address(self, lane, shared):
        """The lane is the lowest bits of the channel, as many as the channels need."""
        return Cat(lane[:lane_bits(self.shape, self.fire_lanes)], shared)
