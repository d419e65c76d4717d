"""The bench must fail, and say of what: each fault is planted and has to be named."""

import re
from dataclasses import replace

import pytest

from qblif.golden import integer
from qblif.sim.bench import prepare
from qblif.sim.result import Stalls


def run(bench, cache):
    return bench.check(bench.run(bench.build(cache)))


@pytest.fixture
def bench(tiny, generated, tmp_path, quick):
    """A bench that passes as it is."""
    trained, plan, frames = tiny

    def make(generated=generated, **options):
        return prepare(trained, plan, frames, simulator=quick, out_dir=tmp_path,
                       generated=generated, **options)

    return make


def flip(path, line, bit):
    """Flip one bit of one word in a file of words."""
    lines = path.read_text().splitlines()
    mark, word = lines[line].split()
    lines[line] = f"{mark} {int(word, 16) ^ 1 << bit:x}"
    path.write_text("\n".join(lines) + "\n")


def test_flipped_weight(bench, cache):
    made = bench()
    field = next(f for p in made.manifest["ports"] if p["name"] == "load" for f in p["fields"]
                 if f["name"] == "data")
    # Word 15 holds source 3 of the second group of four; bit 6 is worth 64.
    flip(made.folder / "load.hex", 15, field["offset"] + 6)
    result = run(made, cache)
    assert not result.ok and result.membrane_mismatches["hidden"] > 0
    finding, = result.findings
    assert re.match(r"weight 4, 3 of synapse input->hidden differs: "
                    r"loaded -?\d+, network file -?\d+$", finding)
    assert result.first[0].startswith("hidden neuron ")


def test_flipped_bias(bench, cache):
    made = bench()
    field = next(f for p in made.manifest["ports"] if p["name"] == "load" for f in p["fields"]
                 if f["name"] == "data")
    flip(made.folder / "load.hex", -1, field["offset"])
    assert run(made, cache).findings == ("bias 2 of out differs: loaded 4, network file 5",)


def test_lost_load_word(bench, cache):
    made = bench()
    lines = (made.folder / "load.hex").read_text().splitlines()
    (made.folder / "load.hex").write_text("\n".join(lines[:-3]) + "\n")
    finding, = run(made, cache).findings
    assert finding == f"the load file has {len(lines) - 3} words instead of {len(lines)}"


def test_corrupted_level(bench, tiny, cache):
    trained, _, frames = tiny
    expected = integer.run(trained, frames)
    old = int(expected.levels["hidden"][0, 3, 7])
    expected.levels["hidden"][0, 3, 7] = old + 1
    result = run(bench(expected=expected), cache)
    assert result.level_mismatches["hidden"] == 1 and result.mismatches == 1
    assert result.first == (
        f"hidden neuron 7, timestep 0, frame 3: RTL level {old}, golden {old + 1}",)
    finding, = result.findings
    assert finding == ("the expectation is corrupted at hidden neuron 7, timestep 0, frame 3: "
                       f"level {old + 1}, the integer model computes {old}")


def test_corrupted_membrane_and_class(bench, tiny, cache):
    trained, _, frames = tiny
    expected = integer.run(trained, frames)
    expected.membranes["out"][2, 29, 2] -= 1
    result = run(bench(expected=expected), cache)
    assert (result.membrane_mismatches["out"], result.score_mismatches, result.mismatches) == (
        1, 1, 2)
    assert len(result.findings) == 1
    assert "out neuron 2, timestep 2, frame 29: membrane" in result.findings[0]

    expected = integer.run(trained, frames)
    expected.scores[5, (expected.classes[5] + 1) % 3] = expected.scores[5].max() + 1
    result = run(bench(expected=expected), cache)
    assert result.class_mismatches == 1
    assert result.findings[0].startswith("the expectation is corrupted at the class of frame 5")


ADDER = re.compile(r"(assign \S+\s+= )(.+) \+ ([^;]+);")


def mutations(text):
    """Texts with one addition turned into a subtraction."""
    for found in ADDER.finditer(text):
        yield (f"{text[:found.start()]}{found[1]}{found[2]} - {found[3]};{text[found.end():]}",
               found[0])


def test_edited_verilog(bench, generated, cache):
    # An adder of the datapath: both operands signed, in a lane or a neuron.
    text, line = next((text, line) for text, line in mutations(generated.verilog)
                      if line.count("$signed") >= 2)
    result = run(bench(generated=replace(generated, verilog=text), patience=5000), cache)
    assert not result.ok, f"the bench did not notice a mutation of {line}"
    assert result.findings[0] == (
        "the Verilog was edited after generation: it does not match the manifest's sha256")


def test_result_that_nobody_accepts(bench, cache):
    result = run(bench(stalls=Stalls(stall=256), patience=2000), cache)
    assert result.stalled and len(result.results) == 0
    finding, = result.findings
    assert re.match(r"stalled: 0 of 30 results after \d+ whole frames of input; frame 0 does not "
                    "come out; the result waits on o, which nobody accepts", finding)


def test_input_that_ends_early(bench, cache):
    made = bench(patience=2000)
    lines = (made.folder / "i.hex").read_text().splitlines()
    last = [k for k, line in enumerate(lines) if int(line.split()[0], 16) & 2]
    (made.folder / "i.hex").write_text("\n".join(lines[:last[11] + 1]) + "\n")
    result = run(made, cache)
    assert len(result.results) == 12 and result.stalled and result.mismatches == 0
    assert result.findings[0].startswith("stalled: 12 of 30 results after 12 whole frames")
    assert "; all input was accepted, but no result comes; hidden offers nothing after " in \
        result.findings[0]


def cut(text, port, width, logic):
    """Cut ``port`` of the top module, which comes first, from its driver ``cut_PORT``."""
    assert text.startswith("module qblif_network(", text.index("module "))
    top, rest = text.split("endmodule\n", 1)
    driven = re.sub(rf"\.(\w+)\({port}\)", rf".\1(cut_{port})",
                    top.replace(f"assign {port} =", f"assign cut_{port} ="))
    assert driven != top
    text = f"{driven}endmodule\n{rest}"
    text = text.replace("  wire clk;\n", f"  wire clk;\n  wire {width}cut_{port};\n", 1)
    return text.replace("endmodule\n", f"{logic}\nendmodule\n", 1)


def test_broken_handshake(bench, generated, cache):
    text = cut(generated.verilog, "i__ready", "", "  assign i__ready = 1'b0;")
    result = run(bench(generated=replace(generated, verilog=text), patience=2000), cache)
    edited, stalled = result.findings
    assert edited.startswith("the Verilog was edited after generation")
    assert stalled.startswith("stalled: 0 of 30 results after 0 whole frames of input")
    assert "; the input waits on i, which the network does not accept; " in stalled
    assert stalled.endswith("; hidden offers nothing after 0 vectors; out offers nothing after 0 "
                            "vectors; no trace was seen")


def test_result_that_does_not_hold(bench, generated, cache):
    text = cut(generated.verilog, "o__payload", "[1:0] ",
               "  reg toggle = 0;\n"
               "  always @(posedge clk) toggle <= ~toggle;\n"
               "  assign o__payload = cut_o__payload ^ toggle;")
    result = run(bench(generated=replace(generated, verilog=text), stalls=Stalls(stall=200)), cache)
    assert "the output changed or fell while it waited to be accepted" in result.findings
