"""The bench around a generated network, as Verilog: players, recorders and a watchdog.

It is written from the manifest alone, so it fits any network, and it holds everything that happens
in each cycle, the clock included: no Python runs then.
"""

from ..hw.core.counters import COUNTERS

__all__ = ["INPUTS", "OUTPUTS", "PERIOD", "TOP", "bench_top", "counters", "declared"]

TOP = "qblif_bench"

HEADER = """\
// Bench of {network}; generated, see sim/bench_top.py.
`timescale 1ns/1ps
module {top} (
{ports}
);
    reg [31:0] quiet, still;
    reg [{counted_top}:0] counted;
    wire i_valid, i_ready, o_valid, o_ready, load_valid, traced;
    wire [{i_top}:0] i;
    wire [{o_top}:0] o;
    wire [{load_top}:0] load;

    initial begin
        clk = 0;
        cycle = 0;
        quiet = 0;
        still = 0;
        finished = 0;
        stalled = 0;
    end

    always #{half} clk = ~clk;

    always @(posedge clk) begin
        cycle <= cycle + 1;
        quiet <= (i_valid & i_ready) | (o_valid & o_ready) | traced | ~go ? 0 : quiet + 1;
        still <= moved | (quiet == 0) | (counted != counts) ? 0 : still + 1;
        counted <= counts;
        finished <= go & (results == frames);
        stalled <= go & (results != frames) & ((quiet >= patience) | (still >= standstill));
    end
    assign streams = {{o_ready, o_valid, i_ready, i_valid}};

    qblif_player #(.WIDTH({i_width}), .NAME("i"), .SEED(1)) player_i (
        .clk(clk), .rst(rst), .go(go), .flush(flush), .idle(idle), .seed(seed), .cycle(cycle),
        .valid(i_valid), .ready(i_ready), .word(i), .frames(entered), .done(i_done));
    qblif_player #(.WIDTH({load_width}), .NAME("load"), .SEED(2)) player_load (
        .clk(clk), .rst(rst), .go(load_go), .flush(flush), .idle(idle), .seed(seed),
        .cycle(cycle), .valid(load_valid), .ready(1'b1), .word(load), .frames(),
        .done(load_done));
    qblif_recorder #(.WIDTH({o_width}), .NAME("o"), .SEED(3)) recorder_o (
        .clk(clk), .rst(rst), .flush(flush), .stall(stall), .shy(shy), .seed(seed),
        .cycle(cycle), .valid(o_valid), .ready(o_ready), .word(o), .count(results), .last(),
        .broken(broken));
    wire [{score_top}:0] score;
    wire score_valid;
    qblif_recorder #(.WIDTH({score_width}), .NAME("score"), .SEED(5)) recorder_score (
        .clk(clk), .rst(rst), .flush(flush), .stall(9'd0), .shy(1'b0), .seed(seed),
        .cycle(cycle), .valid(score_valid), .ready(), .word(score), .count(), .last(), .broken());
"""

TRACE = """\
    wire [{msb}:0] {name};
    wire {name}_valid;
    qblif_recorder #(.WIDTH({width}), .NAME("{name}"), .SEED(4)) recorder_{name} (
        .clk(clk), .rst(rst), .flush(flush), .stall(9'd0), .shy(1'b0), .seed(seed),
        .cycle(cycle), .valid({name}_valid), .ready(), .word({name}),
        .count(vectors[{low} +: 32]), .last(seen[{low} +: 32]), .broken());
"""

WATCHER = """\
    qblif_watcher #(.WIDTH({width}), .NAME("probe_{k}")) watcher_{k} (
        .clk(clk), .go(go & watch[{k}]), .flush(flush), .cycle(cycle), .word({word}));
"""

# What of the network moves: streams between its stages, and its activity counters.
INSIDE = """\
    wire [{last}:0] offered = {{{valid}}}, accepted = {{{ready}}};
    wire moved = |(offered & accepted);
    wire [{counted_top}:0] counts = {{{counts}}};
    assign inner = {{accepted, offered}};
    assign traced = {traced};
"""

PERIOD = 10  # ns; only the number of cycles means anything.

INPUTS = {"rst": 1, "load_go": 1, "go": 1, "clear": 1, "flush": 1, "shy": 1,
          "idle": 9, "stall": 9, "seed": 32, "patience": 32, "standstill": 32, "frames": 32}
