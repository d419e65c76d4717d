from pathlib import Path

import pytest

pytest.importorskip("amaranth_boards", reason="boards need pip install 'qblif[board]'")

from qblif.boards.catalogue import BOARDS, find_board
from qblif.boards.fit import frame_cycles, load_bytes, weight_kbit
from qblif.boards.pll import find_pll
from qblif.boards.top import led_pins, serial_pins
from qblif.golden.artifact import load
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.hw.plan import make_plan
from qblif.hw.serial import bit_cycles


def mlp(hidden=128):
    neuron = Neuron(quantiser=Quantiser(n_max=15, theta=32), v_width=16)
    return Network(
        timesteps=2, input=Input(shape=(784,), n_max=2),
        populations=[Population(name="hidden", shape=(hidden,), neuron=neuron, sum_width=15),
                     Population(name="output", shape=(10,), sum_width=17,
                                neuron=Neuron(quantiser=None, v_width=18))],
        synapses=[Dense(source="input", target="hidden", w_width=8),
                  Dense(source="hidden", target="output", w_width=8)])


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
            mhz = float(find_pll(board.pll, board.oscillator_mhz, mhz).out)
        bit_cycles(round(mhz * 1e6), board.baud)


def test_unknown_board():
    with pytest.raises(ValueError, match="^Board must be one of icebreaker, .*, not 'nexys'$"):
        find_board("nexys")


def test_weight_sizes():
    assert weight_kbit(mlp()) == (784 * 128 + 128 * 10) * 8 / 1000
    assert load_bytes(mlp(), make_plan(mlp(), lanes=8)) == 784 * 128 + 1280


def test_frame_cycles_of_the_published_network():
    trained = load(Path(__file__).parents[2] / "networks" / "mnist-mlp.safetensors")
    activity = trained.notes["activity"]
    plan = make_plan(trained.spec, lanes=32, activity=activity)
    digits = activity["input->hidden1"]["digits"]
    assert frame_cycles(trained.spec, plan, activity) == pytest.approx(4 * digits + 1)
