import numpy as np
import pytest

from qblif.golden import integer
from qblif.sim import bench, experiment
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
    monkeypatch.setattr(experiment, "PART_VALUES", 2 * 3 * 13)
    parts = experimented(frames)
    assert parts["ok"] and parts["images"] == 6 and parts["accuracy"] == whole["accuracy"]
    assert parts["levels_compared"] == whole["levels_compared"]
    for one, other in zip(parts["synapses"], whole["synapses"], strict=True):
        assert one["events"] == other["events"] and one["words"] == other["words"]


def test_it_ends_with_the_first_part_that_differs(experimented, tiny, monkeypatch):
    run, calls = bench.simulate, []

    def corrupted(trained, layout, frames, *, expected, **options):
        calls.append(len(frames))
        if len(calls) == 2:
            expected.levels["hidden"][1, 0, 2] ^= 1
        return run(trained, layout, frames, expected=expected, **options)

    monkeypatch.setattr(bench, "simulate", corrupted)
    monkeypatch.setattr(experiment, "PART_VALUES", 2 * 3 * 13)
    report = experimented(tiny[2][:8])
    assert calls == [2, 2] and not report["ok"]
    assert report["mismatches"]["levels"] == 1 and report["first_mismatches"]


def test_stalls_change_nothing_but_cycles(experimented, tiny):
    frames = tiny[2][:4]
    calm = experimented(frames)
    stalled = experimented(frames, stall_seed=3)
    assert stalled["ok"] and stalled["cycles"]["model_equal"] is None
    assert stalled["accuracy"] == calm["accuracy"]
    assert np.isclose(stalled["synapses"][0]["words"], calm["synapses"][0]["words"])
