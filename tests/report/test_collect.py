"""A report's figures against what they are figures of."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from report_cases import COMMANDS, contents, outer

from qblif.golden import integer
from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.golden.spec.artifact import Trained
from qblif.golden.spec.axes import Synaptic
from qblif.hw.layout.cycles import count_cycles
from qblif.report.activity import describe_bursts
from qblif.report.collect import Frames, collect
from qblif.report.cycles import BINS, describe_cycles, estimate_cycles
from qblif.report.neuron import describe_neuron


def levels_of(trained, frames):
    return {name: found.numpy() for name, found in integer.run(trained, frames).levels.items()}


def test_bursts_and_activity(tiny):
    trained, _, frames = tiny
    report = contents(tiny)
    sent = levels_of(trained, frames)["hidden"]
    hidden = report["bursts"]["layers"][1]
    assert hidden["counts"] == [int((sent == level).sum()) for level in range(6)]
    assert hidden["shares"] == [count / sent.size for count in hidden["counts"]]
    events = {s["name"]: s["events"] for s in report["activity"]["synapses"]}
    assert events == {"input->hidden": (frames > 0).sum() / 30,
                      "hidden->out": (sent > 0).sum() / 30}


def test_accuracy_of_each_rung(tiny):
    trained, layout, frames = tiny
    noted = replace(trained, notes={"accuracy_float": 0.5, "test_images": 70})
    labels = integer.run(trained, frames).classes.numpy()
    labels[:3] = (labels[:3] + 1) % 3
    found = collect(noted, layout, title="", device="up5k", commands=COMMANDS,
                    frames=Frames(frames, labels, "draws"))["accuracy"]
    assert [(r["rung"], r["share"], r["images"]) for r in found["rungs"]] == [
        ("float", 0.5, 70), ("integers", None, None), ("integers", 0.9, 30)]
    assert found["rtl"] == {"missing": "The RTL was not simulated.", "command": COMMANDS["rtl"]}


def test_accuracy_on_the_rtl(tiny):
    found = contents(tiny)["accuracy"]
    assert found["rungs"][-1] == {"rung": "RTL", "share": 0.36666666, "images": 30, "origin":
                                  "Verilator, every level and membrane compared"}
    assert found["rtl"] == {
        "simulator": "verilator", "images": 30, "levels_compared": 9001, "levels_differ": 5,
        "membranes_compared": 11701, "membranes_differ": 6, "classes_differ": 7,
        "latency": 71.25, "interval": 33.125, "model_equal": True}


@pytest.mark.parametrize("case", ["tiny", "residual"])
def test_cycles(case, request):
    trained, layout, frames = request.getfixturevalue(case)
    found = describe_cycles(trained, layout, frames)
    model = count_cycles(layout, frames, levels_of(trained, frames), work=True)
    first = count_cycles(layout, frames[:1], levels_of(trained, frames[:1]), work=True)
    assert (found["cycles"], found["latency"]["most"]) == (
        model.interval.mean(), model.latency.max())
    for stage, laid in zip(found["stages"], layout.stages, strict=True):
        for engine, part in zip(stage["engines"], laid.engines, strict=True):
            every, own = (counted.work[stage["name"]].digits[engine["name"]][:, 2].sum()
                          for counted in (model, first))
            assert engine["cycles"] == (every - own) / (len(frames) - 1) / part.ports
            assert engine["busy"] == engine["cycles"] / found["cycles"] <= 1
        assert stage["updates"] == laid.timesteps * laid.passes.all_vectors
        assert stage["cycles"] == max([stage["updates"], *(e["cycles"] for e in stage["engines"])])
    assert found["bound"] == max(found["stages"], key=lambda stage: stage["cycles"])["name"]


def shares(rows, start, width, bins, ports=1):
    """What is done in each bin, cycle by cycle."""
    amounts = [Fraction(0)] * bins
    for begin, end, amount in rows.tolist():
        for cycle in range(begin - start, end - start):
            amounts[cycle // width] += Fraction(amount, (end - begin) * ports * width)
    return [min(1, round(float(amount), 3)) for amount in amounts]


@pytest.mark.parametrize("case", ["tiny", "residual"])
def test_one_frame_alone(case, request):
    trained, layout, frames = request.getfixturevalue(case)
    alone = describe_cycles(trained, layout, frames[:1])["alone"]
    model = count_cycles(layout, frames[:1], levels_of(trained, frames[:1]), work=True)
    assert alone["class"] - alone["accepted"] == alone["latency"] == model.latency[0]
    start = model.first[0] - alone["accepted"]
    assert alone["accepted"] >= 0 and min(stage["first"] for stage in alone["stages"]) >= 0
    for stage, laid in zip(alone["stages"], layout.stages, strict=True):
        work = model.work[stage["name"]]
        assert 0 < len(stage["lanes"]) == len(stage["updates"]) <= BINS
        assert all(0 <= share <= 1 for share in stage["lanes"] + stage["updates"])
        assert stage["updates"] == shares(work.vectors, start, alone["bin"], len(stage["lanes"]))
        if len(laid.engines) == 1:
            assert stage["lanes"] == shares(*work.digits.values(), start, alone["bin"],
                                            len(stage["lanes"]), laid.engines[0].ports)
        assert stage["last"] == max(
            [*work.vectors[:, 1], *(r for rows in work.digits.values() for r in rows[:, 1])]
        ) - 1 - start
        assert alone["accepted"] <= stage["last"] <= alone["class"]


def test_cycles_of_one_image_say_so(tiny):
    trained, layout, frames = tiny
    found = describe_cycles(trained, layout, frames[:1])
    assert (found["several"], found["cycles"]) == (False, found["latency"]["mean"])


def test_estimate_without_activity(tiny):
    _, layout, _ = tiny
    assert estimate_cycles(layout, None)["measured"] is False
    activity = {"input->hidden": {"digits": 1000.0}}
    found = estimate_cycles(layout, activity)
    assert (found["measured"], found["bound"], found["interval"]) == (True, "hidden", 3001.0)


@pytest.mark.parametrize("case", ["tiny", "residual"])
def test_neurons_against_the_integer_model(case, request):
    trained, _, frames = request.getfixturevalue(case)
    trace = integer.run(trained, frames[2:3])
    for population in trained.spec.populations:
        quantiser = population.neuron.quantiser
        for index in (0, population.size // 2, population.size - 1):
            found = describe_neuron(trained, frames[2], f"{population.name}/{index}")
            left = trace.membranes[population.name][:, 0, index].tolist()
            assert (found["levels"], found["left"]) == (
                trace.levels[population.name][:, 0, index].tolist(), left)
            if quantiser is None:
                assert (found["charged"], found["thresholds"]) == (left, [])
                continue
            assert [t["membrane"] for t in found["thresholds"]] == [
                quantiser.theta * level for level in quantiser.levels[1:]]
            assert found["levels"] == [sum(v >= t["membrane"] for t in found["thresholds"])
                                       for v in found["charged"]]


@pytest.mark.parametrize("kind", Reset.KINDS)
def test_neurons_of_every_reset_with_a_recurrent_synapse(kind):
    draw = np.random.default_rng(4)
    fires = Neuron(leak=Decay((2,)), quantiser=Quantiser(n_max=3, theta=16), v_width=12,
                   reset=Reset(kind=kind), synaptic=Synaptic(decay=Decay((1,)), width=10))
    spec = Network(
        timesteps=6, input=Input(shape=(5,), n_max=3, static=False),
        populations=[Population(name="a", shape=(4,), neuron=fires, sum_width=14, bias_width=5),
                     Population(name="out", shape=(2,), sum_width=14,
                                neuron=Neuron(quantiser=None, v_width=16))],
        synapses=[Dense(source="input", target="a"), Dense(source="a", target="a"),
                  Dense(source="a", target="out")])
    trained = Trained(spec, {s.name: draw.integers(-20, 30, spec.weight_shape(s)).astype(np.int32)
                             for s in spec.synapses}, {"a": np.array([3, -2, 5, 0], np.int32)})
    frames = draw.integers(0, 4, (20, 6, 5)) * (draw.random((20, 6, 5)) < 0.4)
    trace = integer.run(trained, frames)
    for number, frame in enumerate(frames):
        for index in range(4):
            found = describe_neuron(trained, frame, f"a/{index}")
            assert found["levels"] == trace.levels["a"][:, number, index].tolist() == [
                sum(v >= t["membrane"] for t in found["thresholds"]) for v in found["charged"]]


def test_neuron_that_fires_most(tiny):
    trained, _, frames = tiny
    found = describe_neuron(trained, frames[2])
    sent = integer.run(trained, frames[2:3]).levels["hidden"][:, 0].numpy()
    fired, total = (sent > 0).sum(0), sent.sum(0, dtype=int)
    best = max(range(10), key=lambda k: (fired[k], total[k], -k))
    assert (found["population"], found["index"]) == ("hidden", best)


def test_network_that_never_fires(tiny):
    trained, layout, frames = tiny
    silent = Trained(trained.spec, {name: weights * 0 for name, weights in trained.weights.items()},
                     trained.biases)
    pytest.importorskip("jinja2")
    from qblif.report.page import render
    report = collect(silent, layout, title="silent", device="ecp5-25k", commands=COMMANDS,
                     frames=Frames(frames * 0, frames[:, 0] * 0, "nothing"))
    assert report["bursts"]["layers"][1]["shares"] == [1, 0, 0, 0, 0, 0]
    assert report["cycles"]["stages"][0]["engines"][0]["busy"] == 0
    assert report["neuron"]["levels"] == [0, 0, 0]
    assert list(outer(render(json.loads(json.dumps(report)))))


def test_shares_are_of_all_neuron_timesteps():
    from qblif.golden.study.analysis import Layer
    layer = Layer(name="a", neurons=2, levels=(0, 1), histogram=(30, 10), gamma=None, theta=8)
    found, = describe_bursts([layer], 20)["layers"]
    assert (found["shares"], found["fire"], found["mean_level"]) == ([0.75, 0.25], 0.25, 0.25)


@pytest.mark.parametrize("changed, text", [
    ({"device": "up6k"}, "Device must be one of .*up5k.*, not 'up6k'"),
    ({"neuron": "out/3"}, "Neuron of out must be in 0..2, not 3"),
    ({"frames": Frames(np.zeros((0, 12), int), np.zeros(0, int), "")},
     "Images must be at least 1, not 0")])
def test_what_cannot_be_reported(tiny, changed, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        contents(tiny, **changed)
