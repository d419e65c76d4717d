"""The front end's gateware against its golden model, event by event."""

import numpy as np
import pytest
from mutants import mutant

from qblif.golden.sound import front_end
from qblif.golden.spec.sound import FrontEnd
from qblif.hw.sound.front_end import FrontEndCore
from qblif.sim.stream import run_stream

SMALL = FrontEnd(bands=3, samples=4, n_max=3, fraction=5, width=14, floor=20, high=2000)
STALLS = [{}, {"i_stall": 40}, {"o_stall": 5}, {"i_stall": 9, "o_stall": 9, "ready_first": False}]


def events(levels):
    """Transfers of levels ``(clips, timesteps, channels)``."""
    found = []
    for frame in levels.reshape(-1, levels.shape[2]).tolist():
        found += [(address, level) for address, level in enumerate(frame) if level]
        found.append("end")
    return found


def sounds(spec, clips, timesteps, seed):
    """Noise whose loudness changes, and the loudest square wave."""
    rng = np.random.default_rng(seed)
    n = timesteps * spec.samples
    loud = np.repeat(rng.integers(0, 16, (clips, timesteps)), spec.samples, 1)
    found = rng.integers(-1, 2, (clips, n)) << loud - 1
    found[0] = np.where(np.arange(n) % 8 < 4, 32767, -32768)
    return np.clip(found, -32768, 32767).astype(np.int16)


def run(spec, samples, timesteps, kind=FrontEndCore, **options):
    levels = front_end(spec, samples)
    wanted = events(levels)
    found = run_stream(kind(spec, timesteps=timesteps), samples.flatten().tolist(), len(wanted),
                       timeout=1_000_000, **options)
    return ["end" if p.end else (p.address, p.level) for p in found], wanted


@pytest.mark.parametrize("options", STALLS)
def test_clips_one_after_another(options):
    samples = sounds(SMALL, 6, 5, seed=len(options))
    found, wanted = run(SMALL, samples, 5, **options)
    assert found == wanted
    kinds = {item[0] // SMALL.bands for item in wanted if item != "end"}
    assert kinds == {0, 1, 2}  # Levels, rises and falls all came.


@pytest.mark.parametrize("spec", [
    FrontEnd(bands=1, samples=1, low=500, high=500, width=8, floor=0, n_max=1),
    FrontEnd(bands=2, samples=3, width=24, floor=44, n_max=15),
    FrontEnd(bands=5, samples=7, rate=16000, low=100, high=8000, width=16, fraction=8, floor=30)])
def test_other_sizes(spec):
    found, wanted = run(spec, sounds(spec, 3, 4, seed=1), 4)
    assert found == wanted


def test_real_size():
    spec = FrontEnd()
    found, wanted = run(spec, sounds(spec, 1, 1, seed=3), 1)
    assert found == wanted


@pytest.mark.parametrize("old, new", [
    ("Mux(silent, 0, old.last)", "old.last"),
    ("Mux(first, 0, old.energy)", "old.energy"),
    ("Mux(self.frame == 0, 0, levels.data)", "levels.data"),
    ("self.frame.eq(0), peak.eq(spec.floor)", "self.frame.eq(0)"),
    ("x1.eq(0), x2.eq(0)]", "x1.eq(0)]"),
    ("(before >> 5)", "(before >> 4)"),
    ("Mux(depth < -spec.n_max, 0, depth + spec.n_max)", "depth + spec.n_max"),
    ("peak.eq(falling)", "peak.eq(peak)"),
    ("m.d.comb += write.en.eq(last_kind)", "m.d.comb += write.en.eq(self.kind == 0)")])
def test_must_fail(old, new):
    kind = mutant(FrontEndCore, old, new)
    try:
        found, wanted = run(SMALL, sounds(SMALL, 6, 5, seed=0), 5, kind=kind)
    except AssertionError:  # It waits for events that do not come.
        return
    assert found != wanted
