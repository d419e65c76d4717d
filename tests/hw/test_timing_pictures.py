"""The timing pictures of docs/architecture.md, against what the ports of the hardware show."""

import re
from pathlib import Path

import numpy as np
from dense_cases import transfers

from qblif.golden.spec import (
    Conv2d,
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quantiser,
    Reset,
)
from qblif.golden.spec.artifact import Trained
from qblif.hw.core import stream_engine
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.stream import simulate_component, stream_put

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
CYCLES = 40
LEVEL = 3


def picture(number):
    """``{row: {cycle: entry}}`` of a timing picture; each cycle is three characters wide."""
    block = re.findall(r"^    cycle  .*(?:\n    .+)+", PAGE.read_text(), re.MULTILINE)[number]
    head, *rows = block.splitlines()
    start = head.index("0") - 2
    return {row[4:start].strip(): {
        k: cell.strip() for k in range(CYCLES)
        if (cell := row[start + 3 * k:start + 3 * k + 3]).strip()} for row in rows}


def network():
    """The example of the page: 16 neurons on four lanes, two neurons a vector."""
    spec = Network(
        timesteps=2, input=Input(shape=(4,), n_max=4, static=False),
        populations=(
            Population(name="hidden", shape=(16,), sum_width=14, bias_width=8, neuron=Neuron(
                leak=Decay((3,)), quantiser=Quantiser(n_max=7, theta=16), v_width=16)),
            Population(name="output", shape=(3,), sum_width=14, neuron=Neuron(
                quantiser=None, reset=Reset(kind="none"), v_width=16))),
        synapses=(Dense(source="input", target="hidden", w_width=8),
                  Dense(source="hidden", target="output", w_width=8)))
    weights = {s.name: np.arange(16, 16 + np.prod(spec.weight_shape(s)), dtype=np.int32)
               .reshape(spec.weight_shape(s)) for s in spec.synapses}
    trained = Trained(spec, weights, {"hidden": np.zeros(16, np.int32)})
    plan = Plan(stages=(StagePlan(lanes=(4,), fire_lanes=2), StagePlan(lanes=(1,))))
    return NetworkCore(compile(spec, plan), trained), weights["input->hidden"][:, 1]


def record():
    """What the first stage shows in each cycle from the first transfer on, and the weights."""
    dut, weights = network()
    stage = dut.stages[0]
    engine, = stage.engines
    signals = {
        "accepted": dut.i.valid & dut.i.ready, "end": dut.i.p.end, "ready": engine.complete,
        "release": engine.release, "currents": engine.currents[0],
        "written": stage.trace_valid, "vector": stage.trace.address, "offered": stage.o.valid,
        "address": stage.o.p.address}
    rows = []

    async def source(ctx):
        await stream_put(ctx, dut.i, {"address": 1, "level": LEVEL, "end": 0}, 0)
        await stream_put(ctx, dut.i, {"address": 0, "level": 0, "end": 1}, 0)
        await ctx.tick().repeat(CYCLES)

    async def watch(ctx):
        async for _, _, *values in ctx.tick().sample(*signals.values()):
            rows.append(dict(zip(signals, map(int, values), strict=True)))

    simulate_component(dut, source, background=[watch], timeout=200)
    first = next(k for k, row in enumerate(rows) if row["accepted"])
    return rows[first:first + CYCLES], weights


def test_pictures():
    rows, weights = record()
    engine, update = picture(0), picture(1)

    def when(name):
        return {k for k, row in enumerate(rows) if row[name]}

    assert {k: "E" if rows[k]["end"] else "*" for k in when("accepted")} \
        == engine["transfer accepted"]
    assert when("ready") == engine["currents complete"].keys()
    start, = engine["first vector read"]

    def shifted(row):
        return {start + k: int(entry) if entry.isdigit() else entry
                for k, entry in update[row].items()}

    assert max(shifted("read_en")) == max(when("release"))  # With the last vector of the pass.
    assert when("release") == shifted("release").keys()
    for cycle, vector in shifted("currents, v, bias").items():
        assert rows[cycle]["currents"] == LEVEL * weights[2 * vector]
    assert {k: rows[k]["vector"] for k in when("written")} == shifted("reset; v written")
    assert shifted("FIFO push, if fired") == shifted("reset; v written")
    offered = shifted("event offered")
    assert min(when("offered")) == min(offered)
    for cycle in list(offered)[:2]:  # The read-out is slower than that later.
        assert rows[cycle]["address"] // 2 == offered[cycle]


