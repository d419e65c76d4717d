"""A stream on its way back: what arrives, in which timestep, with stalls on both sides."""

import itertools

import pytest
from mutants import mutant

from qblif.hw.core.payloads import Event
from qblif.hw.core.recurrence import Recurrence
from qblif.sim.stream import garbage, run_stream

STALLS = [{}, {"i_stall": 3}, {"o_stall": 3}, {"i_stall": 2, "o_stall": 2, "ready_first": False}]
SHAPE = Event(6, 3)


def shifted(frames, kind=Recurrence, **options):
    """What comes of frames, lists of timesteps of (address, level), and what must."""
    given, wanted = [], ["end"]
    for timesteps in frames:
        for t, events in enumerate(timesteps):
            given += [{"address": a, "level": level, "end": 0} for a, level in events]
            given += [{"address": garbage(3), "level": garbage(2), "end": 1}]
            wanted += [*events, "end"] if t < len(timesteps) - 1 else ["end"]
    found = run_stream(kind(SHAPE, len(frames[0])), given, len(wanted), **options)
    return ["end" if p.end else (p.address, p.level) for p in found], wanted


def draw(timesteps):
    """Three frames, among them empty timesteps."""
    busy = itertools.cycle([[(0, 1), (5, 3)], [], [(2, 2)], [(1, 1), (2, 1), (3, 1)]])
    return [[next(busy) for _ in range(timesteps)] for _ in range(3)]


@pytest.mark.parametrize("options", STALLS)
@pytest.mark.parametrize("timesteps", [1, 2, 3, 8])
def test_bursts_come_a_timestep_later(timesteps, options):
    found, wanted = shifted(draw(timesteps), **options)
    assert found == wanted


@pytest.mark.parametrize("old, new", [
    ("dropped = last & ~i.p.end", "dropped = C(0)"),
    ("dropped = last & ~i.p.end", "dropped = last"),
    ("Mux(last, 0, timestep + 1)", "timestep + 1"),
    ("started = Signal()", "started = Signal(init=1)")])
def test_must_fail(old, new):
    kind = mutant(Recurrence, old, new)
    try:
        found, wanted = shifted(draw(3), kind=kind)
    except AssertionError:  # It waits for a transfer that does not come.
        return
    assert found != wanted
