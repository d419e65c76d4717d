"""Where small memories of a board's design go, in the Verilog that yosys reads."""

import re

import pytest

pytest.importorskip("amaranth_boards", reason="boards need pip install 'qblif[board]'")

from amaranth import *
from amaranth.lib import memory

from qblif.boards.catalogue import BOARDS
from qblif.boards.devices import SmallRam
from qblif.boards.flow.board_files import use_small_rams, write_design

SMALL = [SmallRam("logic", 16), SmallRam("distributed", 64)]


class Memories(Elaboratable):
    """Memories ``rows_N`` of N words, each with one read and one write port."""

    def __init__(self, *rows, style="block"):
        self.rows = rows
        self.style = style

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        for rows in self.rows:
            m.submodules[f"rows_{rows}"] = ram = memory.Memory(
                shape=4, depth=rows, init=[], attrs={"ram_style": self.style})
            read, write = ram.read_port(), ram.write_port()
            m.d.sync += [read.addr.eq(read.addr + 1), write.addr.eq(write.addr + read.data),
                         write.data.eq(read.data), write.en.eq(1)]
        return m


def styles(board, design, folder):
    """Words of a memory -> its style in the Verilog."""
    write_design(board, design, folder)
    text = (folder / "top.v").read_text()
    found = re.findall(r'ram_style = "(\w+)" \*\)\s*(?:\(\*.*?\*\)\s*)*reg \[3:0\] \S+ \[(\d+):0\]',
                       text)
    return {int(top) + 1: style for style, top in found}


@pytest.mark.parametrize("name, style, rows", [
    ("hx8k_b_evn", "logic", 16), ("tang_nano_9k", "distributed", 64)])
@pytest.mark.parametrize("asked", ["auto", "block"])
def test_small_memories_of_a_board(tmp_path, name, style, rows, asked):
    found = styles(BOARDS[name], Memories(2, rows, rows + 1, 512, style=asked), tmp_path)
    assert found == {2: style, rows: style, rows + 1: asked, 512: asked}


@pytest.mark.parametrize("asked", ["huge", "distributed"])
def test_a_style_that_is_fixed_stays(tmp_path, asked):
    assert styles(BOARDS["hx8k_b_evn"], Memories(2, 512, style=asked), tmp_path) == {
        2: asked, 512: asked}


def test_a_large_device_keeps_its_block_ram(tmp_path):
    assert styles(BOARDS["ulx3s_85f"], Memories(2, 512), tmp_path) == {2: "block", 512: "block"}


def test_constraints_lie_beside_the_verilog(tmp_path):
    write_design(BOARDS["ulx3s_85f"], Memories(2), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"top.v", "top.lpf"}


@pytest.mark.parametrize("small", SMALL)
def test_a_memory_without_a_style_is_not_touched(small):
    class Platform:
        pass
    platform = Platform()
    use_small_rams(platform, small)
    ram = memory.Memory(shape=4, depth=4, init=[])
    platform.get_memory(ram)
    assert "ram_style" not in ram.attrs
