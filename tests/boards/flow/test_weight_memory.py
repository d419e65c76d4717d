"""Weight memories that yosys must find the right cells for, and right in these cells' models."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")

from qblif.boards.devices import BOARD_DEVICES
from qblif.boards.fit import _blocks
from qblif.boards.flow.netlist import count
from qblif.boards.flow.tools import run_yosys
from qblif.hw.core.weights import WeightMemory
from qblif.hw.verilog import to_verilog


def map_memory(folder, device, **parameters):
    """Cells of each kind; the mapped netlist lies in ``folder``."""
    (folder / "top.v").write_text(to_verilog(WeightMemory(**parameters), "top"))
    run_yosys(folder, ["read_verilog top.v", "proc",
                       f"{BOARD_DEVICES[device].synth} -top top -json mapped.json",
                       "write_verilog -noattr mapped.v"])
    module = json.loads((folder / "mapped.json").read_text())["modules"]["top"]
    return count(module, BOARD_DEVICES[device].family)


@pytest.mark.parametrize("depth, lanes, w_width, blocks", [
    (12544, 8, 8, 4), (784, 2, 8, 1), (6272, 16, 4, 4), (20000, 2, 8, 2)])
def test_single_port_ram(tmp_path, depth, lanes, w_width, blocks):
    cells = map_memory(tmp_path, "up5k", memory="spram", depth=depth, lanes=lanes,
                       w_width=w_width)
    assert cells["spram"] == blocks and cells["bram"] == 0


@pytest.mark.parametrize("device", ["ecp5-85k", "gw1nr-9"])
@pytest.mark.parametrize("depth, small, lanes", [(1056, 32, 4), (1040, 16, 4), (20, 20, 3)])
def test_distributed_ram_holds_what_would_leave_a_block_nearly_empty(tmp_path, device, depth, small,
                                                                     lanes):
    geometry = WeightMemory(memory="mixed", depth=depth, lanes=lanes, w_width=8).geometry
    large = list(geometry.memories())
    assert {rows for rows, _ in geometry.memories(distributed=True)} == {small}
    assert sum(rows for rows in {rows for rows, _ in large}) == depth - small
    cells = map_memory(tmp_path, device, memory="mixed", depth=depth, lanes=lanes, w_width=8)
    assert cells["bram"] == _blocks(BOARD_DEVICES[device], large)
    assert cells["lut_ram"] == -(-small // 16) * -(-lanes * 8 // 4)


BENCH = """
module bench;
    reg clk = 0, rst = 0;
    reg [`BITS-1:0] address = 0, write_address = 0;
    reg write = 0;
    reg [15:0] write_data = 0;
    wire [15:0] weights;
    integer k, wrong = 0;
    top dut (.clk(clk), .rst(rst), .address_0(address), .weights_0(weights), .write(write),
             .writing(write),
             .write_address(write_address), .write_data(write_data));
    always #5 clk = ~clk;
    function [15:0] word(input integer n); word = n * 40503 + 12345; endfunction
    initial begin
        @(negedge clk);
        for (k = 0; k < `WORDS; k = k + 1) begin
            write = 1; write_address = k; write_data = word(k); @(negedge clk);
        end
        write = 0;
        for (k = 0; k < `WORDS; k = k + 1) begin
            address = (k * 37) % `WORDS; @(negedge clk); @(negedge clk);
            if (weights !== word(address)) wrong = wrong + 1;
        end
        $display("wrong %0d", wrong);
        $finish;
    end
endmodule
"""


@pytest.fixture
def read_back(tmp_path):
    """Run the bench on a mapped netlist and its cells' models, Verilog files of ``tmp_path``."""
    if shutil.which("iverilog") is None:
        pytest.skip("needs Icarus (Debian's iverilog)")

    def run(words, *files):
        (tmp_path / "bench.v").write_text(BENCH)
        subprocess.run(["iverilog", "-g2012", "-DNO_ICE40_DEFAULT_ASSIGNMENTS", f"-DWORDS={words}",
                        f"-DBITS={(words - 1).bit_length()}", "-s", "bench", "-o", "sim", "bench.v",
                        *files], cwd=tmp_path, check=True)
        out = subprocess.run(["vvp", "sim"], cwd=tmp_path, capture_output=True, text=True,
                             check=True)
        assert "wrong 0" in out.stdout
    return run


def cell_models(name):
    import pyosys
    return str(Path(pyosys.__file__).parent / "share" / name)


def test_single_port_ram_in_the_cell_model(tmp_path, read_back):
    map_memory(tmp_path, "up5k", memory="spram", depth=784, lanes=2, w_width=8)
    read_back(784, "mapped.v", cell_models("ice40/cells_sim.v"))


@pytest.mark.parametrize("device, words, models", [
    ("ecp5-85k", 32, "lattice/cells_sim_ecp5.v"), ("gw1nr-9", 20, "gowin/cells_sim.v")])
def test_distributed_ram_in_the_cell_models(tmp_path, read_back, device, words, models):
    cells = map_memory(tmp_path, device, memory="mixed", depth=words, lanes=2, w_width=8)
    assert cells["bram"] == 0
    # Icarus cannot read the models, yosys can.
    run_yosys(tmp_path, [f"read_verilog -DNO_INCLUDES mapped.v {cell_models(models)}",
                         "hierarchy -top top", "proc", "flatten", "write_verilog -noattr flat.v"])
    read_back(words, "flat.v")
