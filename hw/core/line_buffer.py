"""Line buffer: the last rows of a source's map, as events."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.addressing import address_bits, address_space
from .checks import check
from .payloads import ANY_RAM, BLOCK_RAM, DISTRIBUTED_RAM, Event, index_shape, pipe

__all__ = ["Entry", "LineBuffer", "Lookup"]

TABLE_RAMS = {"distributed": DISTRIBUTED_RAM, "small": ANY_RAM, "memories": BLOCK_RAM}


class Entry(data.StructLayout):
    """An event in a line buffer: the low bits of its column, its channel, and its level less 1."""

    def __init__(self, layout):
        super().__init__({"column": layout.entry_column_bits,
                          "channel": index_shape(layout.window.source[0]),
                          "level": range(max(2, layout.source.emit_max))})


class Lookup(data.StructLayout):
    """A part of a row: columns ``first`` to ``last`` in row slot ``slot`` and timestep
    ``region``."""

    def __init__(self, layout):
        columns = index_shape(layout.window.source[2])
        super().__init__({"first": columns, "last": columns, "region": index_shape(layout.regions),
                          "slot": index_shape(layout.rows)})


class LineBuffer(wiring.Component):
    """Store the events of a map row by row, and tell where those of a window's row are.

    A row has a slot, the slots are used in turn, and a slot has room for every event that a row can
    have, once for each timestep that a position has.  Events go one after the other into their
    row's slot, so that those of neighbouring columns are neighbours; two tables say where each
    column begins and ends.  With several ports, events are dealt out to as many banks in turn.

    A transfer is taken in any cycle in which the current row has a slot::

        t      i accepted: an entry written; or an end marker: the column's begin and end
        t + 1  written, if it was its row's last
        t + 2  column counts it

        t      lookup                         t      address
        t + 1  RAM output                     t + 1  RAM output
        t + 2  begin, end                     t + 2  entries

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.stream_engine.LineBufferLayout`

    Members
    -------
    i : ``In(stream.Signature(Event(...)))``
        In the order of the contract, see :mod:`qblif.hw.layout.input_stream`.
    column : ``Out``, written : ``Out(1)``
        Columns that are complete in the current row; a pulse: the current row is complete.
    release : ``In``
        How many more rows, from the oldest on, may be overwritten.
    lookup : ``In(Lookup(layout))``, begin, end : ``Out``
        Where the events of these columns are, as numbers in their row.
    address : ``In(data.ArrayLayout(..., ports))``, entries : ``Out(data.ArrayLayout(...))``
        A read of each bank, an :class:`Entry`.
    taken : ``Out(1)``
        An event is accepted.
    """

    def __init__(self, layout):
        self.layout = layout
        source = layout.source
        self.drops = max(1, *layout.window.drops)
        self.event = Event(address_space(source.shape), source.emit_max)
        super().__init__({
            "i": In(stream.Signature(self.event)),
            "column": Out(range(layout.window.source[2] + 1)), "written": Out(1),
            "release": In(range(self.drops + 1)),
            "lookup": In(Lookup(layout)),
            "begin": Out(layout.position_width), "end": Out(layout.position_width),
            "address": In(data.ArrayLayout(index_shape(layout.depth), layout.ports)),
            "entries": Out(data.ArrayLayout(Entry(layout), layout.ports)),
            "taken": Out(1)})

    def elaborate(self, platform):
        m = Module()
        layout = self.layout
        slot, place = Signal(index_shape(layout.rows)), Signal.like(self.column)
        region = Signal(index_shape(layout.regions) if layout.regions > 1 else 0)
        tail = Signal(layout.position_width)  # Number of the next event in its row.
        marker, row_end = Signal(), Signal()
        self.accept(m, slot, region, place, marker, row_end)
        self.number(m, Cat(place[:len(self.lookup.first)], region, slot), region, tail, marker,
                    row_end)
        channel_bits, column_bits, _ = address_bits(layout.source.shape)
        channel = self.i.p.address[:channel_bits]
        column = self.i.p.address[channel_bits:channel_bits + column_bits]
        check(m, platform, ~self.i.valid | self.i.p.end | (column == place),
              f"an event of {layout.source.name} out of order")
        self.store(m, slot, region, tail, channel, column)
        return m

    def accept(self, m, slot, region, place, marker, row_end):
        """Take a transfer while its row has a slot; count timesteps, columns and slots."""
        layout, i = self.layout, self.i
        _, height, columns = layout.window.source
        # Rows that were written and may not be overwritten; below 0 if released before they came.
        held = Signal(signed(max(layout.rows, height, self.drops).bit_length() + 2))
        held_next, room = Signal.like(held), Signal(init=1)  # Whether fewer are held than slots.
        last_region = region == layout.regions - 1
        m.d.comb += [i.ready.eq(room), self.taken.eq(i.valid & i.ready & ~i.p.end),
                     marker.eq(i.valid & i.ready & i.p.end),
                     row_end.eq(marker & last_region & (place == columns - 1))]
        m.d.comb += held_next.eq(held + row_end - self.release)
        m.d.sync += [held.eq(held_next), room.eq(held_next < layout.rows), self.written.eq(row_end),
                     self.column.eq(place)]
        with m.If(marker & last_region):
            m.d.sync += place.eq(Mux(row_end, 0, place + 1))
        with m.If(row_end):
            m.d.sync += slot.eq(Mux(slot == layout.rows - 1, 0, slot + 1))
        if layout.regions > 1:
            with m.If(marker):
                m.d.sync += region.eq(Mux(last_region, 0, region + 1))

    def number(self, m, at, region, tail, marker, row_end):
        """Number the events of each row and timestep; keep where each column begins and ends."""
        layout, wanted = self.layout, self.lookup
        head = Signal.like(tail)  # Where the current column began.
        # The numbers of the other timesteps wait in a ring.
        others = [Signal.like(tail, name=f"tail_{k}") for k in range(layout.regions - 1)]
        ring = [*others, tail]
        with m.If(self.taken):
            m.d.sync += tail.eq(tail + 1)
        with m.If(marker):
            m.d.sync += [head.eq(ring[0]), tail.eq(ring[0])]
            m.d.sync += [other.eq(after) for other, after in zip(others, ring[1:], strict=True)]
        with m.If(row_end):
            m.d.sync += [register.eq(0) for register in (head, *ring)]

        for name, value, column, found in (("begins", head, wanted.first, self.begin),
                                           ("ends", tail, wanted.last, self.end)):
            m.submodules[name] = table = memory.Memory(
                shape=len(tail), depth=max(2, layout.table_depth), init=[],
                attrs=TABLE_RAMS[layout.table_memory])
            write, read = table.write_port(), table.read_port()
            m.d.comb += [write.en.eq(marker), write.addr.eq(at), write.data.eq(value),
                         read.addr.eq(Cat(column, wanted.region[:len(region)], wanted.slot)),
                         found.eq(pipe(m, read.data, 1, name))]

    def store(self, m, slot, region, tail, channel, column):
        """Deal the entries out to the banks."""
        layout = self.layout
        bits = (layout.ports - 1).bit_length()
        base = Signal(index_shape(layout.depth))
        with m.Switch(Cat(region, slot)):
            for row in range(layout.rows):
                for step in range(layout.regions):
                    with m.Case(step | row << len(region)):
                        m.d.comb += base.eq((row * layout.regions + step) * layout.region_depth)
        for port in range(layout.ports):
            m.submodules[f"bank_{port}"] = ram = memory.Memory(
                shape=Entry(layout), depth=max(2, layout.depth), init=[], attrs=BLOCK_RAM)
            write, read = ram.write_port(), ram.read_port()
            here = tail[:bits] == port if bits else C(1)
            m.d.comb += [write.en.eq(self.taken & here), write.addr.eq(base + (tail >> bits)),
                         write.data.column.eq(column[:layout.entry_column_bits]),
                         write.data.channel.eq(channel), write.data.level.eq(self.i.p.level - 1),
                         read.addr.eq(self.address[port]),
                         self.entries[port].eq(pipe(m, read.data, 1, f"entry_{port}"))]
