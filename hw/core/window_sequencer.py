"""Window sequencer: which part of which line buffer is read next."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .line_buffer import Lookup
from .multiplexer import look_up
from .payloads import index_shape

__all__ = ["WindowRow", "WindowSequencer"]


class WindowRow(data.StructLayout):
    """One row of a window, or with ``release`` a target row's end.

    ``slot`` and ``region``: of the line buffer; ``edge``: number of the synapse whose window it is;
    ``tap``: the row's number in the window, before pooling; ``column``: low bits of the column
    where the window begins; ``empty``: nothing of it is in the map; ``last``: the last of a step;
    ``row``: of the target.
    """

    def __init__(self, engine):
        windows = [buffer.window for buffer in engine.buffers]
        super().__init__({
            "release": 1, "edge": index_shape(len(windows)), "empty": 1, "last": 1,
            "tap": index_shape(max(w.synapse.kernel[0] * w.synapse.pool[0] for w in windows)),
            "column": max(1, *(buffer.column_bits for buffer in engine.buffers)),
            "slot": index_shape(max(buffer.rows for buffer in engine.buffers)),
            "region": index_shape(max(buffer.regions for buffer in engine.buffers)),
            "row": index_shape(windows[0].target[1])})


class WindowSequencer(wiring.Component):
    """Step through the windows of a target map: rows and columns of the target in raster order, at
    each position timesteps, synapses, and the rows of their windows, innermost.

    A window's row is issued as soon as its last column has been written, one a cycle while there is
    ``room``; in the target's first row, a window that lies outside of the map waits for the
    source's first column, so that nothing is computed before its frame has begun.  After a row of
    the target comes a cycle that releases the source rows which no other target row reads::

        rows of the line buffer  0    1    2    3
        target row 0             use  use
        target row 1             use  use  use       (kernel 3, padding 1)
        target row 2                  use  use  use

    Parameters
    ----------
    engine : :class:`qblif.hw.layout.stream_engine.StreamEngine`

    Members
    -------
    room : ``In(1)``
    column_E, written_E : ``In``, lookup_E : ``Out``
        Of the line buffer of each synapse, by its number, see
        :class:`qblif.hw.core.line_buffer.LineBuffer`.
    valid : ``Out(1)``, o : ``Out(WindowRow(engine))``
    """

    def __init__(self, engine):
        self.engine = engine
        members = {"room": In(1), "valid": Out(1), "o": Out(WindowRow(engine))}
        for k, buffer in enumerate(engine.buffers):
            members |= {f"column_{k}": In(range(buffer.window.source[2] + 1)),
                        f"written_{k}": In(1), f"lookup_{k}": Out(Lookup(buffer))}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        engine, o = self.engine, self.o
        _, rows, columns = engine.buffers[0].window.target
        row, column = Signal(index_shape(rows)), Signal(index_shape(columns))
        step, edge = Signal(index_shape(engine.steps)), Signal(index_shape(len(engine.buffers)))
        tap = Signal(index_shape(max(b.window.least_rows for b in engine.buffers)))
        releasing = Signal()

        edges = [self.follow(m, k, row, column, step, tap, releasing)
                 for k in range(len(engine.buffers))]
        here = [Array(values)[edge] for values in zip(*edges, strict=True)]
        ready, tap_last, empty, first_tap, low, slot, region = here
        m.d.comb += [
            self.valid.eq(self.room & (releasing | ready)), o.release.eq(releasing),
            o.edge.eq(edge), o.empty.eq(empty), o.tap.eq(first_tap + tap), o.column.eq(low),
            o.slot.eq(slot), o.region.eq(region), o.row.eq(row), o.last.eq(
                ~releasing & tap_last & (edge == len(engine.buffers) - 1))]

        # Nested counters, the innermost first; each goes on when those inside are at their end.
        at_end = tap_last
        with m.If(self.valid & ~releasing):
            m.d.sync += tap.eq(Mux(tap_last, 0, tap + 1))
            for counter, count in ((edge, len(engine.buffers)),
                                   (step, engine.steps), (column, columns)):
                last = counter == count - 1
                if count > 1:
                    with m.If(at_end):
                        m.d.sync += counter.eq(Mux(last, 0, counter + 1))
                    at_end = at_end & last
            with m.If(at_end):
                m.d.sync += releasing.eq(1)
        with m.If(self.room & releasing):
            m.d.sync += [releasing.eq(0), row.eq(Mux(row == rows - 1, 0, row + 1))]
        return m

    def follow(self, m, k, row, column, step, tap, releasing):
        """The window of one synapse: whether its current row has been written, whether it is the
        last, whether it is empty, its number in the window, and where the window begins."""
        buffer = self.engine.buffers[k]
        window = buffer.window
        count, tall, first_tap, drop, turn = look_up(m, row, f"row_{k}", [
            (max(1, span.count), span.count > 0, span.first - span.low if span.count else 0, drop,
             drop % buffer.rows) for span, drop in zip(window.rows, window.drops, strict=True)])
        low_mask = (1 << buffer.column_bits) - 1
        first, last, across, low = look_up(m, column, f"column_{k}", [
            (span.first if span.count else 0, max(0, span.end - 1) if span.count else 0, span.count,
             span.low & low_mask) for span in window.columns])

        # Rows that are written, counted from the first that the window needs.
        rows = max(buffer.rows, window.source[1], *window.drops).bit_length() + 2
        written = Signal(signed(rows), name=f"written_{k}")
        released = self.room & releasing  # As valid is then: not through ready, a long path.
        m.d.sync += written.eq(written + getattr(self, f"written_{k}")
                               - Mux(released, drop, 0))
        empty = (tall == 0) | (across == 0)
        ready = empty & (row != 0) | (tap < written) | (
            (tap == written) & (last < getattr(self, f"column_{k}")))

        # The slot of the window's first row, and of the current one.
        base, at = (Signal(index_shape(buffer.rows), name=f"{name}_{k}") for name in ("base", "at"))
        moved = Signal(range(2 * buffer.rows), name=f"moved_{k}")
        m.d.comb += moved.eq(base + Mux(releasing, turn, tap))
        m.d.comb += at.eq(Mux(moved >= buffer.rows, moved - buffer.rows, moved))
        with m.If(released):
            m.d.sync += base.eq(at)
        lookup = getattr(self, f"lookup_{k}")
        region = step if buffer.regions > 1 else C(0)
        m.d.comb += [lookup.first.eq(first), lookup.last.eq(last), lookup.slot.eq(at),
                     lookup.region.eq(region)]
        return ready, tap == count - 1, empty, first_tap, low, at, region
