"""`qblif analyse --rtl`: the hardware's operation counters against the model's counts."""

import json

import numpy as np
import pytest
from cli_cases import analyse

from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population
from qblif.golden.spec.artifact import Trained
from qblif.golden.spec.pixels import to_levels
from qblif.golden.study.analysis import take_census
from qblif.golden.study.energy import synapse_costs
from qblif.golden.training.data.readers import load_folder
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.sim import operations
from qblif.sim.operations import count_operations
from qblif.sim.simulators import SimulatorError


def test_hardware_counts_the_same(files, images, tmp_path, icarus, monkeypatch):
    monkeypatch.setattr("qblif.cli.analyse.draw", lambda *_: None)
    assert analyse(files["first"], "--data", images, "--images", "9", "--rtl", "2", "--lanes", "4",
                   "--simulator", icarus, "--out", tmp_path) == 0
    report = json.loads((tmp_path / "analysis.json").read_text())["rtl"]
    assert (report["images"], report["equal"], len(report["synapses"])) == (2, True, 4)
    levels = to_levels(load_folder(images).test_images[:2], 5)
    for row in report["synapses"]:
        assert row["operations"] <= row["lane_slots"] == row["words"] * row["lanes"]
        if row["name"] == "input->hidden":
            assert row["events"] == (levels > 0).sum()
            if row["burst"] == "repeat":
                assert row["operations"] == 10 * levels.sum()


def test_counters_that_differ_are_an_error(files, images, tmp_path, monkeypatch, capsys):
    """Must fail: a counter of one word too many."""
    def miscount(trained, plan, levels, out_dir, simulator, progress):
        costs = synapse_costs(trained.spec, take_census(trained, levels))
        mode = plan.stages[0].plan.burst
        return {c.name: operations.Counted(
            name=c.name, lanes=1, events=c.events, words=c.sops[mode],
            operations=c.sops[mode] + (mode == "shift")) for c in costs}

    monkeypatch.setattr(operations, "count_operations", miscount)
    monkeypatch.setattr("qblif.sim.simulators.require", lambda simulator: simulator)
    monkeypatch.setattr("qblif.cli.analyse.draw", lambda *_: None)
    assert analyse(files["first"], "--data", images, "--rtl", "2", "--out", tmp_path) == 1
    report = json.loads((tmp_path / "analysis.json").read_text())["rtl"]
    assert [row["equal"] for row in report["synapses"]] == [True, True, False, False]
    assert not report["equal"] and "counters differ" in capsys.readouterr().out


def test_operations_that_words_do_not_tell(files, images, tmp_path, monkeypatch, capsys):
    """Their events are compared, they are not."""
    def count(trained, plan, levels, out_dir, simulator, progress):
        costs = synapse_costs(trained.spec, take_census(trained, levels))
        return {c.name: operations.Counted(name=c.name, lanes=1, events=c.events + missing,
                                           words=c.sops["repeat"], operations=None) for c in costs}

    monkeypatch.setattr(operations, "count_operations", count)
    monkeypatch.setattr("qblif.sim.simulators.require", lambda simulator: simulator)
    monkeypatch.setattr("qblif.cli.analyse.draw", lambda *_: None)
    for missing in (0, 1):
        assert analyse(files["first"], "--data", images, "--rtl", "2", "--out",
                       tmp_path) == missing
        rows = json.loads((tmp_path / "analysis.json").read_text())["rtl"]["synapses"]
        assert [row["operations"] for row in rows] == [None] * 4
        assert all(row["equal"] == (not missing) for row in rows)


@pytest.mark.parametrize("groups, lanes, even", [
    (2, 4, True), (6, 2, True), (6, 6, True), (6, 4, True), (3, 3, False)])
def test_hardware_counts_maps(tmp_path, icarus, groups, lanes, even):
    """Groups of 3 channels in words of 4 lanes, and of one in words that do not divide the
    channels; a pool, a stride and an edge that is dropped.  Groups of two in words of three: the
    middle one's digits take two words."""
    from qblif.golden.spec import Quantiser
    fires = Neuron(quantiser=Quantiser(n_max=6, theta=16), v_width=14)
    synapses = [Conv2d(source="input", target="a", kernel=3, stride=2, padding=1),
                Conv2d(source="a", target="b", kernel=(1, 2), groups=groups, pool=(2, 1)),
                Dense(source="b", target="out")]
    shapes = {"a": (6, 3, 3), "b": (6, 1, 2)}
    spec = Network(timesteps=2, input=Input(shape=(2, 5, 6), n_max=3), synapses=synapses,
                   populations=[*(Population(name=n, shape=s, neuron=fires, sum_width=16)
                                  for n, s in shapes.items()),
                                Population(name="out", shape=(3,), sum_width=16,
                                           neuron=Neuron(quantiser=None, v_width=16))])
    draw = np.random.default_rng(4)
    trained = Trained(spec, {s.name: draw.integers(-9, 20, spec.weight_shape(s)).astype(np.int32)
                             for s in synapses})
    frames = draw.integers(0, 4, (3, 60))
    costs = synapse_costs(spec, take_census(trained, frames))
    found = count_operations(trained, compile(spec, make_plan(spec, lanes=(6, lanes, 2))), frames,
                             tmp_path, icarus)
    assert {n: (c.events, c.operations) for n, c in found.items()} == {
        c.name: (c.events, c.sops["shift"] if even or c.name != "a->b" else None) for c in costs}
    assert all(cost.sops["shift"] for cost in costs)
    padded = found["a->b"]
    assert not even or padded.operations < padded.lane_slots  # Lanes without a channel.


def test_wrong_hardware_is_not_counted(tiny, tmp_path, monkeypatch):
    """Must fail: a simulation that found a difference."""
    class Wrong:
        ok, findings, counters = False, ("levels of hidden differ",), {}

    trained, plan, frames = tiny
    monkeypatch.setattr(operations, "simulate_parts", lambda *_, **__: [(None, None, Wrong)])
    with pytest.raises(SimulatorError, match="^The Verilog differs from the integer model .*: "
                                             "levels of hidden differ$"):
        count_operations(trained, plan, frames, tmp_path)
