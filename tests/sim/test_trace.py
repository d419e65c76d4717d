"""`qblif trace` and the waves: random networks, whose neurons must be those of the integer model,
of the RTL and of the VCD file; and what must be found."""

import re
from dataclasses import replace

import numpy as np
import pytest
import test_random_graphs
import test_random_networks
from random_cases import Draw, draw_frames
from waves_read import Waves

from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.golden.spec.errors import InvalidValue
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.hw.verilog import generate
from qblif.sim import trace, waves
from qblif.sim.record import choose_simulator, record
from qblif.sim.rtl_neuron import probes_of
from qblif.sim.simulators import SimulatorError
from qblif.sim.trace import trace_neuron
from qblif.sim.waves import write_waves


@pytest.mark.parametrize("number", range(10))
def test_trace(number, tmp_path, monkeypatch):
    """Two neurons of a random network."""
    draw = Draw.case("test_trace", number, folder="sim")
    kind, make = ((test_random_networks, test_random_networks.draw_network),
                  (test_random_graphs, test_random_graphs.draw_graph))[number % 2]
    trained = make(draw)
    layout = compile(trained.spec, kind.draw_plan(draw, trained.spec))
    chosen = [(p.name, draw.integer(0, p.size - 1)) for p in (
        draw.one_of(trained.spec.populations), trained.spec.populations[0])]
    check_trace(trained, layout, draw_frames(draw, trained.spec)[0], chosen, tmp_path, monkeypatch)


def test_ends_behind_the_class(tmp_path, monkeypatch):
    """No window reads the last rows of the first population, so they end behind the class."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=4), v_width=12)
    synapses = [Conv2d(source="input", target="a", kernel=1),
                Conv2d(source="a", target="b", kernel=1, pool=(5, 1)),
                Dense(source="b", target="out")]
    spec = Network(timesteps=2, input=Input(shape=(1, 9, 2), n_max=3), synapses=synapses,
                   populations=[Population(name="a", shape=(3, 9, 2), sum_width=12, neuron=fires),
                                Population(name="b", shape=(1, 1, 2), sum_width=12, neuron=fires),
                                Population(name="out", shape=(1,), sum_width=12,
                                           neuron=Neuron(quantiser=None, v_width=14))])
    trained = Trained(spec, {s.name: np.ones(spec.weight_shape(s), np.int32) for s in synapses}, {})
    layout = compile(spec, make_plan(spec, lanes=1))
    check_trace(trained, layout, np.full(18, 3), [("a", 0), ("a", 53)], tmp_path, monkeypatch)


def check_trace(trained, layout, frame, chosen, tmp_path, monkeypatch):
    watch = dict.fromkeys(waves.probes_of(layout))
    for name, neuron in chosen:
        watch |= dict.fromkeys(probes_of(layout, name, neuron))
    recorded = record(trained, layout, frame[None], watch, simulator="amaranth", out_dir=None)
    monkeypatch.setattr(trace, "record", lambda *_, **__: recorded)
    assert write_waves(layout, recorded.waves, tmp_path / "waves") == []
    vcd = Waves(tmp_path / "waves.vcd")
    for name, neuron in chosen:
        report = trace_neuron(trained, layout, frame, name, neuron, simulator="amaranth")
        assert report["equal"] is True and report["differences"] == []
        for step in report["timesteps"]:
            assert {**step["golden"], **step["rtl"]} | {"taken": None} == \
                {**step["golden"]} | {"taken": None}
            assert all(event["rtl"] == event["golden"] for event in step["events"])
        check_waves(layout, recorded, vcd, report)


def check_waves(layout, recorded, waves, report):
    """The neuron's lines in the VCD file are what `trace` says."""
    name, neuron, start = report["population"], report["neuron"], min(
        int(wave.cycles[0]) for wave in recorded.waves.values())
    stage = next(stage for stage in layout.stages if stage.name == name)
    cycles, _ = recorded.waves["trace", name].when("trace_valid")
    order = stage.passes.neurons()[stage.passes.steps()[1]].reshape(-1, stage.fire_lanes)
    mine = sorted((cycles[(order == neuron).any(1)] - start).tolist())
    place = "_".join(map(str, report["position"] or [neuron]))
    for kind in ("membrane", "level") if stage.fires else ("membrane",):
        steps = [step["rtl"][kind] for step in report["timesteps"]]
        assert waves.updates(f"{name}.{kind}s.{kind}_{place}", mine, kind == "membrane") == \
            list(zip([None, *steps], steps, strict=False))
    if not stage.emits or stage.classifies:
        return  # The last stage's events may leave behind its class, with which the waves end.
    fields = ("neuron",) if report["position"] is None else ("channel", "row", "column")
    events = [(*map(int, row[:-1]), row[-1]) for row in waves.transfers(
        f"{name}.events", *fields, "level") if row[0] is not None]
    mine = tuple(report["position"] or [neuron])
    assert [event[-1] for event in events if event[:-1] == mine] == \
        [step["rtl"]["level"] for step in report["timesteps"] if step["rtl"]["level"]]
    ends = [end for end, in waves.transfers(f"{name}.events", "end") if end]
    assert len(ends) == layout.spec.timesteps * stage.passes.positions


