"""How many cycles a network takes: a function of the network, its plan and the events, exact.

Every item (an event, or the end of a timestep) is followed from stage to stage; what waits for what
is written as a maximum of cycle numbers.  The simulation must give the same numbers to the cycle.

An example: 4 inputs, 4 hidden neurons, 2 classes, two lanes each, a neuron a vector in the read-out
and two before it, one timestep.  Inputs 1 and 3 fire, and then the hidden neurons 1 and 2::

    cycle       hidden                                 out
    0, 2, 4     events 1 and 3 and their end are accepted, each two steps after the one before
    5           the end is issued
    12          the pass starts: 5 + COMPLETE_LATENCY
    13, 14      vectors 0 and 1: START_LATENCY
    20, 21      pushed, step_latency later
    21, 22      fetched: ENCODER_FETCH
    22, 23      in the queue's register: ENCODER_QUEUE
    23, 24      loaded: ENCODER_LOAD
    24, 25, 26  neurons 1 and 2 and the end are picked
    25, 26, 27                                         accepted: ENCODER_PICK
    28                                                 the end is issued
    35                                                 the pass starts
    36, 37                                             vectors 0 and 1
    43                                                 class: 37 + step_latency + CLASS_LATENCY
"""

from array import array
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from .feed import Feed
from .latency import (
    CLASS_LATENCY,
    CREDIT_LATENCY,
    ENCODER_FETCH,
    ENCODER_LOAD,
    ENCODER_PICK,
    ENCODER_QUEUE,
    QUEUE_LATENCY,
    RELEASE_LATENCY,
    START_LATENCY,
)

__all__ = ["Cycles", "Work", "count_cycles", "entry_clock"]


@dataclass(frozen=True)
class Work:
    """When one stage works, in rows of ``(begin, end, amount)``: so much is done from cycle
    ``begin`` on and before ``end``.

    ``digits`` maps engines, by their names, to the digits that their ports add, a segment or an
    event a row; ``vectors`` are those of the update passes, a pass a row.
    """

    digits: dict[str, np.ndarray]
    vectors: np.ndarray


@dataclass(frozen=True)
class Cycles:
    """Cycles in which each frame's first transfer and its class are accepted, ``(frames,)``.

    ``work`` is the :class:`Work` of each stage by name, where it was asked for.
    """

    first: np.ndarray
    last: np.ndarray
    work: dict[str, Work] = field(default_factory=dict)

    @property
    def latency(self) -> np.ndarray:
        """Cycles from a frame's first transfer to its class."""
        return self.last - self.first

    @property
    def interval(self) -> np.ndarray:
        """Cycles between the classes of successive frames, ``(frames - 1,)``."""
        return np.diff(self.last)


def entry_clock(frame, slots, period):
    """The clock in which a network as logic takes frame ``frame``, where ``slots`` of them enter in
    successive clocks of every ``period``, and each is there in time."""
    return frame // slots * period + frame % slots


def count_cycles(layout, inputs, levels, work=False):
    """Cycles of frames that are fed without a pause, into a sink that is always ready; with
    ``work`` also what each stage does when.

    ``layout`` is a :class:`qblif.hw.layout.compile.Layout`.  ``inputs`` are the input levels,
    ``(frames, sources)`` for a static input, else ``(frames, timesteps, sources)``; they are fed in
    the order of their addresses.  ``levels`` maps population names to ``(timesteps, frames,
    neurons)``, as in :class:`qblif.golden.integer.Trace`.  Cycle 0 is the first after the reset.
    """
    spec = layout.spec
    stages = [StageClock(stage, work) for stage in layout.stages]
    # Last stage first: a pass can be computed only once everything that it waits for is known.
    sinks = [sink for stage in reversed(stages) for engine in stage.engines
             for sink in engine.sinks()]
    for stage in stages:
        stage.following = [sink for sink in sinks if sink.source == stage.name]
    feed = Feed(layout, stages, [sink for sink in sinks if sink.source == spec.input.name])
    stream = layout.input.stream(inputs)
    spent = [np.asarray(levels[p.name]) for p in spec.populations]
    firsts = []
    for frame, neuron, address, level, eot in zip(*(part.tolist() for part in stream),
                                                  strict=True):
        if frame == len(firsts):
            for stage, fired in zip(stages, spent, strict=True):
                stage.begin_frame(fired[:, frame])
        taken = feed.end() if eot else feed.event(neuron, address, level)
        if frame == len(firsts):
            firsts.append(taken)
    if len(stages[-1].results) < len(firsts):
        raise feed.deadlock()
    return Cycles(np.array(firsts), np.array(stages[-1].results),
                  {stage.name: stage.work() for stage in stages if work})


