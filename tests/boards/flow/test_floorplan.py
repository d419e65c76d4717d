"""Where cells lie: a routed netlist as the placers write it, and real ones of each family."""

import json
import shutil
from collections import Counter

import pytest
from flow_designs import Lanes, write_verilog

from qblif.boards.devices import BOARD_DEVICES, DEVICES
from qblif.boards.flow.floorplan import BINS, floorplan
from qblif.boards.flow.synth import synthesise

CLOCK = "posedge clk"


def cell(kind, place):
    return {"hide_name": 0, "type": kind, "parameters": {"TYPE": "x"},
            "attributes": {"src": "a.v:1"} | ({"NEXTPNR_BEL": place} if place else {}),
            "port_directions": {"A": "input"}, "connections": {"A": [7]}}


def write(folder, cells):
    module = {"settings": {}, "attributes": {"top": "1"}, "cells": cells,
              "ports": {"clk": {"direction": "input", "bits": [7]}},
              "netnames": {"a": {"bits": [7], "attributes": {"ROUTING": "X1/Y1/;;"}}}}
    (folder / "routed.json").write_text(json.dumps({"creator": "x", "modules": {"top": module}}))
    return folder / "routed.json"


def path(*steps, start=CLOCK):
    return {"from": start, "to": CLOCK, "path": [
        {"delay": delay, "from": {"loc": list(a)}, "to": {"loc": list(b)}}
        for delay, a, b in steps]}


def placed(paths=(), delays=(), event=CLOCK):
    return {"critical_paths": list(paths), "detailed_net_timings": [
        {"event": event, "endpoints": [{"event": CLOCK, "delay": [0.1, delay]}]}
        for delay in delays]}


def test_cells_by_place_and_instance(tmp_path):
    routed = write(tmp_path, {
        "a.q_TRELLIS_FF_Q": cell("TRELLIS_FF", "X3/Y5/SLICEA.FF0"),
        "a.q_TRELLIS_FF_Q_1": cell("TRELLIS_FF", "X3/Y5/SLICEA.FF1"),
        "a.b.sum_CCU2C_S0$CCU2_COMB1": cell("TRELLIS_COMB", "X12/Y40/SLICED.K1"),
        "a.memory.0.0": cell("DP16KD", "X9/Y22/EBR1"),
        "$PACKER_GND": cell("TRELLIS_COMB", "X0/Y1/SLICEA.K0"),
        "clk$tr_io": cell("TRELLIS_IO", "X65/Y0/PIOB"), "unplaced": cell("TRELLIS_FF", None),
        "nowhere": cell("TRELLIS_FF", "PCS0")})
    found = floorplan(routed, placed(), DEVICES["ecp5-25k"], {
        "a.q_TRELLIS_FF_Q": ("a",), "a.q_TRELLIS_FF_Q_1": ("a",),
        "a.b.sum_CCU2C_S0": ("a", "b"), "a.memory.0.0": ("a", "memory")})
    assert found["grid"] == [73, 51]
    assert [[x, y, found["instances"][i], *rest] for x, y, i, *rest in found["cells"]] == [
        [0, 1, "", "lut", 1], [3, 5, "a", "ff", 2], [9, 22, "a.memory", "bram", 1],
        [12, 40, "a.b", "lut", 1]]
    assert (found["path"], found["arrivals"]) == (
        [], {"longest_ns": 0, "counts": [0] * BINS})


def test_names_that_continue_a_mapped_cells(tmp_path):
    names = ("x_SB_LUT4_O_LC", "x_SB_DFF_Q_DFFLC", "y$CARRY", "z")
    routed = write(tmp_path, {name: cell("ICESTORM_LC", f"X{k}/Y2/lc3")
                              for k, name in enumerate(names)})
    found = floorplan(routed, placed(), DEVICES["up5k"], {
        "x_SB_LUT4_O": ("lut",), "x_SB_DFF_Q": ("ff",), "y": ("carry",), "zz": ("other",)})
    assert found["instances"] == ["lut", "ff", "carry", ""]


def test_places_of_gowin(tmp_path):
    routed = write(tmp_path, {"a": cell("LUT4", "X3Y14/LUT7"), "b": cell("DFFE", "X46Y1/DFF0"),
                              "c": cell("IBUF", "X0Y1/IOBA")})
    found = floorplan(routed, placed(), BOARD_DEVICES["gw1nr-9"], {})
    assert found["cells"] == [[3, 14, 0, "lut", 1], [46, 1, 0, "ff", 1]]


def test_longest_path_and_arrivals(tmp_path):
    routed = write(tmp_path, {})
    report = placed(
        [path((1, (1, 2), (1, 2)), (3, (1, 2), (4, 5)), (0, (4, 5), (4, 5))),
         path((2, (7, 7), (8, 8))), path((9, (0, 0), (9, 9)), start="<async>"),
         {"from": CLOCK, "to": CLOCK, "path": []}], [4.0, 2.0, 1.99, 0.0, 3.999])
    report["detailed_net_timings"].append(
        {"event": "<async>", "endpoints": [{"event": CLOCK, "delay": [0, 9.0]}]})
    report["detailed_net_timings"].append(
        {"event": CLOCK, "endpoints": [{"event": "<async>", "delay": [0, 9.0]}]})
    found = floorplan(routed, report, DEVICES["up5k"], {})
    assert found["path"] == [[1, 2], [4, 5]]
    counts = found["arrivals"]["counts"]
    assert found["arrivals"]["longest_ns"] == 4.0 and len(counts) == BINS == 100
    assert {k: n for k, n in enumerate(counts) if n} == {0: 1, 49: 1, 50: 1, 99: 2}


def test_device_whose_grid_is_not_known(tmp_path):
    from dataclasses import replace
    device = replace(DEVICES["up5k"], grid=None)
    routed = write(tmp_path, {"a": cell("ICESTORM_LC", "X6/Y2/lc3"),
                              "b": cell("ICESTORM_LC", "X1/Y9/lc3")})
    assert floorplan(routed, placed(), device, {})["grid"] == [7, 10]


@pytest.mark.parametrize("name", ["ecp5-25k", "up5k"])
def test_of_a_placed_design(name, tmp_path):
    pytest.importorskip("pyosys", reason="synthesis needs pyosys: pip install 'qblif[synth]'")
    device = DEVICES[name]
    report = synthesise(write_verilog(tmp_path, Lanes()), top="top", device=name, out_dir=tmp_path)
    found = json.loads((tmp_path / "floorplan.json").read_text())
    assert not (tmp_path / "routed.json").exists()
    totals, of_lanes = Counter(), Counter()
    for column, row, instance, kind, count in found["cells"]:
        assert 0 <= column < device.grid[0] and 0 <= row < device.grid[1]
        totals[kind] += count
        of_lanes[kind] += count * found["instances"][instance].startswith("lane_")
    assert {kind: totals[kind] for kind in ("lut", "bram")} == {
        "lut": report.lut, "bram": report.bram}
    assert of_lanes["ff" if "ff" in totals else "lut"] == report.ff == 32
    assert sum(found["arrivals"]["counts"]) >= 32
    if name == "ecp5-25k":  # The detailed report of the iCE40's placer has another setup time.
        assert round(found["arrivals"]["longest_ns"], 3) == round(report.path.ns, 3)
    shutil.rmtree(tmp_path)
