"""Recorded vectors against levels and membranes, in both orders of timesteps."""

from dataclasses import replace

import numpy as np
import pytest

from qblif.golden import integer
from qblif.hw.layout.compile import compile
from qblif.sim.bench_files import UNKNOWN
from qblif.sim.compare import compare, vector_addresses

FRAMES = 3


@pytest.fixture(scope="module", params=["inner", "outer"])
def case(residual, request):
    """A stage of two lanes, what it should record in two cycles a vector, and the golden values."""
    trained, layout, frames = residual
    stage = compile(trained.spec, replace(layout.plan, order=request.param)).stages[0]
    trace = integer.run(trained, frames[:FRAMES])
    golden = {what: getattr(trace, what)["a"].numpy().astype(np.int64)
              for what in ("levels", "membranes")}
    passes, recorded = stage.passes, {}
    timestep, position = passes.steps()
    order = passes.neurons()[position]  # (steps, vectors, lanes), no padding.
    for what, values in golden.items():
        found = values.swapaxes(0, 1)[:, timestep[:, None, None], order].reshape(-1, 2)
        recorded |= {f"{what}.{k}": found[:, k] for k in range(2)}
    recorded["address"] = np.tile(vector_addresses(passes), FRAMES)
    recorded["cycle"] = 2 * np.arange(len(recorded["address"]))
    return stage, recorded, golden


def cut(recorded, count):
    return {name: values[:count].copy() for name, values in recorded.items()}


def test_all_right(case):
    stage, recorded, golden = case
    found = compare(stage, recorded, *golden.values())
    assert (found.levels_compared, found.membranes_compared) == (FRAMES * 2 * 120,) * 2
    assert (found.level_mismatches, found.membrane_mismatches, found.first) == (0, 0, ())
    assert found.where is None
    last = 2 * (2 * 60 - 1)  # Of the first frame.
    assert found.steps[0, 1] == last
    assert found.steps[0, 0] == (last - 2 * 3 if stage.passes.inner else 2 * (60 - 1))


def test_where_it_differs_first(case):
    stage, recorded, golden = case
    for places in ([("levels", (1, 0, 7)), ("membranes", (0, 2, 3))],
                   [("levels", (0, 2, 3)), ("membranes", (1, 0, 7)), ("membranes", (0, 1, 2))]):
        expected = {what: values.copy() for what, values in golden.items()}
        for what, place in places:
            expected[what][place] += 1
        # Frame, timestep, neuron.
        assert compare(stage, recorded, *expected.values()).where == (0, 1, 7)


def test_one_wrong_membrane(case):
    stage, recorded, golden = case
    changed = cut(recorded, None)
    changed["membranes.1"][130] += 5
    changed["levels.0"][0] = UNKNOWN
    found = compare(stage, changed, *golden.values())
    assert (found.level_mismatches, found.membrane_mismatches) == (1, 1)
    level, membrane = found.first
    assert level.startswith("a neuron 0, timestep 0, frame 0: RTL level undefined, golden ")
    # Vector 10 of frame 1 holds channels 2 and 3, whose maps have 20 neurons.
    step, position = (1, 1) if stage.passes.inner else (0, 3)
    assert membrane.startswith(f"a neuron {3 * 20 + position}, timestep {step}, frame 1: ")


@pytest.mark.parametrize("count, whole", [(0, 0), (1, 0), (119, 0), (120, 1), (359, 2)])
def test_frames_that_are_not_whole(case, count, whole):
    stage, recorded, golden = case
    found = compare(stage, cut(recorded, count), *golden.values())
    assert found.membranes_compared == whole * 2 * 120 and found.first == ()
    assert (found.steps >= 0).all(1).tolist() == [k < whole for k in range(FRAMES)]


def test_vectors_out_of_order_and_too_many(case):
    stage, recorded, golden = case
    swapped = cut(recorded, None)
    swapped["address"][[121, 122]] = swapped["address"][[122, 121]]
    swapped["address"][0] = UNKNOWN
    expected = vector_addresses(stage.passes)
    found = compare(stage, swapped, *golden.values()).first
    assert found == (f"a, frame 0: vector undefined came where vector {expected[0]} belongs",)
    longer = {name: np.append(values, values[:2]) for name, values in recorded.items()}
    assert compare(stage, longer, *golden.values()).first == (
        "a: 2 vectors more than 3 frames have",)
