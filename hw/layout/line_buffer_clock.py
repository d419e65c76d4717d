"""A line buffer in cycle numbers: what was written when, and when it may be overwritten."""

from collections import deque

from ...golden.spec.burst import digits

__all__ = ["BufferClock", "Sink"]


class BufferClock:
    """One line buffer: when its rows were written, and when they may be overwritten."""

    def __init__(self, layout, burst):
        self.layout, self.source = layout, layout.source.name
        self.digits = [len(digits(level, burst)) for level in range(layout.source.emit_max + 1)]
        _, self.height, self.columns = layout.window.source
        self.plane = self.height * self.columns
        self.written = {}  # By row, counted over all frames: cycle of each column's last marker.
        self.entries = {}  # By row and region: channel and digits of each event, ends by column.
        self.row = self.column = self.region = 0
        self.base = 0  # The first row that the sequencer has not dropped.
        self.released = deque()  # (first row that is not released, cycle)
        self.open = 0  # When the current row may be written.
        self.begin_row()

    def begin_row(self):
        self.written[self.row] = []
        for region in range(self.layout.regions):
            self.entries[self.row, region] = [], [0]

    def accept(self, present):
        """When a transfer that is offered from ``present`` on is accepted."""
        needed = self.row - self.layout.rows  # The row that it overwrites.
        if needed >= 0:
            if self.full():
                raise RuntimeError(self.full())
            self.open = max(self.open, self.released[0][1] + 1)
        return max(present, self.open)

    def full(self):
        """Why the next transfer is not accepted, as far as is known; "" where it is."""
        while self.released and self.released[0][0] <= self.row - self.layout.rows:
            self.released.popleft()
        if self.row < self.layout.rows or self.released:
            return ""
        return f"Line buffer of {self.layout.synapse.name} is never released"

    def event(self, present, neuron, level):
        self.entries[self.row, self.region][0].append((neuron // self.plane, self.digits[level]))
        return self.accept(present)

    def end(self, present):
        accepted = self.accept(present)
        events, ends = self.entries[self.row, self.region]
        ends.append(len(events))
        self.region += 1
        if self.region == self.layout.regions:
            self.region = 0
            self.written[self.row].append(accepted)
            self.column += 1
            if self.column == self.columns:
                self.column = 0
                self.row += 1
                self.begin_row()
                self.forget(self.row - 1)
        return accepted

    def release(self, rows, cycle):
        """No target reads the next ``rows`` rows any more."""
        before, self.base = self.base, self.base + rows
        self.released.append((self.base, cycle))
        for row in range(before, min(self.base, self.row)):
            self.forget(row)

    def forget(self, row):
        if row < self.base:
            del self.written[row]
            for region in range(self.layout.regions):
                del self.entries[row, region]


class Sink:
    """Where an engine takes one source's transfers."""

    def __init__(self, engine, buffer):
        self.engine, self.buffer, self.source = engine, buffer, buffer.source

    def full(self):
        return self.buffer.full()

    def unread(self):
        return False

    def event(self, present, neuron, level):
        return self.buffer.event(present, neuron, level)

    def end(self, present, final):
        accepted = self.buffer.end(present)
        self.engine.run()
        return accepted
