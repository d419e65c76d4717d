"""The window sequencer alone, cycle by cycle, beside line buffers that are played."""

import random
from dataclasses import replace

import pytest
from mutants import mutant
from window_cases import CASES, engine_of, network

from qblif.hw.core.window_sequencer import WindowSequencer
from qblif.sim.stream import simulate_component


def rows_of(engine, frames):
    """What is issued, in order: ``(fields, edge, row, columns)``, where the window's row is row
    ``row`` of all frames, and so many of its columns must have been written."""
    _, height, width = engine.buffers[0].window.target
    for frame in range(frames):
        for y in range(height):
            for x in range(width):
                for step in range(engine.steps):
                    for k, buffer in enumerate(engine.buffers):
                        yield from window_rows(engine, k, buffer, frame, y, x, step)
            yield {"release": 1, "row": y}, None, 0, 0


def window_rows(engine, k, buffer, frame, y, x, step):
    conv, (_, height, width) = buffer.window.synapse, buffer.window.source
    (rows, first_row), (columns, first_column) = (
        (read(size, conv.kernel[axis], conv.stride[axis], conv.padding[axis], conv.pool[axis], at),
         (at * conv.stride[axis] - conv.padding[axis]) * conv.pool[axis])
        for axis, (size, at) in enumerate(((height, y), (width, x))))
    fields = {"release": 0, "edge": k, "row": y, "empty": int(not rows or not columns),
              "region": step if buffer.regions > 1 else 0}
    final = k == len(engine.buffers) - 1
    # Where nothing of the window is in the map, the row is the first that any later one reads.
    gone = sum(buffer.window.drops[:y])
    for row in rows or [None]:
        last = int(final and (row is None or row == rows[-1]))
        place = frame * height + (gone if row is None else row)
        if fields["empty"]:
            needed = max([0, *columns]) + 1 if not y else 0
            yield fields | {"last": last}, k, place, needed
        else:
            bits = (1 << buffer.column_bits) - 1
            yield fields | {"last": last, "tap": row - first_row, "slot": place % buffer.rows,
                            "column": first_column & bits,
                            "lookup": (columns[0], columns[-1])}, k, place, columns[-1] + 1


