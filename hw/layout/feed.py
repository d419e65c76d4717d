"""The network's input in cycle numbers: its driver, and the framer."""

from .latency import FRAMER_LATENCY

__all__ = ["Feed"]


class Feed:
    """The driver of the input, which offers an item once the one before is taken, and the framer of
    a map, which puts a marker behind each step."""

    def __init__(self, layout, stages, sinks):
        self.stages, self.sinks, self.next = stages, sinks, 0
        self.format, self.framed = layout.input, layout.input.framed
        self.step = 0
        self.taken = 0  # By all sinks, the last one that the framer sent.

    def event(self, neuron, address, level):
        if not self.framed:
            return self.done(self.offer(lambda sink: sink.event(self.next, neuron, level)))
        self.mark(self.format.step_of(address))
        return self.done(self.send(lambda sink, at: sink.event(at, neuron, level)))

    def end(self):
        if not self.framed:
            return self.done(self.offer(lambda sink: sink.end(self.next, True)))
        self.mark(self.format.steps - 1)
        self.step = 0
        return self.done(self.send(lambda sink, at: sink.end(at, True)))

    def mark(self, step):
        """Markers of all steps before this one."""
        while self.step < step:
            self.send(lambda sink, at: sink.end(at, False))
            self.step += 1

    def send(self, to):
        """Load the framer's register; returns when."""
        loaded = max(self.next, self.taken)
        self.next = loaded + 1
        self.taken = self.offer(lambda sink: to(sink, loaded + FRAMER_LATENCY))
        return loaded

    def offer(self, to):
        """Give a transfer to all sinks; returns when they have taken it."""
        if any(sink.full() for sink in self.sinks):
            raise self.deadlock()
        taken = max(map(to, self.sinks))
        # An engine that waits for another path through the graph goes on when that has.
        engines = [engine for stage in self.stages for engine in stage.engines]
        while any([engine.run() for engine in engines]):
            pass
        return taken

    def deadlock(self):
        """The error that says what waits for ever, the last stage that does first."""
        full = [sink.full() for sinks in (*(s.following for s in reversed(self.stages)), self.sinks)
                for sink in sinks if sink.full()]
        return RuntimeError("; ".join(full))

    def done(self, taken):
        self.next = taken + 1
        return taken
