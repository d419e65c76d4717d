"""From levels to events: queue what fired, pick it apart, announce the end of the timestep."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_space, lane_bits
from .payloads import Event, index_shape
from .queue import EventQueue

__all__ = ["Emitter", "FireBeat"]


class FireBeat(data.StructLayout):
    """Levels of ``fire_lanes`` neurons at one address but for its lowest bits, the lane; ``end`` on
    the last beat of a timestep."""

    def __init__(self, shape, n_max, fire_lanes):
        super().__init__({"levels": data.ArrayLayout(range(n_max + 1), fire_lanes),
                          "place": index_shape(1 + (address_space(shape) - 1 >> lane_bits(
                              shape, fire_lanes))), "end": 1})


class Emitter(wiring.Component):
    """Fire pass in, event stream out.

    Only beats in which a neuron fired enter the queue, and the last of a timestep, which carries
    its end.  ``room`` says whether another beat may set out: those under way may all fire.

    Parameters
    ----------
    shape : tuple
    n_max, fire_lanes : int
    timing : :class:`qblif.hw.layout.latency.StageTiming`

    Members
    -------
    room : ``Out(1)``
    valid : ``In(1)``, i : ``In(FireBeat(shape, n_max, fire_lanes))``
        Every beat of the pass, fired or not.
    o : ``Out(stream.Signature(Event(address_space(shape), n_max)))``
    """

    def __init__(self, shape, n_max, fire_lanes, timing):
        self.shape = shape
        self.fire_lanes = fire_lanes
        self.timing = timing
        self.beat = FireBeat(shape, n_max, fire_lanes)
        super().__init__({
            "room": Out(1, init=1),
            "valid": In(1),
            "i": In(self.beat),
            "o": Out(stream.Signature(Event(address_space(shape), n_max))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = EventQueue(self.beat, self.timing.queue)
        m.d.sync += self.room.eq(queue.held <= self.timing.full)
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
                         self.o.p.address.eq(self.address(lane, beat.place)),
                         self.o.p.level.eq(level)]
        return m

    def address(self, lane, place):
        """The lane is the lowest bits of the channel, as many as there are channels for."""
        bits = lane_bits(self.shape, self.fire_lanes)
        return Cat(lane[:bits], place) if bits else place
