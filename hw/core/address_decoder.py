"""Address decoder of a synapse: where the fan-out of an event begins.

The tables are those of :class:`qblif.hw.layout.scatter.ScatterMap`.
"""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_bits, address_space
from .burst import Burst
from .payloads import Event, index_shape

__all__ = ["AddressDecoder", "FanOut"]


class FanOut(data.StructLayout):
    """Where an event goes: base address of its weights, base address of its accumulators, and how
    many rows and columns of the target follow the first."""

    def __init__(self, scatter):
        super().__init__({
            "weight": index_shape(scatter.depth),
            "word": index_shape(scatter.positions * scatter.groups),
            "rows": range(max(span.count for span in scatter.rows)),
            "columns": range(max(span.count for span in scatter.columns))})


class AddressDecoder(wiring.Component):
    """Turn the address of an event into its :class:`FanOut`.

    A dense synapse needs no decoder: an event's address is the base address of its weights, and the
    stream passes through without latency.  Otherwise row, column and channel are looked up in a
    table each, and one register takes the stream::

        t      i accepted: row, column and channel look up
        t + 1  the tables' registers are added: o valid

    An event without a target (padding or pooling drops it) leaves no transfer, but stays in the
    register until ``o.ready``, which therefore must not wait for ``o.valid``.  EOT markers pass.
    Throughput is one event a cycle.

    Parameters
    ----------
    scatter : :class:`qblif.hw.layout.scatter.ScatterMap`
    source_shape : tuple
    n_max : int
        Largest level of the source.

    Members
    -------
    i : ``In(stream.Signature(Event(address_space(source_shape), n_max)))``
    o : ``Out(stream.Signature(Burst(FanOut(scatter), n_max)))``
    """

    def __init__(self, scatter, source_shape, n_max):
        self.scatter = scatter
        self.source_shape = source_shape
        super().__init__({
            "i": In(stream.Signature(Event(address_space(source_shape), n_max))),
            "o": Out(stream.Signature(Burst(FanOut(scatter), n_max)))})

    def elaborate(self, platform):
        m = Module()
        if self.scatter.needs_tables:
            self.decode(m)
        else:
            i, o = self.i, self.o
            m.d.comb += [o.valid.eq(i.valid), i.ready.eq(o.ready), o.p.base.weight.eq(i.p.address),
                         o.p.level.eq(i.p.level), o.p.end.eq(i.p.end)]
        return m

    def decode(self, m):
        i, o, scatter = self.i, self.o, self.scatter
        valid = Signal()
        with m.If(o.ready | ~valid):
            m.d.comb += i.ready.eq(1)
            m.d.sync += [valid.eq(i.valid), o.p.end.eq(i.p.end), o.p.level.eq(i.p.level)]

        # Strides of the weight memory and of the accumulators, for one row and one column.
        weight_column = scatter.slots * scatter.source[0]
        weight_row = scatter.synapse.kernel[1] * weight_column
        word_column = scatter.groups
        word_row = scatter.target[2] * word_column
        channel, column, row = self.fields(i.p.address)
        row_weight, row_word, rows = look_up(m, i.ready, row, "row", [
            (s.tap * weight_row, s.first * word_row, s.count) for s in scatter.rows])
        column_weight, column_word, columns = look_up(m, i.ready, column, "column", [
            (s.tap * weight_column, s.first * word_column, s.count) for s in scatter.columns])
        group_word, = look_up(m, i.ready, channel, "channel", [(word,) for word in scatter.words])
        channel_weight = Signal.like(channel)
        with m.If(i.ready):
            m.d.sync += channel_weight.eq(channel)

        base = o.p.base
        m.d.comb += [
            o.valid.eq(valid & (o.p.end | (rows != 0) & (columns != 0))),
            base.weight.eq(row_weight + column_weight + channel_weight),
            base.word.eq(row_word + column_word + group_word),
            base.rows.eq(rows - 1), base.columns.eq(columns - 1)]

    def fields(self, address):
        """Channel, column and row of an address."""
        start = 0
        for bits in address_bits(self.source_shape):
            yield address[start:start + bits]
            start += bits


def look_up(m, enable, index, name, rows):
    """``rows[index]`` in registers, zeros past the last row; a column of equal values is a
    constant."""
    found = [C(column[0]) if len(set(column)) == 1 and len(rows) == 1 << len(index)
             else Signal(range(max(column) + 1), name=f"{name}_{k}")
             for k, column in enumerate(zip(*rows, strict=True))]
    with m.If(enable), m.Switch(index):
        for key, row in enumerate(rows):
            with m.Case(key):
                m.d.sync += [value.eq(n) for value, n in zip(found, row, strict=True)
                             if isinstance(value, Signal)]
        with m.Default():
            m.d.sync += [value.eq(0) for value in found if isinstance(value, Signal)]
    return found
