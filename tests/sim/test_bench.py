import numpy as np
import pytest

from qblif.golden import integer
from qblif.hw.layout.compile import compile
from qblif.sim.bench import simulate
from qblif.sim.result import Stalls

STALLS = [Stalls(), Stalls(idle=128), Stalls(stall=250), Stalls(shy=True),
          Stalls(idle=60, stall=200, shy=True, seed=9)]


@pytest.fixture
def run(tiny, generated, tmp_path, cache):
    """``run(simulator, ...)``: the result of the tiny network on its Verilog."""
    trained, layout, frames = tiny

    def run(simulator, *, generated=generated, **options):
        return simulate(trained, layout, frames, simulator=simulator, out_dir=tmp_path,
                        cache=cache, generated=generated, **options)
    return run


def test_every_level_and_membrane(run, tiny, simulator):
    trained, _, frames = tiny
    for stalls in STALLS:
        result = run(simulator, stalls=stalls)
        assert result.ok and result.findings == () and result.mismatches == 0
        assert result.levels_compared == 30 * 3 * 10
        assert result.membranes_compared == 30 * 3 * 13
        np.testing.assert_array_equal(result.classes, integer.run(trained, frames).classes)


def test_counters_and_cycles(run, tiny, quick):
    trained, _, frames = tiny
    result = run(quick)
    assert result.counters["events_input_hidden"] == np.count_nonzero(frames)
    assert result.counters["events_hidden_out"] == int(
        (integer.run(trained, frames).levels["hidden"] > 0).sum())
    assert result.counters["cycles"] == result.results[-1] - result.starts[0]
    assert len(result.latency) == 30 and len(result.interval) == 29
    assert (result.latency > 0).all() and (result.ends >= result.starts).all()
    assert result.steps["out"].shape == (30, 3)
    assert (result.steps["out"][:, -1] < result.results).all()


def test_stalls_do_stall(run, quick):
    full = run(quick)
    slow = run(quick, stalls=Stalls(idle=250))
    assert slow.results[-1] - slow.starts[0] > 2 * (full.results[-1] - full.starts[0])


def test_same_build_for_other_weights_and_frames(run, tiny, tmp_path, quick, cache):
    trained, plan, frames = tiny
    run(quick)
    other = type(trained)(trained.spec, {k: -v for k, v in trained.weights.items()},
                          trained.biases)
    result = simulate(other, plan, frames[::-1][:7], simulator=quick, out_dir=tmp_path,
                      cache=cache)
    assert result.build_cached and result.ok and len(result.classes) == 7


def test_baked_weights(run, quick):
    assert run(quick, generated=None, baked=True).ok


def test_recordings_are_removed_when_nothing_is_wrong(run, tmp_path, quick):
    run(quick)
    assert not list(tmp_path.glob("*.txt"))
    assert (tmp_path / "network.v").is_file() and (tmp_path / "manifest.json").is_file()
    run(quick, keep=True)
    assert (tmp_path / "trace_hidden.txt").is_file()


def test_progress(run, quick):
    seen = []
    run(quick, progress=seen.append)
    assert seen[-1] == 30


def test_input_per_timestep(tiny, tmp_path, quick, cache):
    from dataclasses import replace

    trained, layout, _ = tiny
    spec = replace(trained.spec, input=replace(trained.spec.input, static=False))
    frames = np.random.default_rng(1).integers(0, 6, (8, 3, 12))
    frames[2, 1] = 0
    result = simulate(type(trained)(spec, trained.weights, trained.biases),
                      compile(spec, layout.plan), frames, simulator=quick, out_dir=tmp_path,
                      cache=cache)
    assert result.ok and len(result.starts) == len(result.ends) == 8


@pytest.mark.parametrize("name", ["idle", "stall"])
def test_stalls_out_of_range(name):
    with pytest.raises(ValueError, match=f"^Stalls {name} must be in 0..256, not 257"):
        Stalls(**{name: 257})


def test_wrong_frame_size(tiny, generated, tmp_path, quick):
    trained, plan, frames = tiny
    with pytest.raises(ValueError, match=r"^Input frames must have shape \(12,\), not \(11,\)"):
        simulate(trained, plan, frames[:, 1:], simulator=quick, out_dir=tmp_path,
                 generated=generated)
