"""Plans of maps: lanes by their operations, and buffers of residual edges."""

from dataclasses import replace

import numpy as np
import pytest

from qblif.golden import integer
from qblif.golden.spec.burst import digits
from qblif.hw.layout import compile as compiling
from qblif.hw.layout.compile import compile
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.layout.plan import Plan, StagePlan, Work, make_plan


def test_work_is_what_the_events_reach(residual):
    """With measured operations the mean cycles are exact, wherever on the map the events are."""
    trained, layout, frames = residual
    spec = trained.spec
    levels = {"input": frames[None]} | {
        name: found.numpy() for name, found in integer.run(trained, frames).levels.items()}
    count = np.array([len(digits(level, "shift")) for level in range(7)])
    for engine in layout.engines:
        spent = count[levels[engine.source.name]].sum(0)  # Digits, (frames, neurons).
        activity = {engine.name: {
            "digits": spent.sum() / len(frames),
            "operations": (spent @ engine.scatter.operations()).sum() / len(frames)}}
        words = (spent @ engine.scatter.steps()).sum() / len(frames)
        assert Work(spec, engine.synapse, activity).cycles(engine.lanes) == pytest.approx(words)


def test_lanes_for_each_synapse(residual):
    trained, _, _ = residual
    stages = make_plan(trained.spec, lanes=6).stages
    assert [len(stage.lanes) for stage in stages] == [1, 1, 2, 1]
    assert stages[2].lanes[1] <= stages[2].lanes[0]  # The identity edge has the least to do.


def test_lanes_of_other_synapses(residual):
    trained, layout, _ = residual
    stages = [*layout.plan.stages]
    stages[2] = StagePlan(lanes=(1, 2, 3))
    with pytest.raises(ValueError, match="^Population c has 2 synapses, but the plan has lanes "
                                         "for 3$"):
        compile(trained.spec, Plan(stages=tuple(stages)))


def banks_of(spec, plan):
    return {engine.name: engine.scatter.banks for engine in compile(spec, plan).engines}


def test_an_edge_gets_a_bank_for_each_stage_that_it_skips(residual):
    trained, layout, _ = residual
    plan = layout.plan
    assert trained.spec.depth == {"input": 0, "a": 1, "b": 2, "c": 3, "out": 4}
    assert banks_of(trained.spec, plan) == {
        "input->a": 2, "a->b": 2, "b->c": 2, "a->c": 3, "c->out": 2}
    alone = Plan(stages=tuple(replace(stage, banks=1) for stage in plan.stages))
    assert banks_of(trained.spec, alone) == {
        "input->a": 1, "a->b": 1, "b->c": 1, "a->c": 1, "c->out": 2}  # The last are no map's.


def test_banks_have_a_limit(residual):
    trained, layout, _ = residual
    spec, plan = trained.spec, layout.plan
    edge = replace(spec.synapses[3], source="input", kernel=1, stride=2, groups=2)
    far = replace(spec, synapses=(*spec.synapses[:3], edge, spec.synapses[4]))
    assert banks_of(far, plan)["input->c"] == 4
    longer = replace(far, populations=(*far.populations[:2], replace(far.populations[1], name="b2"),
                                       *far.populations[2:]),
                     synapses=(*far.synapses[:2], replace(far.synapses[1], source="b", target="b2"),
                               replace(far.synapses[2], source="b2"), *far.synapses[3:]))
    stages = (*plan.stages[:2], plan.stages[1], *plan.stages[2:])
    assert longer.depth["c"] == 4
    assert banks_of(longer, Plan(stages=stages))["input->c"] == 4


def test_the_bank_of_a_residual_edge_pays(residual, monkeypatch):
    trained, layout, frames = residual
    trace = integer.run(trained, frames)
    levels = {name: found.numpy() for name, found in trace.levels.items()}

    def cycles():
        layout_now = compile(trained.spec, layout.plan)
        return int(count_cycles(layout_now, frames, levels).interval.sum())

    more = cycles()
    monkeypatch.setattr(compiling, "BUFFERS_LIMIT", 2)
    assert more < 0.9 * cycles()
