import random
import time

import numpy as np
import pytest

from qblif.boards.host import Host
from qblif.boards.line import HostError, open_port
from qblif.golden import integer
from qblif.golden.artifact import Trained
from qblif.hw.cycles import count_cycles
from qblif.sim.simulators import SimulatorError, require
from qblif.sim.virtual_board import VirtualBoard


@pytest.fixture(scope="module")
def board(tiny, cache):
    try:
        require("verilator")
    except SimulatorError as error:
        pytest.skip(str(error))
    trained, plan, _ = tiny
    with VirtualBoard(trained.spec, plan, cache=cache) as powered:
        yield powered


@pytest.fixture
def port(board):
    with open_port(board.port, 1_000_000) as opened:
        yield opened


def second(trained):
    draw = np.random.default_rng(9)
    return Trained(trained.spec, {
        name: draw.integers(-40, 50, weights.shape).astype(np.int32)
        for name, weights in trained.weights.items()}, trained.biases)


def check(host, trained, plan, frames):
    found = host.run(trained, frames, levels=True)
    expected = integer.run(trained, frames)
    levels = {name: tensor.numpy() for name, tensor in expected.levels.items()}
    np.testing.assert_array_equal(found.classes, expected.classes.numpy())
    np.testing.assert_array_equal(found.levels["hidden"], levels["hidden"])
    cycles = [count_cycles(trained.spec, plan, frames[k:k + 1], {
        name: values[:, k:k + 1] for name, values in levels.items()}).latency[0]
        for k in range(len(frames))]
    np.testing.assert_array_equal(found.cycles, cycles)
    assert found.core_seconds < found.seconds


def test_two_networks_one_after_the_other(tiny, port):
    trained, plan, frames = tiny
    host = Host(port, timeout=2)
    for network in (trained, second(trained)):
        host.load(network)
        check(host, network, plan, frames)
    assert host.line.repeated == 0


class Bad:
    """A port that flips, drops, doubles and inserts bytes, both ways."""

    def __init__(self, port, rate):
        self.port, self.rate, self.draw, self.faults = port, rate, random.Random(0), 0

    def damage(self, data):
        found = bytearray()
        for byte in data:
            kind = self.draw.randrange(4) if self.draw.random() < self.rate else None
            self.faults += kind is not None
            found += bytes({None: [byte], 0: [byte ^ 1 << self.draw.randrange(8)], 1: [],
                            2: [byte, byte], 3: [self.draw.randrange(256), byte]}[kind])
        return bytes(found)

    def write(self, data):
        self.port.write(self.damage(data))

    def read(self, count):
        return self.damage(self.port.read(count))


def test_damaged_bytes(tiny, port):
    trained, plan, frames = tiny
    bad = Bad(port, 0.005)
    host = Host(bad, timeout=0.05, tries=30)
    for network in (trained, second(trained)):
        host.load(network)
        check(host, network, plan, frames)
    assert bad.faults > 10 and host.line.repeated > 5


def test_board_reset(tiny, board, port):
    trained, plan, frames = tiny
    host = Host(port, timeout=2)
    host.load(trained)
    board.reset()
    time.sleep(0.2)
    with pytest.raises(HostError, match="^The board does not hold this network's weights: load"):
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
