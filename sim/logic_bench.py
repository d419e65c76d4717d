"""A generated network as logic against the integer model, on a Verilog simulator, as fast as frames
enter.

The bench has the ports of :mod:`qblif.sim.bench_top`, so that the same Python runs both.
"""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ..golden import integer
from ..hw.verilog import generate_logic
from .bench import FULL_SPEED, Bench
from .bench_files import decode, encode_vectors, fields_of, read_log
from .bench_top import INPUTS, OUTPUTS, PERIOD, TOP, declared
from .compare import compare_classes, differences
from .diagnose import UNEXPLAINED, corrupted_expectation, edited_verilog, other_weights
from .result import Result
from .simulators import require

__all__ = ["LogicBench", "prepare"]

PATIENCE = 10_000  # Cycles without a frame in or a result out, beside the latency.

TEXT = """\
// Bench of {network}; generated, see sim/logic_bench.py.
`timescale 1ns/1ps
module {top} (
{ports}
);
    reg [31:0] quiet;
    reg [{latency}:1] delayed;  // Bit k: a frame entered k cycles ago.
    wire i_valid, i_ready;
    wire [{i_top}:0] i;
    wire [{o_top}:0] o;
{wires}
    initial begin
        clk = 0;
        cycle = 0;
        quiet = 0;
        finished = 0;
        stalled = 0;
        delayed = 0;
    end

    always #{half} clk = ~clk;

    always @(posedge clk) begin
        cycle <= cycle + 1;
        delayed <= {{delayed, i_valid & i_ready}};
        quiet <= (i_valid & i_ready) | o[0] | ~go ? 0 : quiet + 1;
        finished <= go & (results == frames);
        stalled <= go & (results != frames) & (quiet >= patience);
    end
    assign streams = {{1'b1, o[0], i_ready, i_valid}};
    assign load_done = 1'b1;

    qblif_player #(.WIDTH({i_width}), .NAME("i"), .SEED(1)) player_i (
        .clk(clk), .rst(rst), .go(go), .flush(flush), .idle(idle), .seed(seed), .cycle(cycle),
        .valid(i_valid), .ready(i_ready), .word(i), .frames(entered), .done(i_done));
    qblif_recorder #(.WIDTH({o_width}), .NAME("o"), .SEED(3)) recorder_o (
        .clk(clk), .rst(rst), .flush(flush), .stall(9'd0), .shy(1'b0), .seed(seed),
        .cycle(cycle), .valid(o[0]), .ready(), .word(o), .count(results), .last(),
        .broken(broken));
{taps}
    {network} network (.clk(clk), .rst(rst), .i({{i, i_valid}}), .o(o){pins});
endmodule
"""

TAP = """\
    qblif_recorder #(.WIDTH({width}), .NAME("{name}_{t}"), .SEED(4)) recorder_{name}_{t} (
        .clk(clk), .rst(rst), .flush(flush), .stall(9'd0), .shy(1'b0), .seed(seed),
        .cycle(cycle), .valid(delayed[{clock}]), .ready(), .word({name}[{low} +: {width}]),
        .count(), .last(), .broken());
"""