# On the Verilog, where something is wrong.

def traced(tiny, tmp_path, cache, simulator, name, neuron, generated=None, frame=3):
    trained, layout, frames = tiny
    return trace_neuron(trained, layout, frames[frame], name, neuron, frame=frame,
                        simulator=simulator, out_dir=tmp_path, generated=generated, cache=cache)


def test_every_simulator_agrees(tiny, tmp_path, cache, simulator):
    reports = [traced(tiny, tmp_path, cache, which, "hidden", 7)
               for which in (simulator, "amaranth", None)]
    assert [report.pop("simulator") for report in reports] == [simulator, "amaranth", None]
    assert reports[0] == reports[1] and reports[0]["equal"] is True
    assert reports[2]["equal"] is None and reports[2]["mismatches"] is None
    for step in reports[0]["timesteps"]:
        assert step.pop("rtl") == step["golden"]
        for event in step["events"]:
            assert event.pop("rtl") == event["golden"]
    for step in reports[2]["timesteps"]:
        assert step.pop("rtl") is None
    assert reports[0]["timesteps"] == reports[2]["timesteps"]


def changed(tiny, tensor, place, amount):
    """The Verilog with one weight or bias changed, baked in."""
    trained, layout, _ = tiny
    weights, biases = ({name: found.copy() for name, found in tensors.items()}
                       for tensors in (trained.weights, trained.biases))
    (weights if "->" in tensor else biases)[tensor][place] += amount
    return generate(layout, Trained(trained.spec, weights, biases))


def test_corrupted_weight(tiny, tmp_path, cache, quick):
    trained, _, frames = tiny
    source = np.flatnonzero(frames[3])[1]
    weight = int(trained.weights["input->hidden"][7, source])
    generated = changed(tiny, "input->hidden", (7, source), -9)
    report = traced(tiny, tmp_path, cache, quick, "hidden", 7, generated)
    level = int(frames[3, source])
    assert report["equal"] is False and report["mismatches"] > 0
    assert report["differences"][0] == (f"weight 7, {source} of synapse input->hidden differs: "
                                        f"RTL {weight - 9}, network file {weight}")
    total = report["timesteps"][0]["golden"]["sum"]
    assert report["differences"][1] == (f"hidden neuron 7, timestep 0, frame 3: RTL sum "
                                        f"{total - 9 * level}, golden {total}")
    event, = (event for event in report["timesteps"][0]["events"]
              if event["rtl"] != event["golden"])
    assert event["source"] == source and event["weight"] == [7, source]
    assert event["rtl"] == {"level": level, "weight": weight - 9,
                            "product": level * (weight - 9)}
    finding, = report["findings"]
    assert finding == (f"weights {generated.manifest['weights_digest']} are baked into the "
                       f"Verilog, but the network file has {trained.weights_digest}")
    # Another neuron is what it should be; that others are not is said.
    other = traced(tiny, tmp_path, cache, quick, "hidden", 6, generated)
    assert other["equal"] is True and other["differences"] == [] and other["mismatches"] > 0


