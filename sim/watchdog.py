"""A watchdog for simulations in Amaranth's simulator: it ends those that hang, and says who waits.
"""

import time

from amaranth.hdl import Cat, Signal
from amaranth.lib import stream, wiring

from ..hw.core.update_sequencer import UpdateSequencer

__all__ = ["Watchdog"]

PATIENCE = 20_000  # Cycles without a transfer: more than any update pass of a test takes.
SECONDS = 40  # The same, where cycles are slow.
LEAST_CYCLES = 1_000  # Of standing still, however slow.


class Watchdog:
    """A background testbench that raises :class:`AssertionError` once no stream of a design has
    made a transfer, and no word was loaded, for :data:`PATIENCE` cycles (or for :data:`SECONDS`
    seconds and at least :data:`LEAST_CYCLES` cycles), or after ``timeout`` cycles.

    The message names every stream on which one side waits for the other, and every update pass that
    waits for sums or credit.

    Parameters
    ----------
    fragment : :class:`amaranth.hdl.Fragment`
        The elaborated design.
    timeout : int
    """

    def __init__(self, fragment, timeout):
        parts = list(components(fragment))
        self.streams = [(f"{path}.{name}".lstrip("."), port) for path, part in parts
                        for name, port in streams(part)]
        self.loads = [part.load_valid for _, part in parts
                      if "load_valid" in part.signature.members]
        self.sequencers = [(path, part) for path, part in parts
                           if isinstance(part, UpdateSequencer)]
        self.timeout = timeout
        self.moved = Signal()

    def logic(self):
        """What drives ``moved``, for the design: the simulator compiles it, where a testbench would
        evaluate it in every cycle."""
        return self.moved.eq(Cat((port.valid & port.ready for _, port in self.streams),
                                 self.loads).any())

    async def run(self, ctx):
        cycle, last, since = 0, 0, time.monotonic()
        async for _, _, transfer in ctx.tick().sample(self.moved):
            cycle += 1
            if transfer or not self.streams:
                last, since = cycle, time.monotonic()
            quiet = cycle - last
            if quiet >= PATIENCE or (quiet >= LEAST_CYCLES
                                     and time.monotonic() - since > SECONDS):
                raise AssertionError(f"no transfer for {quiet} cycles: {self.who_waits(ctx)}")
            if cycle >= self.timeout:
                raise AssertionError(f"no end after {cycle} cycles: {self.who_waits(ctx)}")

    def who_waits(self, ctx):
        """What waits for what, as one line."""
        found = []
        for name, port in self.streams:
            valid, ready = ctx.get(port.valid), ctx.get(port.ready)
            if valid != ready:
                found.append(f"{name} valid, not ready" if valid else f"{name} ready, not valid")
        for name, part in self.sequencers:
            waiting = ctx.get(part.waiting)
            found += [f"{name} waits for the currents of engine {k}"
                      for k in range(len(part.waiting)) if waiting >> k & 1]
            found += [f"{name} waits for {what}" for what in ("pass_credit", "credit")
                      if not ctx.get(getattr(part, what))]
        return "; ".join(found) or "no stream and no update pass waits"


def components(fragment, path: str = ""):
    """``(path, component)`` of every component that a design was elaborated from."""
    for origin in fragment.origins or ():
        if isinstance(origin, wiring.Component):
            yield path, origin
    for child, name, _ in fragment.subfragments:
        yield from components(child, f"{path}.{name}".lstrip("."))


def streams(component):
    """``(name, stream)`` of every stream port of a component."""
    for name, member in component.signature.members.items():
        if member.is_signature and isinstance(member.signature, stream.Signature):
            yield name, getattr(component, name)
