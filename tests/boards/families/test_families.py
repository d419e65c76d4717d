"""What every family's object must hold, and that nothing else depends on a family's name."""

import re
from pathlib import Path

import pytest

from qblif.boards.catalogue import BOARDS
from qblif.boards.devices import BOARD_DEVICES
from qblif.boards.families import ECP5, FAMILIES, ICE40
from qblif.boards.families.family import BlockRam

ROOT = Path(__file__).parents[3]
NAMES = "|".join([*FAMILIES, *(f.placer.architecture for f in FAMILIES.values() if f.placer)])
NAMED = re.compile(
    rf"""["']({NAMES})["']|\bfamily(\.name)? *[!=]=|(?<!for )\bfamily(\.name)? (not )?in\b"""
    rf"""|\bis (not )?({NAMES.upper()})\b|\[[\w.]*\bfamily\]""")
TREES = ("golden", "hw", "sim", "boards", "cli")


def named_in(text):
    """Lines of code that compare a family, or key a table by it."""
    return [line for line in text.splitlines() if NAMED.search(line)]


def test_no_other_file_depends_on_a_familys_name():
    files = [path for tree in TREES for path in (ROOT / tree).rglob("*.py")
             if ROOT / "boards/families" not in path.parents]
    assert len(files) > 100
    assert {str(path): lines for path in files if (lines := named_in(path.read_text()))} == {}


@pytest.mark.parametrize("line", [
    'if device.family == "ecp5":', "LUTS[device.family]", "if family.name != ICE40.name:",
    "LIMITS = {'gowin': 3}", 'if device.family in ("x",):', "SCALE[family]",
    "if family.name not in TABLE:", "return device.family is GOWIN"])
def test_a_line_that_does_is_found(line):
    assert named_in(f"a = 1\n{line}\nb = 2") == [line]


@pytest.mark.parametrize("line", [
    "scale = device.family.lut_scale", "def count(module, family):", '"""ECP5 or ice40."""',
    "for family in FAMILIES.values():", 'device = "ecp5-85k"'])
def test_a_line_that_does_not_is_not(line):
    assert named_in(line) == []


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_complete(family):
    assert family.lut_scale > 0 and family.block_ram.widths
    assert (family.placer is None) == (family.packer is None) == (family.paths is None)
    assert (family.pll is None) == (family.pll_instance is None)
    if not family.placer:
        return
    assert family.synth.startswith("synth_")
    kinds = {"lut", "lut_mux", "lut_ram", "carry", "ff", "bram", "dsp", "spram"}
    assert set(family.cells.values()) <= kinds and "lut" in family.placer.cells.values()
    assert set(family.placer.cells.values()) <= kinds
    assert any(f"top.{family.placer.constraints}" in pin for pin in family.placer.pins)
    assert set(family.placer.routed) & set(family.packer.arguments)
    assert f"top.{family.packer.suffix}" in family.packer.arguments


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_has_a_device(family):
    assert any(device.family is family for device in BOARD_DEVICES.values())


def test_boards_say_who_places_them():
    assert {name for name, board in BOARDS.items() if not board.placed_here} == {"arty_a7_35"}
    assert all(bool(board.place) == board.placed_here for board in BOARDS.values())


def test_words_of_a_block_ram():
    """The sizes of DP16KD and SB_RAM40_4K in their data sheets."""
    assert [ECP5.block_ram.depth(width) for width in ECP5.block_ram.widths] == [
        16384, 8192, 4096, 2048, 1024, 512]
    assert [ICE40.block_ram.depth(width) for width in ICE40.block_ram.widths] == [
        2048, 1024, 512, 256]


@pytest.mark.parametrize("depth, width, blocks", [
    (1, 1, 1), (512, 36, 1), (512, 37, 2), (513, 36, 2), (1024, 18, 1), (16384, 1, 1),
    (16385, 1, 2), (3000, 5, 2), (2048, 9, 1)])
def test_blocks_of_a_memory(depth, width, blocks):
    assert ECP5.block_ram.blocks(depth, width) == blocks


def test_the_best_mode_is_taken():
    ram = BlockRam(bits=64, widths=(1, 4))
    for depth in range(1, 100):
        for width in range(1, 12):
            by_hand = min(-(-depth // 64) * width, -(-depth // 16) * -(-width // 4))
            assert ram.blocks(depth, width) == by_hand


@pytest.mark.parametrize("depth, width, blocks", [
    (1024, 18, 1), (512, 36, 2), (1024, 19, 2), (1025, 18, 2), (2048, 9, 1), (2048, 10, 2),
    (16384, 1, 1), (100, 54, 3)])
def test_block_rams_of_an_ecp5_with_two_read_ports(depth, width, blocks):
    """Where one of them has the write port's address, a block of 18 bits serves both; the other
    families take two memories."""
    assert ECP5.block_ram.dual_blocks(depth, width) == blocks
    for family in FAMILIES.values():
        if family is not ECP5:
            ram = family.block_ram
            assert ram.dual_blocks(depth, width) == 2 * ram.blocks(depth, width)
