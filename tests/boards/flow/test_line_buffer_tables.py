"""A line buffer's memories are where the estimate has them."""

import json
from dataclasses import replace

import pytest
from window_cases import engine_of, network

pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")

from qblif.boards.devices import BOARD_DEVICES
from qblif.boards.flow.netlist import count
from qblif.boards.flow.tools import run_yosys
from qblif.hw.core.line_buffer import LineBuffer
from qblif.hw.verilog import to_verilog

KINDS = {"distributed": "lut_ram", "small": "lut_ram", "memories": "bram"}


@pytest.mark.parametrize("columns, rows, memory, kind", [
    (16, 4, "block", "small"), (16, 4, "mixed", "distributed"), (16, 5, "block", "memories"),
    (32, 3, "packed", "memories"), (32, 4, "mixed", "distributed"), (32, 5, "mixed", "memories")])
def test_tables(tmp_path, columns, rows, memory, kind):
    spec = network((16, 6, columns), 1, {"kernel": 3, "padding": 1})
    layout = replace(engine_of(spec).buffers[0], rows=rows, memory=memory)
    assert layout.table_memory == kind and layout.table_depth == rows * columns
    (tmp_path / "top.v").write_text(to_verilog(LineBuffer(layout), "top"))
    device = BOARD_DEVICES["ecp5-85k"]
    run_yosys(tmp_path, ["read_verilog top.v", "proc",
                         f"{device.synth} -top top -json mapped.json"])
    cells = count(json.loads((tmp_path / "mapped.json").read_text())["modules"]["top"],
                  device.family)
    banks = device.family.block_ram.blocks(layout.depth, layout.entry_width)
    each = (1 if kind == "memories"
            else -(-layout.table_depth // 16) * -(-layout.position_width // 4))
    expected = {"bram": banks, "lut_ram": 0}
    expected[KINDS[kind]] += 2 * each
    assert {name: cells[name] for name in expected} == expected
