import time

import numpy as np
import pytest

from qblif.boards.host.host import Host
from qblif.boards.host.line import HostError, open_port
from qblif.golden import integer
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.link.protocol import State


@pytest.fixture(scope="module")
def board(unplugged):
    with unplugged:
        yield unplugged


@pytest.fixture
def port(board):
    with open_port(board.port, 1_000_000) as opened:
        yield opened


def check(host, trained, plan, frames):
    found = host.run(trained, frames, levels=True)
    expected = integer.run(trained, frames)
    levels = {name: tensor.numpy() for name, tensor in expected.levels.items()}
    np.testing.assert_array_equal(found.classes, expected.classes.numpy())
    np.testing.assert_array_equal(found.levels["hidden"], levels["hidden"])
    cycles = [count_cycles(plan, frames[k:k + 1], {
        name: values[:, k:k + 1] for name, values in levels.items()}).latency[0]
        for k in range(len(frames))]
    np.testing.assert_array_equal(found.cycles, cycles)
    assert found.core_seconds < found.seconds


def test_two_networks_one_after_the_other(tiny, second, port):
    trained, plan, frames = tiny
    host = Host(port, timeout=2)
    for network in (trained, second):
        host.load(network)
        check(host, network, plan, frames)
    assert host.line.repeated == 0


def test_board_reset(tiny, board, port):
    trained, plan, frames = tiny
    host = Host(port, timeout=2)
    host.load(trained)
    board.reset()
    deadline = time.monotonic() + 60
    while host.identify().state is not State.DISARMED:
        assert time.monotonic() < deadline
    with pytest.raises(HostError, match=r"weights \(it is disarmed\): load the file first$"):
        host.run(trained, frames)
    host.load(trained)
    check(host, trained, plan, frames)


def test_host_that_left_in_the_middle(tiny, board):
    trained, plan, frames = tiny
    with open_port(board.port, 1_000_000) as port:
        Host(port, timeout=2).load(trained)
        port.write(b"\x05half a request")
    with open_port(board.port, 1_000_000) as port:
        check(Host(port, timeout=0.3), trained, plan, frames)


def test_busy_port(board, port):
    with pytest.raises(HostError, match="another program has the port open; close it first$"):
        open_port(board.port, 1_000_000)
