"""Window reader: segments of line buffers in, bursts out, an event of each bank a cycle."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..layout.latency import READ_DEPTH
from .burst import Burst
from .line_buffer import Entry
from .multiplexer import look_up
from .payloads import index_shape, pipe

__all__ = ["Segment", "WeightBase", "WindowReader"]


class WeightBase(data.StructLayout):
    """Where a digit's weights are, and whose digit it is."""

    def __init__(self, engine):
        super().__init__({"address": index_shape(engine.weights.depth),
                          "edge": index_shape(len(engine.buffers))})


class Segment(data.StructLayout):
    """Events that lie one after the other in a line buffer; or with ``release`` a target row's end.

    ``first`` and ``count``: address and number of entries in each bank; ``column``: low bits of the
    column where the window begins; ``weight``: address of the weights of the window's row in the
    first word of channels.  ``last``: it ends a step, and may then be empty.  ``row``: of the
    target.
    """

    def __init__(self, engine):
        buffers = engine.buffers
        super().__init__({
            "release": 1, "last": 1, "edge": index_shape(len(buffers)),
            "first": data.ArrayLayout(index_shape(max(b.depth for b in buffers)), engine.ports),
            "count": data.ArrayLayout(range(max(b.region_depth for b in buffers) + 1),
                                      engine.ports),
            "column": max(1, *(buffer.column_bits for buffer in buffers)),
            "weight": index_shape(engine.weights.depth),
            "row": index_shape(buffers[0].window.target[1])})