class StageClock:
    """The state of one stage's population as cycle numbers."""

    def __init__(self, layout, keep=False):
        self.name, self.timing, self.passes = layout.name, layout.timing, layout.passes
        self.following, self.running = [], False
        self.timesteps = layout.timesteps
        self.order = layout.passes.neurons()
        self.neurons = self.order.tolist()
        self.channel_vectors = layout.passes.channel_vectors
        self.steps = list(zip(*(part.tolist() for part in layout.passes.steps()), strict=True))
        self.emits, self.classifies = layout.emits, layout.classifies
        self.keep = keep  # Whether rows of Work are kept.
        self.engines = [engine.clock(self) for engine in layout.engines]
        self.names = [engine.name for engine in layout.engines]
        self.done = array("q")
        self.idle = 0  # When the update pass is idle again.
        self.credit = 0  # Last stage: the cycle in which it can accept another result.
        self.queued = self.loaded = self.picked = self.taken = 0  # AER encoder, FIFO to event.
        self.pushes, self.fetches, self.held = deque(), deque(), 0  # Its FIFO.
        self.results = []

    def begin_frame(self, fired):
        """``fired``: the frame's levels ``(timesteps, neurons)``."""
        self.pending = np.where(self.order < 0, 0, fired[:, self.order]).tolist()
        self.step = self.word = 0

    def work(self):
        """The :class:`Work` of all frames."""
        *digits, vectors = (np.array(rows, np.int64).reshape(-1, 3) for rows in (
            *(engine.done for engine in self.engines), self.done))
        return Work(dict(zip(self.names, digits, strict=True)), vectors)

    def waits(self):
        """Whether, as far as is known, a line buffer behind the stage is full, or an engine there
        has currents that no update pass has read."""
        return any(sink.full() or sink.unread() for sink in self.following)

    def run(self):
        """Run every update pass whose currents are complete; within one, as a recurrent synapse's
        end does, it is left to that one."""
        if self.running:
            return
        self.running = True
        while all(engine.ready is not None for engine in self.engines):
            start = max(self.idle, *(e.ready for e in self.engines))
            if not self.word:
                start = max(start, self.credit)
            timestep, position = self.steps[self.step]
            final = timestep == self.timesteps - 1
            used = [e for e in self.engines if final or not e.static]
            for engine in used:
                engine.ready = None
            passes, first = self.passes, self.word * self.passes.vectors
            whole = self.word == passes.words - 1
            vectors = passes.last_vectors if whole else passes.vectors
            work = range(first, first + vectors)
            last = start + START_LATENCY + vectors - 1
            if self.emits:
                last = self.emit(start, timestep, position, work)
            if self.classifies and final and whole:
                self.classify(last)
            if self.keep:
                self.done.extend((start + START_LATENCY, last + 1, vectors))
            self.idle = last + self.timing.pass_cycles(vectors) - vectors + 1
            for engine in used:
                engine.releases.append(last + RELEASE_LATENCY)
            self.word = 0 if whole else self.word + 1
            self.step += whole
        self.running = False

    def classify(self, last):
        """A frame's last update pass, whose last vector is issued in cycle ``last``: it gives the
        class, then credit."""
        result = last + self.timing.step_latency + CLASS_LATENCY
        self.credit = result + CREDIT_LATENCY
        self.results.append(result)

    def emit(self, start, timestep, position, vectors):
        """An update pass: vectors go through the FIFO, their events to the following engines."""
        levels, order = self.pending[timestep][position], self.neurons[position]
        issued = start + START_LATENCY - 1
        final = position == self.passes.positions - 1
        for vector in vectors:
            issued = self.room(issued + 1)
            row, last = levels[vector], vector == self.channel_vectors - 1
            if not last and not any(row):
                continue
            pushed = issued + self.timing.step_latency
            fetched = max(pushed + ENCODER_FETCH, self.queued)
            self.pushes.append(pushed)
            self.fetches.append(fetched)
            self.queued = max(fetched + ENCODER_QUEUE, self.loaded)
            self.loaded = max(self.queued + ENCODER_LOAD, self.picked)
            pick = self.loaded
            for neuron, level in zip(order[vector], row, strict=True):
                if level:
                    pick = max(pick + 1, self.taken)
                    self.taken = max(sink.event(pick + ENCODER_PICK, neuron, level)
                                     for sink in self.following)
            if last:
                pick = max(pick + 1, self.taken)
                self.taken = max(s.end(pick + ENCODER_PICK, final) for s in self.following)
            self.picked = pick
        return issued

    def room(self, cycle):
        """The first cycle from ``cycle`` on with credit for another vector."""
        pushes, fetches = self.pushes, self.fetches
        while True:
            seen = cycle - QUEUE_LATENCY
            while pushes and pushes[0] <= seen:
                pushes.popleft()
                self.held += 1
            while fetches and fetches[0] <= seen:
                fetches.popleft()
                self.held -= 1
            if self.held <= self.timing.full:
                return cycle
            cycle = fetches[0] + QUEUE_LATENCY
