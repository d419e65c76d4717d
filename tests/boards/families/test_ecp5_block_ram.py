"""The mapped netlist before and after folding, in Icarus, on the same random stimulus."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from amaranth import *
from amaranth.back import verilog
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from qblif.boards.families.ecp5_block_ram import fold_output_registers
from qblif.boards.flow.tools import run_yosys

pyosys = pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")

HERE = Path(__file__).parent
FOLDS = {"plain": 16, "enabled": 16, "same_enable": 16, "wide": 36}
STAYS = ["reset", "starts_at_one", "read_twice", "other_enable", "other_edge", "kept", "combined"]


class Behind(Elaboratable):
    """One block RAM with one kind of register behind it."""

    def __init__(self, kind, top):
        self.kind, self.top = kind, top

    def elaborate(self, platform):
        m = Module()
        kind, top = self.kind, self.top
        m.submodules.ram = ram = memory.Memory(
            shape=36 if kind == "wide" else 16, depth=512, init=[], attrs={"no_rw_check": True})
        write, read = ram.write_port(), ram.read_port()
        m.d.comb += [write.addr.eq(top.waddr), write.data.eq(top.wdata), write.en.eq(top.wen),
                     read.addr.eq(top.raddr)]

        data = Signal.like(read.data, attrs={"keep": True} if kind == "kept" else {})
        q = Signal.like(read.data, reset_less=kind != "reset",
                        init=-1 if kind == "starts_at_one" else 0)
        m.d.comb += [data.eq(read.data), getattr(top, kind).eq(q)]
        if kind in ("same_enable", "other_enable"):
            m.d.comb += read.en.eq(top.enable)
        with m.If(top.enable if kind in ("enabled", "same_enable") else 1):
            m.d["late" if kind == "other_edge" else "sync"] += q.eq(data + (kind == "combined"))
        if kind == "read_twice":
            m.d.comb += getattr(top, kind).eq(q ^ data)
        return m


class Top(wiring.Component):
    def __init__(self):
        super().__init__({
            "waddr": In(9), "wdata": In(36), "wen": In(1), "raddr": In(9), "enable": In(1),
            **{kind: Out(36) for kind in (*FOLDS, *STAYS)}})

    def elaborate(self, platform):
        m = Module()
        m.domains.late = ClockDomain(clk_edge="neg", reset_less=True, local=True)
        m.d.comb += ClockSignal("late").eq(ClockSignal())
        for kind in (*FOLDS, *STAYS):
            m.submodules[f"u_{kind}"] = Behind(kind, self)
        return m


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mapped")
    (folder / "top.v").write_text(verilog.convert(Top(), name="top"))
    run_yosys(folder, ["read_verilog top.v",
                       "synth_lattice -family ecp5 -top top -json mapped.json"])
    return json.loads((folder / "mapped.json").read_text())


@pytest.fixture(scope="module")
def before(mapped, tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("before") / "bench", mapped)


def folded(netlist):
    netlist = copy.deepcopy(netlist)
    return netlist, fold_output_registers(netlist["modules"]["top"])


def test_folds_exactly_the_safe_ones(mapped):
    _, result = folded(mapped)
    found = {name.split(".")[0].removeprefix("u_"): bits for name, bits in result.items()}
    assert found == FOLDS


def test_only_registers_go(mapped):
    after, result = folded(mapped)
    gone = mapped["modules"]["top"]["cells"].keys() - after["modules"]["top"]["cells"].keys()
    assert len(gone) == sum(result.values())
    assert {mapped["modules"]["top"]["cells"][name]["type"] for name in gone} == {"TRELLIS_FF"}


def test_same_outputs_in_every_cycle(mapped, before, tmp_path):
    after = simulate(tmp_path / "bench", folded(mapped)[0])
    assert len(before) == 3000
    assert len(set(before)) > 2900
    assert before == after


def test_simulation_notices_a_wrong_enable(mapped, before, tmp_path):
    wrong, _ = folded(mapped)
    ram = next(cell for name, cell in wrong["modules"]["top"]["cells"].items()
               if name.startswith("u_enabled.") and cell["type"] == "DP16KD")
    ram["connections"]["OCEB"] = ["1"]
    assert simulate(tmp_path / "bench", wrong) != before


def simulate(folder, netlist):
    """All outputs of the netlist at each of 3,000 cycles of random writes and reads, as text."""
    if shutil.which("iverilog") is None:
        pytest.skip("iverilog is not installed")
    folder.mkdir()
    (folder / "netlist.json").write_text(json.dumps(netlist))
    run_yosys(folder, ["read_json netlist.json", "write_verilog -noattr netlist.v"])
    (folder / "cells.v").write_text(block_ram() + logic_cells())
    (folder / "bench.v").write_text(bench())
    subprocess.run(["iverilog", "-g2012", "-o", "bench", "bench.v", "netlist.v", "cells.v"],
                   cwd=folder, check=True)
    lines = subprocess.run(["vvp", "-n", "bench"], cwd=folder, check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return [line for line in lines if "x" not in line or pytest.fail(f"Undefined output: {line}")]


def block_ram():
    """``dp16kd.v`` with its port and parameter lists written out."""
    bus = {name: [f"{name}{i}" for i in reversed(range(bits))] for name, bits in
           (("ADA", 14), ("ADB", 14), ("DIA", 18), ("DIB", 18), ("DOA", 18), ("DOB", 18))}
    ports = "".join(f"{'output' if name.startswith('DO') else 'input'} {', '.join(pins)},\n"
                    for name, pins in bus.items())
    text = (HERE / "dp16kd.v").read_text().replace("@PORTS@", ports).replace(
        "@INITVALS@", ", ".join(f"parameter INITVAL_{i:02X} = 320'd0" for i in range(64)))
    for name, pins in bus.items():
        text = text.replace(f"@{name}@", ", ".join(pins))
    return text


def logic_cells():
    """yosys' own models of the cells other than the block RAM, of which it has none."""
    share = Path(pyosys.__file__).parent / "share" / "ecp5"
    text = (share / "common_sim.vh").read_text() + (share / "ccu2c_sim.vh").read_text()
    names = "LUT2|LUT4|PFUMX|L6MUX21|TRELLIS_FF|CCU2C|INV|VLO|VHI"
    return "\n".join(re.findall(rf"^module (?:{names})\s*\(.*?^endmodule", text, re.M | re.S))


def bench():
    kinds = [*FOLDS, *STAYS]
    wires = "\n".join(f"wire [35:0] {kind};" for kind in kinds)
    pins = ", ".join(f".{pin}({pin})" for pin in
                     ("clk", "rst", "waddr", "wdata", "wen", "raddr", "enable", *kinds))
    return f"""`timescale 1ns/1ps
    module bench;
      reg clk = 0, rst = 1, wen = 0, enable = 0;
      reg [8:0] waddr = 0, raddr = 0;
      reg [35:0] wdata = 0;
      {wires}
      top dut({pins});
      always #5 clk = ~clk;
      initial begin
        repeat (3000) begin
          @(posedge clk); #1;
          $display("{' '.join(['%h'] * len(kinds))}", {", ".join(kinds)});
          rst = $urandom % 16 == 0; wen = $urandom; enable = $urandom;
          waddr = $urandom % 64; raddr = $urandom % 64; wdata = {{$urandom, $urandom}};
        end
        $finish;
      end
    endmodule"""
