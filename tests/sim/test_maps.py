"""Convolutions and a residual edge on the simulators, with everything that the bench compares."""

import numpy as np
import pytest

from qblif.golden import integer
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.verilog import generate
from qblif.sim.bench import simulate
from qblif.sim.result import Stalls


@pytest.fixture(scope="module")
def generated(residual):
    """The network's Verilog, generated once."""
    return generate(residual[1])


@pytest.fixture
def run(residual, generated, tmp_path, cache):
    """``run(simulator, ...)``: the result of the network."""
    trained, layout, frames = residual

    def run(simulator, **options):
        return simulate(trained, layout, frames, simulator=simulator, out_dir=tmp_path,
                        cache=cache, generated=generated, **options)
    return run


@pytest.mark.parametrize("stalls", [Stalls(), Stalls(idle=60, stall=200, seed=3)])
def test_every_level_and_membrane(run, residual, simulator, stalls):
    trained, plan, frames = residual
    result = run(simulator, stalls=stalls)
    assert result.ok and result.mismatches == 0
    assert result.levels_compared == len(frames) * 2 * 3 * 6 * 4 * 5
    if stalls == Stalls():
        levels = {name: found.numpy() for name, found in
                  integer.run(trained, frames).levels.items()}
        model = count_cycles(plan, frames, levels)
        np.testing.assert_array_equal(result.latency, model.latency)
        np.testing.assert_array_equal(result.interval, model.interval)


def test_counters_are_what_the_events_reach(run, residual, quick):
    trained, plan, frames = residual
    result = run(quick)
    levels = {name: found.numpy() for name, found in integer.run(trained, frames).levels.items()}
    digits = {name: np.array([0, 1, 1, 2, 1, 2, 2])[found].reshape(-1, 6, 4, 5)
              for name, found in levels.items() if name in "ab"}
    for name in "ab":
        assert result.counters[f"events_{name}_c"] == np.count_nonzero(levels[name])
    # Words of channels 0 to 3, and 4 and 5: an event is read for the one that its channel adds to.
    assert result.counters["words_a_c"] == digits["a"].sum()
    assert result.counters["words_b_c"] == 2 * (digits["b"].sum((0, 1, 2)) * [2, 3, 3, 3, 2]).sum()


def test_one_wrong_weight_is_noticed(run, residual, quick):
    trained, plan, frames = residual
    expected = integer.run(trained, frames)
    weights = trained.weights["a->c"]
    weights[1] ^= 64
    try:
        result = run(quick, expected=expected)
    finally:
        weights[1] ^= 64
    assert not result.ok and result.level_mismatches["c"] and not result.level_mismatches["b"]
