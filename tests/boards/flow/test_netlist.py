"""What is read from a mapped netlist, and which attributes yosys heeds on the way to it."""

import copy

import pytest
from flow_designs import Copies, Lanes, Part, map_ecp5

from qblif.boards.families import ECP5, GOWIN, ICE40
from qblif.boards.flow.components import components
from qblif.boards.flow.netlist import count, cut_pins, drop_unread_carries, multipliers
from qblif.boards.flow.tools import SynthError

pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")


def test_multiplier_by_a_constant_is_found():
    rtlil = "module \\top\n  cell $mul \\product\n  end\n  cell $add \\sum\n  end\nend\n"
    assert multipliers(rtlil) == ["$mul product"]


def test_no_rw_check_reaches_yosys(tmp_path):
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    plain = count(map_ecp5(tmp_path / "with", Part())["modules"]["top"], ECP5)
    emulated = count(map_ecp5(tmp_path / "without", Part(False))["modules"]["top"], ECP5)
    assert plain["lut"] == 0
    assert emulated["lut"] >= 16 and emulated["ff"] > plain["ff"]


def test_kept_copies_stay_apart(tmp_path):
    assert count(map_ecp5(tmp_path, Copies())["modules"]["top"], ECP5)["ff"] == 2


def test_cut_pins_keeps_cells_clock_and_reset(tmp_path):
    module = map_ecp5(tmp_path, Lanes())["modules"]["top"]
    cut = copy.deepcopy(module)
    assert cut_pins(cut, ECP5) == ["clk", "rst"]
    assert cut["cells"] == module["cells"]


def test_carries_that_nothing_reads_are_dropped(tmp_path):
    """The last of a chain, and no other: the rest of the netlist stays as it is."""
    module = map_ecp5(tmp_path, Lanes())["modules"]["top"]
    before, read = copy.deepcopy(module), set()
    for cell in module["cells"].values():
        read |= {bit for port, bits in cell["connections"].items()
                 if cell["port_directions"][port] != "output" for bit in bits}
    dropped = drop_unread_carries(module, ECP5)
    assert dropped > 0 and drop_unread_carries(module, ECP5) == 0
    for name, cell in before["cells"].items():
        for port, bits in cell["connections"].items():
            left = module["cells"][name]["connections"][port]
            if left != bits:
                assert left == ["x"] * len(bits)
                assert cell["type"] == "CCU2C" and not read & set(bits)
                dropped -= 1
    assert dropped == 0


def test_a_carry_that_leaves_by_a_port_is_kept():
    cell = {"type": "CCU2C", "port_directions": {"COUT": "output", "S0": "output", "CIN": "input"},
            "connections": {"COUT": [2], "S0": [3], "CIN": ["0"]}}
    module = {"cells": {"last": cell}, "ports": {"o": {"direction": "output", "bits": [2]}}}
    assert drop_unread_carries(module, ECP5) == 1
    assert cell["connections"] == {"COUT": [2], "S0": ["x"], "CIN": ["0"]}


def test_components_add_up(tmp_path):
    module = map_ecp5(tmp_path, Lanes())["modules"]["top"]
    rows = components(module, (tmp_path / "generic.il").read_text(), "top", ECP5)
    assert sum(row["ff"] for row in rows.values()) == count(module, ECP5)["ff"] == 32
    assert rows["lane*"]["carry"] == count(module, ECP5)["carry"]


@pytest.mark.parametrize("rtlil", ["", "module \\other\n  wire \\a\nend\n"])
def test_components_of_a_text_that_is_not_understood(rtlil):
    with pytest.raises(SynthError, match="^yosys' RTLIL has no wire in module top: is its format "):
        components({"cells": {}, "netnames": {}}, rtlil, "top", ECP5)


@pytest.mark.parametrize("family, kinds", [
    (ECP5, {"LUT4": "lut", "CCU2C": "carry", "TRELLIS_FF": "ff", "DP16KD": "bram",
            "MULT18X18D": "dsp", "SB_LUT4": None, "EHXPLLL": None}),
    (ICE40, {"SB_LUT4": "lut", "SB_CARRY": "carry", "SB_DFF": "ff", "SB_DFFNESR": "ff",
             "SB_SPRAM256KA": "spram", "SB_MAC16": "dsp", "TRELLIS_FF": None, "SB_IO": None}),
    (GOWIN, {"LUT1": "lut", "ALU": "carry", "DFF": "ff", "DFFNRE": "ff", "DFFX": None,
             "RAM16SDP4": "lut_ram", "SDPX9B": "bram", "MULTALU18X18": "dsp", "rPLL": None})])
def test_kinds_of_cells(family, kinds):
    assert {cell: family.kind_of(cell) for cell in kinds} == kinds
    module = {"cells": {cell: {"type": cell} for cell in kinds}}
    assert sum(count(module, family).values()) == sum(kind is not None for kind in kinds.values())


def test_dsp_blocks_of_the_family_are_multipliers():
    netlist = {"modules": {"top": {"cells": {
        "a": {"type": "SB_MAC16"}, "b": {"type": "$mul"}, "c": {"type": "SB_LUT4"}}}}}
    assert multipliers(netlist) == ["$mul b"]
    assert multipliers(netlist, ECP5) == ["$mul b"]
    assert multipliers(netlist, ICE40) == ["$mul b", "SB_MAC16 a"]
