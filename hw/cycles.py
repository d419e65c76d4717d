"""How many cycles a network takes: a function of the network, its plan and the events, exact.

Every item (an event, or the end of a timestep) is followed from stage to stage; what waits for what
is written as a maximum of cycle numbers.  The simulation must give the same numbers to the cycle.
"""

from dataclasses import dataclass

import numpy as np

from ..golden.burst import digits
from .timing import LANES_LATENCY, stage_timing

__all__ = ["Cycles", "count_cycles"]


@dataclass(frozen=True)
class Cycles:
    """Cycle numbers of each frame, ``(frames,)``: its first item is accepted, its class taken."""

    first: np.ndarray
    last: np.ndarray

    @property
    def latency(self):
        """Cycles from a frame's first item to its class."""
        return self.last - self.first

    @property
    def interval(self):
        """Cycles between the classes of successive frames, ``(frames - 1,)``."""
        return np.diff(self.last)


def count_cycles(spec, plan, inputs, levels):
    """Cycles of frames that are fed without a pause, into a sink that is always ready.

    ``inputs`` are the input levels, ``(frames, sources)`` for a static input, else ``(frames,
    timesteps, sources)``; ``levels`` maps population names to ``(timesteps, frames, neurons)``, as
    in :class:`qblif.golden.integer.Trace`.  Cycle 0 is the first in which the network can accept.
    """
    clocks = [StageClock(spec, population, stage)
              for population, stage in zip(spec.populations, plan.stages, strict=True)]
    for clock, following in zip(clocks, clocks[1:], strict=False):
        clock.following = following
    inputs = np.asarray(inputs).reshape(len(inputs), -1, spec.input.size)
    spent = [np.asarray(levels[p.name]) for p in spec.populations]
    firsts = []
    for frame, timesteps in enumerate(inputs):
        for clock, fired in zip(clocks, spent, strict=True):
            clock.begin_frame(fired[:, frame])
        firsts.append(clocks[0].free)
        for row in timesteps:
            for level in row[row != 0].tolist():
                clocks[0].event(0, level)
            clocks[0].end(0)
    return Cycles(np.array(firsts), np.array(clocks[-1].results))


class StageClock:
    """The state of one stage as cycle numbers; items must come in order.

    ``free`` is the first cycle in which the next item can be accepted.
    """

    def __init__(self, spec, population, plan):
        self.following = None
        self.timesteps = spec.timesteps
        self.timing = stage_timing(spec, population, plan)
        self.fires = population.neuron.quantiser is not None
        self.fire_lanes = plan.fire_lanes
        synapse, = spec.synapses_to(population.name)
        self.cost = [self.timing.groups * len(digits(level, plan.burst))
                     for level in range(spec.source(synapse.source).n_max + 1)]
        self.free = self.released = self.idle = 0  # Of: events, sums, fire pass.
        self.credit = [0, 0]  # Cycle in which each of the next passes has room.
        self.queued = self.loaded = self.picked = self.taken = 0  # Of the emitter, queue to event.
        self.results = []

    def begin_frame(self, fired):
        """``fired``: the frame's levels ``(timesteps, neurons)``."""
        padded = np.pad(fired, ((0, 0), (0, -fired.shape[1] % self.fire_lanes)))
        self.pending = padded.reshape(self.timesteps, self.timing.beats, self.fire_lanes)
        self.timestep = 0

    def event(self, present, level):
        """Accept an event that is offered from cycle ``present`` on; returns when."""
        accepted = max(present, self.free)
        self.free = accepted + self.cost[level]
        return accepted

    def end(self, present):
        """Accept the end of a timestep, and run the passes that it starts."""
        accepted = max(present, self.free)
        issued = max(accepted + 1, self.released)
        self.free = issued
        ready = issued + LANES_LATENCY + 3  # Issue register, sums, ``have``.
        for _ in range(self.timing.passes):
            start = max(ready, self.idle, self.credit.pop(0))
            self.idle = start + self.timing.pass_cycles + 1
            (self.emit if self.fires else self.classify)(start)
            self.timestep += 1
        self.released = start + self.timing.beats + 1
        return accepted

    def classify(self, start):
        """A pass of the read-out: of a frame's last comes the class, and then the credit."""
        result = start + self.timing.beats + self.timing.step_latency + 1
        last = self.timestep == self.timesteps - 1
        self.credit = [result + 1 if last else 0]
        if last:
            self.results.append(result)

    def emit(self, start):
        """A pass that fires: its beats go through the queue, their events to the next stage."""
        levels = self.pending[self.timestep]
        fired = levels.any(1)
        fired[-1] = True
        for beat in np.flatnonzero(fired).tolist():
            pushed = start + 1 + beat + self.timing.step_latency
            fetched = max(pushed + 1, self.queued)
            self.queued = max(fetched + 1, self.loaded)
            self.loaded = max(self.queued + 1, self.picked)
            pick = self.loaded
            row = levels[beat]
            for level in row[row != 0].tolist():
                pick = max(pick + 1, self.taken)
                self.taken = self.following.event(pick + 1, level)
            if beat == self.timing.beats - 1:
                pick = max(pick + 1, self.taken)
                self.taken = self.following.end(pick + 1)
                self.credit.append(pick + 1)
            self.picked = pick
