"""Address decoder of a dense engine: where the weights of an event are.

The tables are those of :class:`qblif.hw.layout.dense.DenseMap`.
"""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_bits, address_space
from .burst import Burst
from .payloads import Event, index_shape, set_shape

__all__ = ["AddressDecoder", "FanOut"]


class FanOut(data.StructLayout):
    """Where an event goes: address of its first weights, and its set of accumulators."""

    def __init__(self, dense, sets=1):
        super().__init__({"weight": index_shape(dense.depth), "set": set_shape(sets)})


class AddressDecoder(wiring.Component):
    """Turn the address of an event into its :class:`FanOut`.

    Where the source has no map, an event's address is that of its weights, and the stream passes
    through without latency.  Otherwise row and column are looked up in a table each, and one
    register takes the stream::

        t      i accepted: row and column look up
        t + 1  the tables' registers are added to the channel: o valid

    An event that pooling drops leaves no transfer, but stays in the register until ``o.ready``,
    which therefore must not wait for ``o.valid``; so does a marker that does not end a timestep.
    Throughput is one event a cycle.

    Parameters
    ----------
    dense : :class:`qblif.hw.layout.dense.DenseMap`
    source_shape : tuple
    n_max : int
        Largest level of the source.
    sets : int
        Timesteps whose events come side by side: each marker ends a step of one of them in turn.

    Members
    -------
    i : ``In(stream.Signature(Event(address_space(source_shape), n_max)))``
    o : ``Out(stream.Signature(Burst(FanOut(dense, sets), n_max)))``
        ``end``: all currents are complete.
    """

    def __init__(self, dense, source_shape, n_max, sets=1):
        self.dense = dense
        self.source_shape = source_shape
        self.sets = sets
        super().__init__({
            "i": In(stream.Signature(Event(address_space(source_shape), n_max))),
            "o": Out(stream.Signature(Burst(FanOut(dense, sets), n_max)))})

    def elaborate(self, platform):
        m = Module()
        if self.dense.needs_tables or self.sets > 1:
            self.decode(m)
        else:
            i, o = self.i, self.o
            m.d.comb += [o.valid.eq(i.valid), i.ready.eq(o.ready), o.p.base.weight.eq(i.p.address),
                         o.p.level.eq(i.p.level), o.p.end.eq(i.p.end)]
        return m

    def decode(self, m):
        i, o, dense = self.i, self.o, self.dense
        channel, column, row = self.fields(i.p.address)
        at = Signal(set_shape(self.sets))  # The set of the current step.
        last_set = at == self.sets - 1
        if self.sets > 1:
            with m.If(i.valid & i.ready & i.p.end):
                m.d.sync += at.eq(Mux(last_set, 0, at + 1))
        ends = last_set & (row == dense.source[1] - 1) & (column == dense.source[2] - 1)

        valid, passes = Signal(), Signal()
        base = o.p.base
        with m.If(o.ready | ~valid):
            m.d.comb += i.ready.eq(1)
            m.d.sync += [valid.eq(i.valid), passes.eq(~i.p.end | ends), o.p.end.eq(i.p.end),
                         o.p.level.eq(i.p.level), base.set.eq(at)]
        row_weight, row_kept = look_up(m, i.ready, row, "row", dense.rows)
        column_weight, column_kept = look_up(m, i.ready, column, "column", dense.columns)
        channel_weight = Signal.like(channel)
        with m.If(i.ready):
            m.d.sync += channel_weight.eq(channel)
        kept = o.p.end | row_kept & column_kept
        m.d.comb += [o.valid.eq(valid & passes & kept),
                     base.weight.eq(row_weight + column_weight + channel_weight)]

    def fields(self, address):
        """Channel, column and row of an address."""
        start = 0
        for bits in address_bits(self.source_shape):
            yield address[start:start + bits]
            start += bits


def look_up(m, enable, index, name, offsets):
    """``offsets[index]`` and whether there is one, in registers."""
    if len(offsets) == 1:
        return C(offsets[0] or 0), C(offsets[0] is not None)
    offset = Signal(range(max(n or 0 for n in offsets) + 1), name=f"{name}_offset")
    kept = Signal(name=f"{name}_kept")
    with m.If(enable), m.Switch(index):
        for key, value in enumerate(offsets):
            with m.Case(key):
                m.d.sync += [offset.eq(value or 0), kept.eq(value is not None)]
    return offset, kept