class WindowReader(wiring.Component):
    """Read a segment's events, one of each bank a cycle, and find their weights::

        t      a read of every bank that has an event left
        t + 2  entries
        t + 3  tap's and channel's share of the address
        t + 4  burst, into a FIFO
        t + 5  o valid

    A segment takes as many cycles as its fullest bank has events, a segment without events one; the
    next one follows without a gap.  A target row's end takes one cycle.  Each port has credit for
    as many bursts as its FIFO holds.

    Parameters
    ----------
    engine : :class:`qblif.hw.layout.stream_engine.StreamEngine`

    Members
    -------
    i : ``In(stream.Signature(Segment(engine)))``, word : ``In(index_shape(words))``
        The segments of a step, for each word of channels.
    address : ``Out``, entries_E : ``In``
        Of all line buffers, of the line buffer of each synapse, see
        :class:`qblif.hw.core.line_buffer.LineBuffer`.
    release_E : ``Out``
        Rows of the synapse's line buffer that may be overwritten; registered.
    o_P : ``Out(stream.Signature(Burst(WeightBase(engine), n_max)))``
        The bursts of each port; ``end`` on the last of a word, whose level may be 0.
    """

    def __init__(self, engine):
        self.engine = engine
        self.burst = Burst(WeightBase(engine), engine.levels[-1])
        self.segment = Segment(engine)
        members = {"i": In(stream.Signature(self.segment)), "word": In(index_shape(engine.words)),
                   "address": Out(self.segment["first"].shape)}
        for k, buffer in enumerate(engine.buffers):
            members |= {
                f"entries_{k}": In(data.ArrayLayout(Entry(buffer), engine.ports)),
                f"release_{k}": Out(range(max(1, *buffer.window.drops) + 1))}
        for port in range(engine.ports):
            members[f"o_{port}"] = Out(stream.Signature(self.burst))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        i, ports = self.i, range(self.engine.ports)
        segment, busy = Signal(self.segment), Signal()
        # Whether a bank has an event left, and another one: registers, as readiness waits for them.
        some, more = (Signal(self.engine.ports, name=name) for name in ("some", "more"))
        credit = Signal(self.engine.ports, init=(1 << self.engine.ports) - 1)
        read = Signal()
        m.d.comb += [read.eq(busy & credit.all()), i.ready.eq(~busy | read & ~more.any()),
                     self.address.eq(segment.first)]
        offset, low = self.of_word(m)
        with m.If(read):
            m.d.sync += some.eq(more)
            for port in ports:
                m.d.sync += [segment.first[port].eq(segment.first[port] + 1),
                             segment.count[port].eq(segment.count[port] - 1),
                             more[port].eq(more[port] & (segment.count[port] != 2))]
        with m.If(i.ready):
            m.d.sync += [busy.eq(i.valid & ~i.p.release), segment.eq(i.p),
                         segment.weight.eq(i.p.weight + offset), self.low.eq(low)]
            m.d.sync += [bits[port].eq(i.p.count[port] > most)
                         for bits, most in ((some, 0), (more, 1)) for port in ports]
        self.connect_release(m)

        # A bank that has no event in a word's last segment sends a burst of level 0.
        empty = Signal(self.engine.ports)
        with m.If(read):
            m.d.sync += empty.eq(0)
        with m.If(i.ready):
            m.d.sync += empty.eq(Cat(i.p.last & (i.p.count[port] == 0) for port in ports))
        for port in ports:
            sent, last = read & (some[port] | empty[port]), segment.last & ~more[port]
            fifo = self.connect_port(m, port, segment, sent, last, some[port])
            under_way = Signal(range(READ_DEPTH + 1), name=f"under_way_{port}")
            after = Signal.like(under_way, name=f"after_{port}")
            m.d.comb += after.eq(under_way + sent - (fifo.r_rdy & fifo.r_en))
            m.d.sync += [under_way.eq(after), credit[port].eq(after != READ_DEPTH)]
        return m

    def of_word(self, m):
        """What the word of channels adds to the weights' address so that channel 0 would be there;
        the first channel that has weights."""
        space = 1 << len(self.i.p.weight)  # Addresses wrap.
        found = [look_up(m, self.word, f"word_{k}", [
            ((word * buffer.window.taps * buffer.window.reach - low) % space, low)
            for word, low in enumerate(buffer.window.lows)])
            for k, buffer in enumerate(self.engine.buffers)]
        offset, low = (Array(values)[self.i.p.edge] for values in zip(*found, strict=True))
        self.low = Signal(index_shape(max(max(b.window.lows) for b in self.engine.buffers) + 1))
        return offset, low

    def connect_release(self, m):
        for k, buffer in enumerate(self.engine.buffers):
            drop, = look_up(m, self.i.p.row, f"drop_{k}", [(d,) for d in buffer.window.drops])
            m.d.sync += getattr(self, f"release_{k}").eq(
                Mux(self.i.valid & self.i.ready & self.i.p.release, drop, 0))

    def connect_port(self, m, port, segment, sent, last, some):
        """From a read to the burst in the port's FIFO."""
        o = getattr(self, f"o_{port}")
        sent, last = (pipe(m, bit, 2, f"{name}_{port}", reset=name == "sent")
                      for bit, name in ((sent, "sent"), (last, "last")))
        some = pipe(m, some, 2, f"some_{port}")
        edge, column, weight = (pipe(m, segment[name], 2, f"{name}_{port}")
                                for name in ("edge", "column", "weight"))
        low = pipe(m, self.low, 2, f"low_{port}")
        entries = [getattr(self, f"entries_{k}")[port] for k in range(len(self.engine.buffers))]
        taps = [self.tap_address(m, port, k, entry, column) for k, entry in enumerate(entries)]
        level, channel, tap = (Array(values)[edge] for values in (
            [entry.level for entry in entries], [entry.channel for entry in entries], taps))
        reached = self.reached(channel, low, edge)

        burst = Signal(self.burst)
        near, far = Signal(burst.base.address.shape()), Signal(burst.base.address.shape())
        m.d.sync += [near.eq(weight + channel), far.eq(tap)]
        m.d.comb += burst.base.address.eq(near + far)
        m.d.sync += [burst.level.eq(Mux(some & reached, level + 1, 0)), burst.end.eq(last),
                     burst.base.edge.eq(edge)]
        m.submodules[f"fifo_{port}"] = fifo = SyncFIFO(width=len(burst.as_value()),
                                                       depth=READ_DEPTH)
        m.d.comb += [fifo.w_en.eq(pipe(m, sent, 2, f"push_{port}", reset=True)),
                     fifo.w_data.eq(pipe(m, burst, 1, f"burst_{port}")),
                     o.valid.eq(fifo.r_rdy), o.p.eq(fifo.r_data), fifo.r_en.eq(o.ready)]
        return fifo

    def tap_address(self, m, port, k, entry, column):
        """Address of the weights of an entry's column in its window."""
        window, bits = self.engine.buffers[k].window, self.engine.buffers[k].column_bits
        if not bits:
            return C(0)
        inside = Signal(bits, name=f"inside_{k}_{port}")
        m.d.comb += inside.eq(entry.column - column[:bits])
        tap, = look_up(m, inside, f"tap_{k}_{port}", [
            (place // window.synapse.pool[1] * window.reach,)
            for place in range(min(1 << bits, window.synapse.kernel[1] * window.synapse.pool[1]))])
        return tap

    def reached(self, channel, low, edge):
        """Whether a channel has weights in the word."""
        windows = [buffer.window for buffer in self.engine.buffers]
        if all(window.reach == window.source[0] for window in windows):
            return C(1)
        return Array([(channel >= low) & (channel < low + window.reach)
                      for window in windows])[edge]
