import pytest

pytest.importorskip("amaranth_boards", reason="boards need pip install 'qblif[board]'")

from qblif.boards.catalogue import BOARDS, find_board
from qblif.boards.pll import find_pll
from qblif.boards.top import led_pins, serial_pins
from qblif.hw.link.serial import bit_cycles


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_pins_are_there(board):
    platform = board.make_platform()
    assert platform.default_clk == board.clock
    assert platform.default_clk_frequency == board.oscillator_mhz * 1e6
    serial = serial_pins(platform, board)
    assert serial.rx.direction.value == "i" and serial.tx.direction.value == "o"
    assert len(list(led_pins(platform, board))) == len(board.leds) >= 2


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_clocks_can_be_made_and_divide_to_the_baud(board):
    assert list(board.clocks) == sorted(board.clocks, reverse=True)
    for mhz in board.clocks:
        if mhz != board.oscillator_mhz:
            mhz = float(find_pll(board.fpga.family.pll, board.oscillator_mhz, mhz).out)
        bit_cycles(round(mhz * 1e6), board.baud)


@pytest.mark.parametrize("name, mhz, baud", [
    ("icebreaker", 30, 6_000_000), ("icebreaker", 27, 3_000_000), ("icebreaker", 24, 6_000_000),
    ("hx8k_b_evn", 72, 12_000_000), ("hx8k_b_evn", 36, 6_000_000), ("ulx3s_85f", 87.5, 3_000_000),
    ("ulx3s_85f", 25, 1_000_000), ("tang_nano_9k", 27, 3_000_000),
    ("orangecrab_85f", 120, 12_000_000), ("arty_a7_35", 100, 6_000_000)])
def test_fastest_serial_rate(name, mhz, baud):
    assert BOARDS[name].fastest_baud(round(mhz * 1e6)) == baud


def test_unknown_board():
    with pytest.raises(ValueError, match="^Board must be one of icebreaker, .*, not 'nexys'$"):
        find_board("nexys")
