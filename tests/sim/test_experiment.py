import numpy as np
import pytest

from qblif.golden import integer
from qblif.sim import parts
from qblif.sim.experiment import run_experiment


@pytest.fixture
def experimented(tiny, quick, user_cache, tmp_path, monkeypatch):
    """``experimented(frames, ...)``: the report, where one label is wrong on purpose."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache))
    trained, layout, _ = tiny

    def run(frames, **options):
        labels = integer.run(trained, frames).classes.numpy().copy()
        labels[0] += 1
        return run_experiment(trained, layout, frames, labels, simulator=quick, out_dir=tmp_path,
                              **options)
    return run


def test_parts_give_what_the_whole_gives(experimented, tiny, monkeypatch):
    frames, seen = tiny[2][:6], []
    whole = experimented(frames, progress=seen.append)
    assert whole["ok"] and seen[-1] == whole["images"] == 6
    assert whole["accuracy"]["rtl"] == whole["accuracy"]["integer"] == 5 / 6
    assert whole["accuracy_images"] == {"float": None, "integer": 6, "rtl": 6}
    assert whole["levels_compared"] == 6 * 3 * 10 and whole["cycles"]["model_equal"]
    # Parts of single frames pay each frame's latency; nothing overlaps.
    monkeypatch.setattr(parts, "VALUES", 3 * 13)
    single = experimented(frames)
    assert single["ok"] and single["images"] == 6 and single["accuracy"] == whole["accuracy"]
    assert single["levels_compared"] == whole["levels_compared"]
    for one, other in zip(single["synapses"], whole["synapses"], strict=True):
        assert one["events"] == other["events"] and one["words"] == other["words"]


def test_it_ends_with_the_first_part_that_differs(experimented, tiny, monkeypatch):
    run, frames = integer.run, tiny[2][:8]

    def corrupted(trained, levels):
        trace = run(trained, levels)
        if np.array_equal(levels, frames[2:4]):
            trace.levels["hidden"][1, 0, 2] ^= 1
        return trace

    monkeypatch.setattr(parts.integer, "run", corrupted)
    monkeypatch.setattr(parts, "VALUES", 2 * 3 * 13)
    report = experimented(frames)
    assert not report["ok"] and report["images"] == 4
    assert report["mismatches"]["levels"] == 1 and report["first_mismatches"]


def test_parts_are_cut_by_the_values_of_their_frames(tiny, monkeypatch):
    spec = tiny[0].spec  # 39 values a frame.

    def lengths(frames, most):
        monkeypatch.setattr(parts, "VALUES", 39 * most)
        return [len(part) for part in parts.cut(spec, np.zeros((frames, 12)))]

    assert lengths(7, 7) == [7] and lengths(1000, 1000) == [1000]
    assert lengths(1001, 1000) == [501, 500]
    assert lengths(3, 0.5) == [1, 1, 1]


def test_stalls_change_nothing_but_cycles(experimented, tiny):
    frames = tiny[2][:4]
    calm = experimented(frames)
    stalled = experimented(frames, stall_seed=3)
    assert stalled["ok"] and stalled["cycles"]["model_equal"] is None
    assert stalled["accuracy"] == calm["accuracy"]
    assert np.isclose(stalled["synapses"][0]["words"], calm["synapses"][0]["words"])
