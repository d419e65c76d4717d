"""When each stage works by the cycle model, against the hardware's own counters and steps."""

import numpy as np
import pytest
from needs import needs

from qblif.golden import integer
from qblif.hw.layout.cycles import count_cycles
from qblif.sim.bench import simulate


@pytest.mark.parametrize("case", ["tiny", "residual"])
def test_work_is_what_the_hardware_counts(case, request, tmp_path, cache):
    needs("verilator")
    trained, layout, frames = request.getfixturevalue(case)
    levels = {name: found.numpy() for name, found in integer.run(trained, frames).levels.items()}
    model = count_cycles(layout, frames, levels, work=True)
    plain = count_cycles(layout, frames, levels)
    assert plain.work == {}
    np.testing.assert_array_equal(plain.last, model.last)
    result = simulate(trained, layout, frames, out_dir=tmp_path, cache=cache)
    assert result.ok
    shift = model.first[0] - result.starts[0]
    for stage in layout.stages:
        work = model.work[stage.name]
        for engine in stage.engines:
            rows = work.digits[engine.name]
            assert rows[:, 2].sum() == sum(
                result.counters[f"words_{source.name}_{stage.name}"] for source in engine.sources)
            busy = rows[rows[:, 2] > 0]
            assert ((busy[:, 1] - busy[:, 0]) * engine.ports >= busy[:, 2]).all()
            if engine.ports == 1:  # One after the other: no bin has more than its cycles.
                assert (busy[1:, 0] >= busy[:-1, 1]).all()
        vectors = work.vectors
        assert vectors[:, 2].sum() == stage.timesteps * stage.passes.all_vectors * len(frames)
        assert (vectors[1:, 0] >= vectors[:-1, 1]).all()
        # The last vector of each pass that ends a step is read step_latency before its membranes.
        ends = np.sort(result.steps[stage.name].reshape(-1)) + shift - stage.timing.step_latency
        assert np.isin(ends, vectors[:, 1] - 1).all()
