"""Framer: puts an end marker behind each step of a map's events."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec import as_map
from ..layout.addressing import address_bits, address_space
from .payloads import Event, index_shape

__all__ = ["Framer", "is_no_neuron"]


def is_no_neuron(layout, address):
    """Whether an address of a map is no neuron's: fields have codes to spare.

    ``layout`` is its :class:`~qblif.hw.layout.input_stream.InputFormat`.
    """
    channels, rows, columns = as_map(layout.source.shape)
    fields = zip((channels, layout.interleaved, columns, rows),
                 layout.describe()["address_bits"], strict=True)
    found, start = C(0), 0
    for count, bits in fields:
        if count < 1 << bits:
            found = found | (address[start:start + bits] >= count)
        start += bits
    return found


class Framer(wiring.Component):
    """Events of a map in raster order, with one end marker a frame, become the stream that every
    stage reads: behind the events of each step, a position in one timestep, its end marker.

    A transfer leaves one cycle after it is accepted; where an event's step is ahead of the current
    one, it waits while the markers of the steps between leave, one a cycle::

        i    event (0, 2)                          end
        o                  end (0, 0)  end (0, 1)  event (0, 2)  end (0, 2)  end (0, 3)...

    An event whose address is not above the one before it in the frame, or is no neuron's, is
    dropped, and reported.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.input_stream.InputFormat`

    Members
    -------
    i : ``In(stream.Signature(Event(layout.address_space, n_max)))``
    o : ``Out(stream.Signature(Event(address_space(shape), n_max)))``
    refused : ``Out(1)``
        An event is dropped.
    """

    def __init__(self, layout):
        self.layout = layout
        source = layout.source
        super().__init__({
            "i": In(stream.Signature(Event(layout.address_space, source.n_max))),
            "o": Out(stream.Signature(Event(address_space(source.shape), source.n_max))),
            "refused": Out(1)})

    def elaborate(self, platform):
        m = Module()
        i, o, layout = self.i, self.o, self.layout
        _, rows, columns = as_map(layout.source.shape)
        channel_bits, column_bits, _ = address_bits(layout.source.shape)
        step = Signal(index_shape(layout.interleaved) if layout.interleaved > 1 else 0)
        column, row = Signal(column_bits), Signal(range(rows))
        current = Cat(step, column, row)  # As in an address, above the channel.
        wanted = i.p.address[channel_bits:channel_bits + len(current)]
        last = current == Cat(C(layout.interleaved - 1, len(step)), C(columns - 1, column_bits),
                              C(rows - 1, len(row)))

        # The lowest address that may come next.
        lowest = Signal(len(i.p.address) + 1)
        m.d.comb += self.refused.eq(i.valid & ~i.p.end & (
            (i.p.address < lowest) | is_no_neuron(layout, i.p.address)))
        here = Mux(i.p.end, last, wanted == current)
        marker = i.p.end | ~here
        free = ~o.valid | o.ready
        m.d.comb += i.ready.eq(self.refused | here & free)
        with m.If(free):
            m.d.sync += [
                o.valid.eq(i.valid & ~self.refused), o.p.end.eq(marker), o.p.level.eq(i.p.level),
                o.p.address.eq(Cat(i.p.address[:channel_bits], column, row))]
            with m.If(i.valid & ~self.refused & marker):
                done = C(1)
                for counter, count in ((step, layout.interleaved), (column, columns), (row, rows)):
                    with m.If(done):
                        m.d.sync += counter.eq(Mux(counter == count - 1, 0, counter + 1))
                    done = done & (counter == count - 1)
        with m.If(i.valid & i.ready & ~self.refused):
            m.d.sync += lowest.eq(Mux(i.p.end, 0, i.p.address + 1))
        return m