def window():
    """A streaming engine whose second position has a window as in the picture, and the frame."""
    spec = Network(
        timesteps=1, input=Input(shape=(2, 3, 3), n_max=3, static=False), populations=[
            Population(name="map", shape=(4, 1, 2), sum_width=12, neuron=Neuron(
                quantiser=Quantiser(n_max=3, theta=16), v_width=10)),
            Population(name="out", shape=(2,), sum_width=12,
                       neuron=Neuron(quantiser=None, v_width=12))],
        synapses=[Conv2d(source="input", target="map", kernel=(3, 2), w_width=5),
                  Dense(source="map", target="out", w_width=5)])
    plan = Plan(stages=(StagePlan(lanes=4, buffers=2), StagePlan(lanes=2)))
    levels = np.zeros((2, 3, 3), int)
    levels[:, 0, 2], levels[0, 2, 2] = (1, 3), 1
    return compile(spec, plan).stages[0].engines[0], levels


def record_window(monkeypatch):
    """``{row of the picture: [(cycle, value)]}`` of the engine alone, from its row ``a`` on."""
    kept = {}
    for name in ("WindowSequencer", "SegmentQueue"):
        kind = getattr(stream_engine, name)
        monkeypatch.setattr(stream_engine, name, lambda layout, kind=kind, name=name:
                            kept.setdefault(name, kind(layout)))
    layout, levels = window()
    dut, cycles = stream_engine.StreamEngineCore(layout), []

    async def source(ctx):
        for event in transfers(levels.shape, levels.reshape(1, -1)):
            await stream_put(ctx, dut.i_input, event)
        await ctx.tick().repeat(CYCLES)

    async def watch(ctx):
        sequencer, segments = kept["WindowSequencer"], kept["SegmentQueue"]
        digit, segment = dut.merge.expanders[0].o, segments.o
        signals = {
            "row issued": sequencer.valid & ~sequencer.o.release,
            "begin, end": dut.buffers[0].end - dut.buffers[0].begin,
            "taken by the reader": segment.valid & segment.ready & segment.p.count[0].any(),
            "burst at the expander": dut.reader.o_0.valid & dut.reader.o_0.ready,
            "digit": digit.valid & digit.ready & ~digit.p.none,
            "weight address": dut.merge.o.ports[0].valid, "addend": dut.weighted.valid}
        async for _, _, *values in ctx.tick().sample(*signals.values()):
            cycles.append(dict(zip(signals, map(int, values), strict=True)))

    simulate_component(dut, source, background=[watch], timeout=300)
    first = [k for k, cycle in enumerate(cycles) if cycle["row issued"]][3]  # Three of position 0.
    return cycles[first:]


def test_picture_of_a_window(monkeypatch):
    cycles, rows = record_window(monkeypatch), picture(2)
    for name in ("row issued", "taken by the reader", "digit", "weight address", "addend"):
        drawn = {k for k, entry in rows[name].items() if entry != "*"}  # Drawn behind its digit.
        assert {k for k, cycle in enumerate(cycles) if cycle[name] and k <= max(drawn)} \
            - set(range(min(drawn))) == drawn, name
    events = {"a": 2, "b": 0, "c": 1}
    for cycle, row in rows["begin, end"].items():
        assert cycles[cycle]["begin, end"] == events[row]
    offered = [k for k, cycle in enumerate(cycles) if cycle["burst at the expander"]]
    drawn = list(rows["burst at the expander"])
    assert set(drawn[:2]) < set(offered)  # The third waits for the digits of the second.
