"""Damaged, lost and repeated bytes, and resets, on the line to the model of a board."""

import random

import numpy as np
import pytest
from host_cases import CLASSES, FIRST, FRAMES, PLAN, SECOND, board, quick

from qblif.boards.host.line import HostError
from qblif.hw.layout.compile import compile
from qblif.hw.link.protocol import State
from qblif.sim.board_model import BoardModel
from qblif.sim.faults import DAMAGES, After, OneDamage, SteadyDamage


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_bytes(kind):
    """At 300 random places each: the answer is right, and only whole loads are run."""
    count = OneDamage(0, kind, 1)
    host = quick(board(damage=count))
    host.load(FIRST)
    host.run(FIRST, FRAMES[:1])
    for seed in range(300):
        port = board(FIRST, damage=OneDamage(seed, kind, count.passed))
        host = quick(port)
        host.load(FIRST)
        assert host.run(FIRST, FRAMES[:1]).classes[0] == CLASSES[id(FIRST)][0]
        assert port.wrong_runs == 0


@pytest.mark.parametrize("rate", [0.002, 0.006])
def test_line_that_keeps_damaging(rate):
    """The answer is right, or there is a clear error; never anything else."""
    good = 0
    for seed in range(60):
        port = board(damage=SteadyDamage(seed, rate))
        try:
            host = quick(port, tries=12)
            host.load(FIRST)
            found = host.run(FIRST, FRAMES)
            np.testing.assert_array_equal(found.classes, CLASSES[id(FIRST)])
            good += 1
        except HostError as error:
            assert "The board does not answer" in str(error)
        assert port.wrong_runs == 0
    assert good > 0


def test_noise_between_answers():
    draw = random.Random(0)

    def damage(data, to_board):
        return data if to_board else draw.randbytes(draw.randrange(30)) + b"\0" + data
    host = quick(board(damage=damage))
    host.load(FIRST)
    np.testing.assert_array_equal(host.run(FIRST, FRAMES).classes, CLASSES[id(FIRST)])


def test_every_answer_comes_twice():
    port = board(damage=lambda data, to_board: data if to_board else data * 2)
    host = quick(port)
    host.load(FIRST)
    np.testing.assert_array_equal(host.run(FIRST, FRAMES).classes, CLASSES[id(FIRST)])


def test_every_request_comes_twice():
    port = board(damage=lambda data, to_board: data * 2 if to_board else data)
    host = quick(port)
    host.load(FIRST)
    host.run(FIRST, FRAMES)
    assert port.runs == len(FRAMES)


@pytest.mark.parametrize("count", range(1, 750, 50))
def test_board_reset_during_a_load(count):
    port = board(FIRST)
    port.damage = After(count, port.reset)
    host = quick(port)
    host.load(FIRST)
    if port.state == State.DISARMED:  # The reset came after the load.
        host.load(FIRST)
    assert host.run(FIRST, FRAMES[:1]).classes[0] == CLASSES[id(FIRST)][0]
    assert port.wrong_runs == 0


def test_board_reset_during_a_run():
    port = board(FIRST)
    host = quick(port)
    host.load(FIRST)
    port.damage = After(250, port.reset)
    with pytest.raises(HostError, match="^The board is not armed any more"):
        host.run(FIRST, np.repeat(FRAMES, 20, 0))


class Killed(Exception):
    pass


@pytest.mark.parametrize("count", range(1, 900, 60))
def test_host_killed_during_a_load_and_restarted(count):
    def kill():
        raise Killed
    port = board(FIRST, SECOND)
    quick(port).load(FIRST)
    port.damage = After(count, kill)
    try:
        quick(port).load(SECOND)
    except Killed:
        if port.state == State.LOADING:
            port.damage = lambda data, to_board: data
            with pytest.raises(HostError, match="^The board does not hold this network's weights"):
                quick(port).run(SECOND, FRAMES)
    port.damage = lambda data, to_board: data
    host = quick(port)
    host.load(SECOND)
    np.testing.assert_array_equal(host.run(SECOND, FRAMES).classes, CLASSES[id(SECOND)])
    assert port.wrong_runs == 0


def test_memory_that_does_not_keep_what_is_written():
    class Broken(BoardModel):
        def _write(self, rest, request, **place):
            return super()._write(rest[:-1] + bytes([rest[-1] ^ 1]), request, **place)
    port = Broken([FIRST], compile(FIRST.spec, PLAN))
    with pytest.raises(HostError, match=r"^The load fails again and again \(checksum\)"):
        quick(port).load(FIRST)
    assert port.state == State.DISARMED