def read(size, kernel, stride, padding, pool, at):
    """Source rows, or columns, that one of the target reads."""
    return [place * pool + k for place in range(at * stride - padding,
                                                at * stride - padding + kernel)
            for k in range(pool) if 0 <= place < size // pool]


class Played:
    """A line buffer that takes a column now and then, and a row only if it has room."""

    def __init__(self, buffer, frames):
        self.layout = buffer
        _, height, self.columns = buffer.window.source
        self.rows = self.column = self.released = 0
        self.all_rows = frames * height

    def has(self, row, columns):
        return row < self.rows or (row == self.rows and columns <= self.column)

    def after(self):
        """Rows and columns once another column has come, if there is room for it."""
        if self.rows == min(self.released + self.layout.rows, self.all_rows):
            return self.rows, self.column
        rows, column = divmod(self.rows * self.columns + self.column + 1, self.columns)
        return rows, column


def run(dut, engine, *, frames=3, rate=1.0, room=1.0, seed=0):
    """In every cycle what is issued is what may be, and nothing is late."""
    draw = random.Random(seed)
    played = [Played(buffer, frames) for buffer in engine.buffers]

    async def check(ctx):
        for fields, edge, row, columns in rows_of(engine, frames):
            issued = False
            while not issued:
                after = [buffer.after() if draw.random() < rate else (buffer.rows, buffer.column)
                         for buffer in played]
                for k, buffer in enumerate(played):
                    ctx.set(getattr(dut, f"column_{k}"), buffer.column)
                    ctx.set(getattr(dut, f"written_{k}"), after[k][0] > buffer.rows)
                ready = edge is None or not columns or played[edge].has(row, columns)
                ctx.set(dut.room, draw.random() < room)
                issued = ready and ctx.get(dut.room)
                assert ctx.get(dut.valid) == issued, f"valid is {not issued} for {fields}"
                if issued:
                    compare(ctx, dut, fields)
                await ctx.tick()
                for buffer, (buffer.rows, buffer.column) in zip(played, after, strict=True):
                    if issued and edge is None:
                        buffer.released += buffer.layout.window.drops[fields["row"]]

    simulate_component(dut, check, timeout=50_000)


def compare(ctx, dut, fields):
    for name, value in fields.items():
        if name == "lookup":
            lookup = getattr(dut, f"lookup_{fields['edge']}")
            assert (ctx.get(lookup.first), ctx.get(lookup.last)) == value
            assert (ctx.get(lookup.slot), ctx.get(lookup.region)) == (
                fields["slot"], fields["region"])
        else:
            assert ctx.get(getattr(dut.o, name)) == value, f"{name} of {fields}"


PACES = pytest.mark.parametrize("rate, room", [(1, 1), (0.1, 1), (1, 0.4), (0.3, 0.6)])


@PACES
@pytest.mark.parametrize("case", CASES)
def test_windows_of_one_synapse(case, rate, room):
    engine = engine_of(network(*case), slack=0)
    run(WindowSequencer(engine), engine, rate=rate, room=room)


@PACES
@pytest.mark.parametrize("timesteps, static", [(1, False), (2, False), (3, True)])
def test_windows_of_two_synapses(timesteps, static, rate, room):
    """The other is behind by a few rows, and reads more of them."""
    spec = network((2, 4, 3), 2, {"kernel": 1, "stride": 2}, {"kernel": 3, "padding": 1,
                                                              "stride": 2},
                   timesteps=timesteps, static=static)
    engine = engine_of(spec)
    assert [buffer.regions for buffer in engine.buffers] == [1 if static else timesteps, timesteps]
    run(WindowSequencer(engine), engine, rate=rate, room=room)


@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_every_small_geometry(size, kernel):
    """Strides and paddings that leave windows outside of the map, and rows that none reads."""
    for stride in (1, 2, 3):
        for padding in (0, 1, 2):
            for pool in (1, 2):
                if size // pool + 2 * padding >= kernel:
                    fields = {"kernel": (kernel, 1), "stride": (stride, 1), "padding": (padding, 0),
                              "pool": (pool, 1)}
                    engine = engine_of(network((1, size, 2), 1, fields), slack=padding % 2)
                    run(WindowSequencer(engine), engine, frames=2, rate=0.7, room=0.8)


@pytest.mark.parametrize("old, new", [
    ("(tap == written) & (last < getattr", "(tap == written) & (last <= getattr"),
    ("empty & (row != 0)", "empty"),
    ("first - span.low if span.count", "first - span.low + 1 if span.count"),
    ("Mux(released, drop, 0)", "Mux(released, 1, 0)"),
    ("self.room & (releasing | ready)", "releasing | ready"),
    ("Mux(moved >= buffer.rows, moved - buffer.rows, moved)", "moved"),
    ("(step, engine.steps), (column, columns)", "(column, columns), (step, engine.steps)"),
])
def test_a_broken_rule_is_found(old, new):
    kind = mutant(WindowSequencer, old, new)
    engine = engine_of(network((2, 5, 4), 2, {"kernel": 2, "stride": 2, "padding": 2},
                               timesteps=2), slack=1)
    with pytest.raises(AssertionError):
        run(kind(engine), engine, rate=0.5, room=0.7)
        run(kind(engine), engine, rate=0.1)


def test_a_slot_too_few_is_found():
    engine = engine_of(network((2, 5, 4), 2, {"kernel": 3, "padding": 1}))
    buffer, = engine.buffers
    other = replace(engine, buffers=(replace(buffer, rows=buffer.rows + 1),))
    with pytest.raises(AssertionError, match="^slot of "):
        run(WindowSequencer(other), engine)
