"""The timing pictures of docs/architecture.md, against what the ports of the hardware show."""

import re
from pathlib import Path

import numpy as np

from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.golden.spec.artifact import Trained
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
        while True:
            _, _, *values = await ctx.tick().sample(*signals.values())
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
