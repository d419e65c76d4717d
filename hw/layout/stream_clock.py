"""The streaming engine in cycle numbers: line buffers, window sequencer, window reader, digits.

Every position that has all it reads is followed through the engine; what waits for what is a
maximum of cycle numbers.  See :mod:`qblif.hw.core.stream_engine` for the pipeline.
"""

from array import array
from collections import deque

from .latency import (
    COMPLETE_LATENCY,
    DROP_LATENCY,
    LOOKUP_LATENCY,
    READ_DEPTH,
    READ_LATENCY,
    TOKEN_LATENCY,
    TOKEN_ROOM,
    WRITTEN_LATENCY,
)
from .line_buffer_clock import BufferClock, Sink

__all__ = ["StreamClock"]


class StreamClock:
    """The state of one streaming engine as cycle numbers, for :mod:`qblif.hw.layout.cycles`.

    Transfers of a source must come in order.  ``ready`` is the cycle in which an update pass can
    use the currents of the oldest word that was not used, ``None`` before.
    """

    def __init__(self, engine, stage):
        self.engine, self.stage, self.static = engine, stage, engine.static
        self.ports, self.words, self.steps = engine.ports, engine.words, engine.steps
        self.buffers = [BufferClock(layout, engine.plan.burst) for layout in engine.buffers]
        self.places = self._places()
        self.height, self.width = engine.buffers[0].window.target[1:]
        self.place = self.step = 0  # What the sequencer issues next.
        self.word = 0  # What the reader reads next of the step that was issued.
        self.segments = []  # Of the current step: when they were pushed, and what they are.
        self.depth = engine.segment_depth
        self.issue = 0  # The first cycle in which it can.
        self.held = None
        self.pushes, self.taken = deque(), deque()  # Of the tokens' FIFO.
        self.reader = 0  # The first cycle in which the reader can take a token,
        self.beat = 0  # and its last read.
        self.pops = [deque([-1] * READ_DEPTH, READ_DEPTH) for _ in range(self.ports)]  # The latest.
        self.digit = [0] * self.ports  # The cycle of each port's last digit.
        self.ended = -1  # That of the last digit of a word.
        self.complete = COMPLETE_LATENCY + (self.ports - 1).bit_length()
        self.releases = deque([0] * engine.unread, maxlen=engine.unread)
        self.chain = [0] * engine.unread  # When a word last entered each buffer, the last first.
        self.ready = None
        self.done = array("q")

    def sinks(self):
        """What takes the transfers of each source."""
        return [Sink(self, buffer) for buffer in self.buffers]

    def _places(self):
        """For each target position: (buffer, row in the window, first column, end, columns that
        must have been written) of each segment, an empty one where a window has none."""
        found = []
        rows, columns = self.engine.buffers[0].window.target[1:]
        for y in range(rows):
            for x in range(columns):
                place = []
                for k, buffer in enumerate(self.engine.buffers):
                    span, across = buffer.window.rows[y], buffer.window.columns[x]
                    for row in range(max(1, span.count)):
                        whole = span.count and across.count
                        first, end = (across.first, across.end) if whole else (0, 0)
                        needed = end if y or whole else max(1, across.end * bool(across.count))
                        place.append((k, row, first, end, needed))
                found.append(place)
        return found

    def run(self):
        """Go on as far as can be; returns whether that was anywhere.

        A step is issued when its windows have been written; a word follows the one before when that
        has been sent on, for which there must be room in every line buffer behind the stage.
        """
        went = False
        while True:
            if self.ready is not None:
                if self.stage.waits():
                    return went
                self.stage.run()
            elif self.word or self._begin_step():
                self._read_word()
            else:
                return went
            went = True

    def _begin_step(self):
        """Issue a step whose windows have been written; whether there was one."""
        segments = self.places[self.place]
        for k, row, _, _, needed in segments:
            buffer = self.buffers[k]
            if needed and len(buffer.written.get(buffer.base + row, ())) < needed:
                return False
        self._issue(segments)
        return True

    def _issue(self, segments):
        """The segments of a step, the last of which ends it."""
        for number, (k, row, first, end, needed) in enumerate(segments):
            buffer = self.buffers[k]
            issued, found, start = self.issue, [], 0
            if needed:
                issued = max(issued, buffer.written[buffer.base + row][needed - 1]
                             + WRITTEN_LATENCY)
            if end:
                region = self.step if buffer.layout.regions > 1 else 0
                events, ends = buffer.entries[buffer.base + row, region]
                start, found = ends[first], events[ends[first]:ends[end]]
            issued = self._room(issued)
            self.issue = issued + 1
            last = number == len(segments) - 1
            self._arrive(issued + LOOKUP_LATENCY, (buffer, start, found), last)

    def _room(self, cycle):
        """The first cycle from ``cycle`` on with room for another token."""
        while True:
            while self.taken and self.taken[0] < cycle and self.pushes[0] < cycle:
                self.pushes.popleft()
                self.taken.popleft()
            level = sum(push < cycle for push in self.pushes)
            level -= sum(pop < cycle for pop in self.taken)
            if level <= self.depth - TOKEN_ROOM:
                return cycle
            cycle = min(pop for pop in self.taken if pop >= cycle) + 1

    def _arrive(self, cycle, segment, last):
        """A segment at the register that holds one back, until it is known to be a step's last."""
        found = segment[2]
        if found or last:
            if not found and self.held is not None:
                self._push(cycle, self.held)
                self.held = None
                return
            if self.held is not None:
                self._push(cycle, self.held)
            self.held = segment
            if last:
                self._push(cycle + 1, segment)
                self.held = None

    def _push(self, cycle, segment):
        """A segment into the FIFO."""
        self.pushes.append(cycle)
        self.segments.append((cycle, segment))

    def _drop(self, row):
        """After a target row: a token that releases the source rows which no other needs."""
        issued = self._room(self.issue)
        self.issue = issued + 1
        pushed = issued + LOOKUP_LATENCY + 1
        taken = max(pushed + TOKEN_LATENCY, self.reader)
        self.pushes.append(pushed)
        self.taken.append(taken)
        self.reader = taken + 1
        for buffer in self.buffers:
            buffer.release(buffer.layout.window.drops[row], taken + DROP_LATENCY)

    def _read_word(self):
        """The segments of a step through the reader for the next word; the last frees them."""
        for pushed, segment in self.segments:
            self._read(pushed, segment, self.word, segment is self.segments[-1][1])
        self.word += 1
        if self.word == self.words:
            self.segments, self.word = [], 0
            self._end_step()

    def _end_step(self):
        self.step += 1
        if self.step == self.steps:
            self.step, self.place = 0, self.place + 1
            if self.place % self.width == 0:
                self._drop(self.place // self.width - 1)
            self.place %= len(self.places)

    def _read(self, pushed, segment, word, last):
        """A segment through the window reader, and its digits through the lanes."""
        buffer, start, found = segment
        low = buffer.layout.window.lows[word]
        taken = max(pushed + TOKEN_LATENCY, self.reader)
        if word == self.words - 1:
            self.taken.append(taken)
        self.beat = max(self.beat, taken)
        reach = buffer.layout.window.reach
        counts = [count if 0 <= channel - low < reach else 1 for channel, count in found]
        began = max(self.beat + 1 + READ_LATENCY, min(self.digit))
        if self.ports == 1:
            self._read_one(counts or [1])
        else:
            self._read_banks(start, counts, last)
        if found and self.stage.keep:
            self.done.extend((began, max(self.digit), sum(
                count for channel, count in found if 0 <= channel - low < reach)))
        self.reader = self.beat
        if last:
            self._end()

    def _read_one(self, counts):
        """Entries of so many digits each, one a cycle."""
        pops, beat, digit = self.pops[0], self.beat, self.digit[0]
        for count in counts:
            beat = max(beat, pops[0]) + 1
            taken = max(beat + READ_LATENCY, digit)
            pops.append(taken)
            digit = taken + count
        self.beat, self.digit[0] = beat, digit

    def _read_banks(self, start, counts, last):
        """The same from several banks: entry k of the row lies in bank k modulo the ports."""
        ports, pops, digit, ended = self.ports, self.pops, self.digit, self.ended
        banks = [counts[(port - start) % ports::ports] for port in range(ports)]
        beats = max(1, -(-len(counts) // ports))
        if last:  # A bank without events sends the word's end alone.
            banks = [bank or [1] for bank in banks]
        for number in range(beats):
            beat = max(self.beat, *(taken[0] for taken in pops)) + 1  # Every port must have credit.
            self.beat = beat
            for port, bank in enumerate(banks):
                if number < len(bank):
                    taken = max(beat + READ_LATENCY, digit[port])
                    pops[port].append(taken)
                    digit[port] = max(taken, ended) + bank[number]

    def _end(self):
        """The last digits of a word, once there is a register for its sums."""
        natural = max(self.digit)
        self.ended = max(natural, self.releases[0])
        for port in range(self.ports):
            if self.digit[port] == natural:
                self.digit[port] = self.ended
        # The word moves through its buffers, each of which the one before it leaves in time.
        entered = self.ended + self.complete - 1
        chain = self.chain
        for k in reversed(range(len(chain))):
            entered = max(entered, chain[k - 1] if k else self.releases[-1])
            chain[k], entered = entered, entered + 1
        self.ready = entered
