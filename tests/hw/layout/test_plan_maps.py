"""Plans of maps: lanes by their operations, and what keeps a streaming stage from waiting."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from qblif.golden import integer
from qblif.golden.integer import synapse_sum
from qblif.golden.spec import Dense, as_map
from qblif.golden.spec.burst import digits
from qblif.hw.layout.compile import compile
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.layout.plan import Plan, StagePlan, make_plan
from qblif.hw.layout.work import Work, works_of


def levels_of(trained, frames):
    return {name: found.numpy() for name, found in integer.run(trained, frames).levels.items()}


def fan_out(spec, synapse):
    """Weights that meet each source neuron, by a convolution of ones."""
    source, target = (spec.source(name) for name in (synapse.source, synapse.target))
    ones = torch.ones(spec.weight_shape(synapse), dtype=torch.int32)
    events = torch.eye(source.size, dtype=torch.int32)
    conv = synapse.as_conv(source.shape) if synapse.kind == "dense" else synapse
    return synapse_sum(conv, ones.reshape(conv.weight_shape(source.shape, target.shape)), events, 1,
                       as_map(source.shape), as_map(target.shape)).sum(1).numpy()


@pytest.mark.parametrize("ports", [1, 2])
def test_work_is_what_the_events_reach(residual, ports):
    """With measured operations the mean cycles are exact, wherever on the map the events are."""
    trained, layout, frames = residual
    spec = trained.spec
    layout = compile(spec, Plan(stages=tuple(
        replace(stage, ports=ports) for stage in layout.plan.stages)))
    levels = {"input": frames[None]} | levels_of(trained, frames)
    count = np.array([len(digits(level, "shift")) for level in range(7)])
    for stage in layout.stages:
        for engine in stage.engines:
            activity, words = {}, 0
            for synapse in engine.synapses:
                spent = count[levels[synapse.source]].sum(0)  # Digits, (frames, neurons).
                operations = (spent @ fan_out(spec, synapse)).sum() / len(frames)
                activity[synapse.name] = {"digits": spent.sum() / len(frames),
                                          "operations": operations}
                share = engine.target.channels // synapse.groups
                each = operations / share * -(-engine.target.channels // engine.weights.lanes)
                if synapse.name != "a->c":  # Some of its channels reach one word of two.
                    assert engine.operations(synapse, each) == pytest.approx(operations)
                assert each <= engine.most_words(synapse) * spec.timesteps
                words += each
            work = Work(spec, engine.synapses, activity)
            assert work.cycles(engine.weights.lanes) == pytest.approx(words)
            if stage.fires:  # Of a read-out there is no more than one event at once.
                ends = stage.passes.positions * engine.words * spec.timesteps
                uneven = work.cycles(engine.weights.lanes, ports) - words / ports
                assert (ports == 1) == (uneven == pytest.approx(0))
                assert uneven < ends * (1 + np.sqrt(words / ends))  # Less than a cycle a digit.


def test_a_silent_map_takes_a_cycle_a_word(residual):
    spec = residual[0].spec
    silent = {s.name: {"digits": 0.0, "operations": 0.0} for s in spec.synapses}
    work, = works_of(spec, spec.source("a"), silent)
    assert [work.cycles(lanes) for lanes in (6, 3, 4)] == [4 * 5 * 2 * n for n in (1, 2, 2)]


def test_lanes_for_each_engine(residual):
    """All synapses of a map share its lanes, those of a flat population have their own."""
    spec = residual[0].spec
    assert [len(stage.lanes) for stage in make_plan(spec, lanes=6).stages] == [1, 1, 1, 1]
    both = replace(spec, synapses=(*spec.synapses, Dense(source="a", target="out")))
    assert [len(stage.lanes) for stage in make_plan(both, lanes=6).stages] == [1, 1, 1, 2]


def test_lanes_of_other_synapses(residual):
    trained, layout, _ = residual
    for population, count in (("c", "1 engine"), ("out", "1 synapses")):
        stages = [StagePlan(lanes=(1, 2, 3)) if p.name == population else stage
                  for p, stage in zip(trained.spec.populations, layout.plan.stages, strict=True)]
        with pytest.raises(ValueError, match=f"^Population {population} has {count}, but the plan "
                                             "has lanes for 3$"):
            compile(trained.spec, Plan(stages=tuple(stages)))


def rows_of(spec, plan):
    return {buffer.synapse.name: buffer.rows for engine in compile(spec, plan).engines
            for buffer in getattr(engine, "buffers", ())}


def test_a_residual_edge_has_the_rows_that_the_main_path_is_behind(residual):
    trained, layout, _ = residual
    tight = Plan(stages=tuple(replace(stage, slack=0) for stage in layout.plan.stages))
    rows = rows_of(trained.spec, tight)
    assert rows["input->a"] == rows["a->b"] == 3 and rows["b->c"] == 1
    assert rows["a->c"] > 1  # Its kernel has one, but b's last row needs more.
    loose = Plan(stages=tuple(replace(stage, slack=2) for stage in layout.plan.stages))
    assert rows_of(trained.spec, loose) == {name: count + 2 for name, count in rows.items()}


def cycles_of(trained, plan, frames):
    return int(count_cycles(compile(trained.spec, plan), frames,
                            levels_of(trained, frames)).interval.sum())


@pytest.mark.parametrize("changes", [
    [{"slack": 0}, {"slack": 1}], [{"buffers": 1}, {"buffers": 2}], [{"ports": 1}, {"ports": 2}]])
def test_what_a_stage_has_more_of_pays(residual, changes):
    trained, layout, frames = residual
    less, more = (cycles_of(trained, Plan(stages=tuple(
        replace(stage, **change) for stage in layout.plan.stages)), frames) for change in changes)
    assert more < less


def test_buffers_hide_the_update_passes(residual):
    """A plan has as many as the turn of a word takes, of the shortest words, and not more."""
    spec = residual[0].spec
    busy = {s.name: {"digits": 2000.0, "operations": 1e6} for s in spec.synapses}
    idle = {s.name: {"digits": 1.0, "operations": 1.0} for s in spec.synapses}
    few, many = ([stage.buffers for stage in make_plan(spec, lanes=6, activity=a).stages]
                 for a in (busy, idle))
    assert few == [1, 1, 1, 1] and many == [4, 4, 4, 1]


def test_a_dense_stage_takes_no_more_ports(residual):
    """Neither ports nor rows of slack mean anything there: its hardware is the same."""
    trained, layout, _ = residual
    stages = layout.plan.stages
    other = StagePlan(lanes=5, ports=4, buffers=3, slack=9)
    found = [compile(trained.spec, Plan(stages=(*stages[:3], last))).stages[3]
             for last in (stages[3], other)]
    assert found[0].describe() == found[1].describe() and found[0].cost == found[1].cost