@dataclass(frozen=True, kw_only=True)
class LogicBench(Bench):
    """As :class:`~qblif.sim.bench.Bench`, of a network as logic with its taps."""

    def check(self, outcome):
        """Compare every level, score and class, and the clock of each result."""
        started = time.monotonic()
        output = self._recording("o", "o")
        wrong, words = compare_classes(output["label"], self.expected.classes)
        levels = {p.name: self._levels(p) for p in self.trained.spec.firing}
        found = {name: differences("level", name, rtl, self._golden(name)[:len(rtl)])
                 for name, rtl in levels.items()}
        scores, score_words = self._scores(output)
        starts, ends = read_log((self.folder / "i.log").read_text())
        result = Result(
            simulator=self.simulator, frames=len(self.levels),
            level_mismatches={name: count for name, (count, _, _) in found.items()},
            membrane_mismatches={}, class_mismatches=wrong, score_mismatches=scores,
            levels_compared=sum(rtl.size for rtl in levels.values()), membranes_compared=0,
            first=tuple(word for _, _, said in found.values() for word in said)
            + words + score_words,
            where=next(((name, at[2], at[0]) for name, (_, places, _) in found.items()
                        for at in places), None),
            findings=(), stalled=outcome.state["stalled"], classes=output["label"], starts=starts,
            ends=ends, results=output["cycle"], steps={}, counters={},
            build_seconds=outcome.built.seconds, run_seconds=outcome.seconds, check_seconds=0.0,
            build_cached=outcome.built.cached)
        return replace(result, findings=self._findings(result),
                       check_seconds=time.monotonic() - started)

    def _golden(self, name):
        return self.expected.levels[name].numpy().swapaxes(0, 1)

    def _levels(self, population):
        """Recorded levels, ``(frames, timesteps, neurons)``, of the frames that are whole."""
        port, size = f"tap_{population.name}", population.size
        fields, steps = fields_of(self.manifest, port), []
        for t in range(self.trained.spec.timesteps):
            own = [fields[f"{t % self.layout.copies}.{k}"] for k in range(size)]
            low = own[0]["offset"]
            recorded = decode((self.folder / f"{port}_{t}.txt").read_bytes(), {
                str(k): field | {"offset": field["offset"] - low} for k, field in enumerate(own)},
                own[-1]["offset"] + own[-1]["width"] - low)
            steps.append(np.stack([recorded[str(k)] for k in range(size)], -1))
        whole = min(len(self.levels), *map(len, steps))
        return np.stack([step[:whole] for step in steps], 1)

    def _scores(self, output):
        golden = self.expected.scores.numpy()[:, None]
        rtl = np.stack([output[f"scores.{k}"] for k in range(golden.shape[-1])], -1)[:, None]
        rtl = rtl[:len(golden)]
        count, _, said = differences("score", self.trained.spec.populations[-1].name, rtl,
                                     golden[:len(rtl)])
        return count, tuple(said)

    def _findings(self, result):
        """Causes of whatever is wrong."""
        latency, frames = self.layout.latency, result.frames
        every = sum(p.size for p in self.trained.spec.firing) * self.trained.spec.timesteps
        late = np.flatnonzero(result.latency != latency)
        if len(result.results) != frames:
            timing = (f"{len(result.results)} results of {frames} frames came",)
        elif len(late):
            clocks = result.latency[late[0]]
            timing = (
                f"the result of frame {late[0]} comes {clocks} clocks after it, not {latency}",)
        else:
            timing = ()
        if not (timing or result.mismatches or result.levels_compared != every * frames):
            return ()
        causes = (
            other_weights(self.manifest, self.trained),
            edited_verilog((self.folder / "network.v").read_text(), self.manifest),
            corrupted_expectation(self.trained, self.layout.input_levels(self.levels),
                                  self.expected))
        return tuple(filter(None, causes)) + timing or (UNEXPLAINED,)


def prepare(trained, layout, frames, *, simulator="verilator", out_dir, expected=None,
            stalls=FULL_SPEED, generated=None):
    """Write all files of one simulation into ``out_dir``; returns a :class:`LogicBench`.

    ``frames`` are input levels as the integer model takes them, or of a layout with an encoder
    pixels ``(frames, inputs)`` of uint8.  Of ``stalls`` only ``idle`` and ``seed`` matter: nothing
    makes a result wait.  ``generated`` must have its taps.
    """
    require(simulator)
    folder = Path(out_dir)
    generated = generated or generate_logic(layout, taps=True)
    manifest = generated.manifest
    if expected is None:
        expected = integer.run(trained, layout.input_levels(frames))
    job = asdict(stalls) | {
        "shy": 0, "stall": 0, "watch": 0, "frames": len(frames), "counters": [], "period": PERIOD,
        "stages": [p.name for p in trained.spec.populations], "standstill": 0,
        "patience": PATIENCE + layout.latency}
    files = {
        "network.v": generated.verilog, "bench.v": bench_top(manifest),
        "manifest.json": json.dumps(manifest, indent=1), "job.json": json.dumps(job),
        "i.hex": encode_vectors(frames, _port(manifest, "i")["fields"][-1]["width"])}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return LogicBench(folder=folder, simulator=simulator, manifest=manifest, layout=layout,
                      trained=trained, levels=frames, expected=expected, writes=())


def bench_top(manifest):
    """Verilog text of the module :data:`~qblif.sim.bench_top.TOP` around the network."""
    stages = len(manifest["stages"])
    taps = {f"tap_{name}": clocks for name, clocks in manifest["taps"].items()}
    width = {name: _port(manifest, name)["width"] for name in ("i", "o", *taps)}
    # An interleaved tap has all timesteps in turn.
    parts = {name: 1 if manifest["interleaved"] else len(clocks) for name, clocks in taps.items()}
    recorders = (TAP.format(name=name, t=t, clock=clock, width=width[name] // parts[name],
                            low=t % parts[name] * width[name] // parts[name])
                 for name, clocks in taps.items() for t, clock in enumerate(clocks))
    return TEXT.format(
        network=manifest["top"], top=TOP, half=PERIOD // 2, latency=manifest["latency"],
        ports=declared(INPUTS, OUTPUTS | {
            "inner": stages, "vectors": 32 * stages, "seen": 32 * stages}),
        i_width=width["i"] - 1, i_top=width["i"] - 2, o_width=width["o"], o_top=width["o"] - 1,
        wires="".join(f"    wire [{width[name] - 1}:0] {name};\n" for name in taps)
        + ("" if manifest["interleaved"] else "    assign i_ready = 1'b1;\n"),
        taps="".join(recorders), pins="".join(f", .{name}({name})" for name in taps)
        + (", .ready(i_ready)" if manifest["interleaved"] else ""))


def _port(manifest, name):
    return next(port for port in manifest["ports"] if port["name"] == name)
