"""Weights in the UP5K's single-port RAM: inferred, and right in its cell model."""

import json
import shutil
import subprocess

import pytest

pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")

from qblif.boards.devices import DEVICES
from qblif.boards.netlist import count
from qblif.boards.tools import run_yosys
from qblif.hw.verilog import to_verilog
from qblif.hw.weights import WeightMemory


def map_memory(folder, **parameters):
    memory = WeightMemory(memory="spram", **parameters)
    (folder / "top.v").write_text(to_verilog(memory, "top"))
    run_yosys(folder, ["read_verilog top.v", "proc",
                       f"{DEVICES['up5k'].synth} -top top -json mapped.json",
                       "write_verilog -noattr mapped.v"])
    return count(json.loads((folder / "mapped.json").read_text())["modules"]["top"])


@pytest.mark.parametrize("depth, lanes, w_width, blocks", [
    (12544, 8, 8, 4), (784, 2, 8, 1), (6272, 16, 4, 4), (20000, 2, 8, 2)])
def test_inferred(tmp_path, depth, lanes, w_width, blocks):
    cells = map_memory(tmp_path, depth=depth, lanes=lanes, w_width=w_width)
    assert cells["spram"] == blocks and cells["bram"] == 0


BENCH = """
module bench;
    reg clk = 0, rst = 0;
    reg [9:0] address = 0, write_address = 0;
    reg write = 0;
    reg [15:0] write_data = 0;
    wire [15:0] weights;
    integer k, wrong = 0;
    top dut (.clk(clk), .rst(rst), .address(address), .weights(weights), .write(write),
             .write_address(write_address), .write_data(write_data));
    always #5 clk = ~clk;
    function [15:0] word(input integer n); word = n * 40503 + 12345; endfunction
    initial begin
        @(negedge clk);
        for (k = 0; k < 784; k = k + 1) begin
            write = 1; write_address = k; write_data = word(k); @(negedge clk);
        end
        write = 0;
        for (k = 0; k < 784; k = k + 1) begin
            address = (k * 37) % 784; @(negedge clk); @(negedge clk);
            if (weights !== word(address)) wrong = wrong + 1;
        end
        $display("wrong %0d", wrong);
        $finish;
    end
endmodule
"""


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus (Debian's iverilog)")
def test_mapped_netlist_with_the_cell_model(tmp_path):
    map_memory(tmp_path, depth=784, lanes=2, w_width=8)
    from pathlib import Path

    import pyosys
    cells = Path(pyosys.__file__).parent / "share/ice40/cells_sim.v"
    (tmp_path / "bench.v").write_text(BENCH)
    subprocess.run(["iverilog", "-g2012", "-DNO_ICE40_DEFAULT_ASSIGNMENTS", "-s", "bench", "-o",
                    "sim", "bench.v", "mapped.v", str(cells)], cwd=tmp_path, check=True)
    out = subprocess.run(["vvp", "sim"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "wrong 0" in out.stdout