REGISTERS = {"clk": 1, "cycle": 32, "finished": 1, "stalled": 1}
OUTPUTS = {"streams": 4, "i_done": 1, "load_done": 1, "broken": 1, "entered": 32, "results": 32}


def counters(manifest):
    """Names of the network's 32-bit activity counters."""
    return ["cycles", *(f"{what}_{synapse['source']}_{stage['name']}" for what in COUNTERS
                        for stage in manifest["stages"] for synapse in stage["synapses"])]


def bench_top(manifest, probes=()):
    """Verilog text of the module :data:`TOP` around the network that ``manifest`` describes.

    Each of the :class:`~qblif.sim.probe.Probe` items ``probes`` has a watcher, which records while
    its bit of the input ``watch`` is set.

    Its watchdog ``stalled`` rises where results are missing and no stream or trace has moved for
    ``standstill`` cycles, nor any activity counter; or no trace and no stream of the network's for
    ``patience`` cycles, whatever moves inside.
    """
    width = {port["name"]: port["width"] for port in manifest["ports"]}
    traces = [f"trace_{stage['name']}" for stage in manifest["stages"]]
    widths = {"i": width["i__payload"], "o": width["o__payload"], "load": width["load"],
              "score": width["score"]}
    text = HEADER.format(
        network=manifest["top"], top=TOP, half=PERIOD // 2,
        counted_top=len(counters(manifest)) - 2, ports=_ports(manifest, len(probes)),
        **{f"{key}_width": value for key, value in widths.items()},
        **{f"{key}_top": value - 1 for key, value in widths.items()})
    text += "".join(TRACE.format(name=name, width=width[name], msb=width[name] - 1, low=32 * k)
                    for k, name in enumerate(traces))
    text += "".join(WATCHER.format(k=k, width=probe.width, word=probe.verilog("network"))
                    for k, probe in enumerate(probes))
    return text + _inside(manifest, traces) + _network(manifest, traces) + "endmodule\n"


def _inside(manifest, traces):
    *others, last = [f"network.\\{stage['name']} ." for stage in manifest["stages"]]
    streams = [f"{last}result__", *(f"{other}o__" for other in others[::-1])]
    moving = counters(manifest)[1:]  # The first counts cycles.
    return INSIDE.format(
        last=len(streams) - 1, counted_top=len(moving) - 1,
        valid=", ".join(f"{stream}valid" for stream in streams),
        ready=", ".join(f"{stream}ready" for stream in streams),
        counts=", ".join(f"{name}[0]" for name in moving),
        traced=" | ".join(f"{name}_valid" for name in traces))


def declared(inputs, outputs):
    """Declarations of a bench's ports, which map names to widths, and of :data:`REGISTERS`;
    Verilator shows these, and nothing else, to cocotb."""
    return ",\n".join(
        f"    {direction} {kind}[{width - 1}:0] {name} /*verilator {visible}*/"
        for direction, kind, visible, group in [
            ("input", "", "public_flat_rw", inputs),
            ("output", "reg ", "public_flat_rd", REGISTERS),
            ("output", "", "public_flat_rd", outputs)]
        for name, width in group.items())


def _ports(manifest, probes):
    stages = len(manifest["stages"])
    outputs = OUTPUTS | {"inner": 2 * stages, "vectors": 32 * stages, "seen": 32 * stages}
    return declared(INPUTS | ({"watch": probes} if probes else {}),
                    outputs | dict.fromkeys(counters(manifest), 32))


def _network(manifest, traces):
    pins = {manifest["clock"]: "clk", manifest["reset"]: "rst", "clear": "clear",
            "i__payload": "i", "i__valid": "i_valid", "i__ready": "i_ready",
            "o__payload": "o", "o__valid": "o_valid", "o__ready": "o_ready",
            "load": "load", "load_valid": "load_valid", "score": "score",
            "score_valid": "score_valid"}
    if any(port["name"] == "keep" for port in manifest["ports"]):
        pins["keep"] = "1'b0"
    pins |= {name: name for name in counters(manifest)}
    pins |= {pin: pin for name in traces for pin in (name, f"{name}_valid")}
    joined = ",\n        ".join(f".{pin}({net})" for pin, net in pins.items())
    return f"    {manifest['top']} network (\n        {joined});\n"
