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

from collections import deque
from dataclasses import dataclass

import numpy as np

from .addressing import beat_order
from .aer import aer_stream
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

__all__ = ["Cycles", "count_cycles"]


@dataclass(frozen=True)
class Cycles:
    """Cycles in which each frame's first transfer and its class are accepted, ``(frames,)``."""

    first: np.ndarray
    last: np.ndarray

    @property
    def latency(self) -> np.ndarray:
        """Cycles from a frame's first transfer to its class."""
        return self.last - self.first

    @property
    def interval(self) -> np.ndarray:
        """Cycles between the classes of successive frames, ``(frames - 1,)``."""
        return np.diff(self.last)


def count_cycles(layout, inputs, levels):
    """Cycles of frames that are fed without a pause, into a sink that is always ready.

    ``layout`` is a :class:`qblif.hw.layout.compile.Layout`.  ``inputs`` are the input levels,
    ``(frames, sources)`` for a static input, else ``(frames, timesteps, sources)``; they are fed in
    the order of their addresses.  ``levels`` maps population names to ``(timesteps, frames,
    neurons)``, as in :class:`qblif.golden.integer.Trace`.  Cycle 0 is the first after the reset.
    """
    spec = layout.spec
    stages = [StageClock(stage) for stage in layout.stages]
    # Last stage first: a pass can be computed only once everything that it waits for is known.
    engines = [engine for stage in reversed(stages) for engine in stage.engines]
    for stage in stages:
        stage.following = [e for e in engines if e.source == stage.name]
    feed = Feed([e for e in engines if e.source == spec.input.name],
                start=max(engine.cleared for engine in engines))
    stream = aer_stream(np.asarray(inputs), spec.input.shape)
    spent = [np.asarray(levels[p.name]) for p in spec.populations]
    firsts = []
    for frame, neuron, level, eot in zip(*(part.tolist() for part in (
            stream.frame, stream.neuron, stream.level, stream.eot)), strict=True):
        if frame == len(firsts):
            for stage, fired in zip(stages, spent, strict=True):
                stage.begin_frame(fired[:, frame])
        taken = feed.end() if eot else feed.event(neuron, level)
        if frame == len(firsts):
            firsts.append(taken)
    return Cycles(np.array(firsts), np.array(stages[-1].results))


class Feed:
    """The driver of the input: an item is offered once the one before is taken by all."""

    def __init__(self, synapses, start):
        self.synapses, self.next = synapses, start

    def event(self, neuron, level):
        return self.done(max(s.event(self.next, neuron, level) for s in self.synapses))

    def end(self):
        return self.done(max(s.end(self.next) for s in self.synapses))

    def done(self, taken):
        self.next = taken + 1
        return taken


class StageClock:
    """The state of one stage's population as cycle numbers."""

    def __init__(self, layout):
        self.name, self.timing = layout.name, layout.timing
        self.following = []
        self.timesteps = layout.timesteps
        self.order = beat_order(layout.population.shape, layout.fire_lanes)
        self.fires = layout.fires
        self.engines = [engine.clock(self) for engine in layout.engines]
        self.idle = 0  # When the update pass is idle again.
        self.credit = 0  # Read-out: the cycle in which it can accept another result.
        self.queued = self.loaded = self.picked = self.taken = 0  # AER encoder, FIFO to event.
        self.pushes, self.fetches, self.held = deque(), deque(), 0  # Its FIFO.
        self.results = []

    def begin_frame(self, fired):
        """``fired``: the frame's levels ``(timesteps, neurons)``."""
        self.pending = np.where(self.order < 0, 0, fired[:, self.order])
        self.timestep = 0

    def run(self):
        """Run every update pass whose currents are complete."""
        while all(engine.ready is not None for engine in self.engines):
            start = max(self.idle, self.credit, *(e.ready for e in self.engines))
            final = self.timestep == self.timesteps - 1
            used = [e for e in self.engines if final or not e.static]
            for engine in used:
                engine.ready = None
            last = (self.emit if self.fires else self.classify)(start, final)
            self.idle = last + self.timing.pass_cycles - self.timing.beats + 1
            for engine in used:
                engine.releases.append(last + RELEASE_LATENCY)
            self.timestep += 1

    def classify(self, start, final):
        """An update pass of the read-out; the last of a frame gives the class, then credit."""
        last = start + START_LATENCY + self.timing.beats - 1
        if final:
            result = last + self.timing.step_latency + CLASS_LATENCY
            self.credit = result + CREDIT_LATENCY
            self.results.append(result)
        return last

    def emit(self, start, final):
        """An update pass: vectors go through the FIFO, their events to the following engines."""
        levels = self.pending[self.timestep]
        fired = levels.any(1).tolist()
        issued = start + START_LATENCY - 1
        for beat, any_fired in enumerate(fired):
            issued = self.room(issued + 1)
            last = beat == self.timing.beats - 1
            if not any_fired and not last:
                continue
            pushed = issued + self.timing.step_latency
            fetched = max(pushed + ENCODER_FETCH, self.queued)
            self.pushes.append(pushed)
            self.fetches.append(fetched)
            self.queued = max(fetched + ENCODER_QUEUE, self.loaded)
            self.loaded = max(self.queued + ENCODER_LOAD, self.picked)
            pick = self.loaded
            row, neurons = levels[beat], self.order[beat]
            for lane in np.flatnonzero(row).tolist():
                pick = max(pick + 1, self.taken)
                self.taken = max(s.event(pick + ENCODER_PICK, neurons[lane], row[lane])
                                 for s in self.following)
            if last:
                pick = max(pick + 1, self.taken)
                self.taken = max(s.end(pick + ENCODER_PICK) for s in self.following)
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
