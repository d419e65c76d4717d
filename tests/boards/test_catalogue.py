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


def test_unknown_board():
    with pytest.raises(ValueError, match="^Board must be one of icebreaker, .*, not 'nexys'$"):
        find_board("nexys")