def test_event_of_another_level(tiny, tmp_path, cache, quick):
    trained, _, frames = tiny
    generated = changed(tiny, "input->hidden", (7, np.flatnonzero(frames[3])[1]), -60)
    report = traced(tiny, tmp_path, cache, quick, "out", 1, generated)
    assert re.match(r"hidden neuron 7, timestep \d, frame 3: RTL level \d, golden \d$",
                    report["differences"][0])
    wrong = [event for step in report["timesteps"] for event in step["events"]
             if event["rtl"] != event["golden"]]
    assert {(event["synapse"], event["source"]) for event in wrong} == {("hidden->out", 7)}


def test_corrupted_bias(tiny, tmp_path, cache, quick):
    report = traced(tiny, tmp_path, cache, quick, "out", 2, changed(tiny, "out", 2, -1))
    assert report["differences"][0] == "bias 2 of out differs: RTL 4, network file 5"


def edited(tiny, pattern, change):
    """The tiny network's Verilog with the first match of a pattern replaced."""
    generated = generate(tiny[1])
    text, count = re.subn(pattern, change, generated.verilog, count=1, flags=re.DOTALL)
    assert count == 1
    return replace(generated, verilog=text)


def module(name):
    """A pattern for the start of a module, up to what follows."""
    return rf"(module \\qblif_network\.{re.escape(name)} \(.*?)"


def test_wrong_leak(tiny, tmp_path, cache, quick):
    generated = edited(tiny, module("hidden.population.neuron_0.leak")
                       + r"(assign \S+\s+= )\$signed\(v\) - ", r"\1\2$signed(v) + ")
    report = traced(tiny, tmp_path, cache, quick, "hidden", 4, generated)
    first = report["differences"][0]
    assert re.match(r"hidden neuron 4, timestep 1, frame 3: RTL leak -?\d+, golden -?\d+$", first)
    assert report["findings"][0].startswith("the Verilog was edited after generation")


def test_wrong_sum(tiny, tmp_path, cache, quick):
    # The first of four lanes subtracts.
    generated = edited(tiny, module("hidden.engine_input.accumulators") + r"1'h1 \}\) \+ ",
                       r"\g<1>1'h1 }) - ")
    report = traced(tiny, tmp_path, cache, quick, "hidden", 4, generated)
    assert any(re.search(r"RTL sum -?\d+, but its events add up to -?\d+$", text)
               for text in report["differences"])


def test_rtl_that_stalls(tiny, tmp_path, cache, quick):
    generated = edited(tiny, module("hidden.population.sequencer")
                       + "assign en = ", r"\1assign en = 1'h0 & ")
    report = traced(tiny, tmp_path, cache, quick, "out", 0, generated)
    assert report["differences"] == [
        f"out neuron 0, timestep {t}, frame 3: the RTL did not compute it" for t in range(3)]
    assert report["findings"][-1].startswith("stalled: 0 of 1 results")
    assert report["timesteps"][0]["rtl"]["membrane"] is None


def test_simulators(tiny, monkeypatch):
    assert choose_simulator("amaranth") == "amaranth"
    with pytest.raises(InvalidValue, match="^Simulator must be one of verilator, icarus, amaranth, "
                                           "not 'modelsim'$"):
        choose_simulator("modelsim")

    def missing(simulator):
        raise SimulatorError("not installed")
    monkeypatch.setattr("qblif.sim.record.require", missing)
    assert choose_simulator() == "amaranth"
    with pytest.raises(SimulatorError, match="^not installed$"):
        choose_simulator("icarus")
    trained, layout, frames = tiny
    with pytest.raises(InvalidValue, match="^Simulator amaranth does not read Verilog: use one "):
        record(trained, layout, frames[:1], [], simulator="amaranth", out_dir=None,
               generated=generate(layout))
