"""Ports with no board behind them, and ports that cannot be opened."""

import os
import random
import time
import tty

import pytest
from host_cases import quick

from qblif.boards.host.line import HostError, Line, open_port
from qblif.hw.link.protocol import MAX_PAYLOAD, Command


class Silent:
    def write(self, data):
        return len(data)

    def read(self, count):
        return b""


class Noisy(Silent):
    def read(self, count):
        return random.randbytes(100)


class Echo(Silent):
    """A modem, or a wire from one pin to the other."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data = data

    def read(self, count):
        found, self.data = self.data, b""
        return found


class Unplugged(Silent):
    name = "/dev/ttyUSB7"

    def read(self, count):
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("port, words", [
    (Silent(), r"^The board does not answer read \(nothing came in"),
    (Noisy(), r"^The board does not answer read \(only noise came in"),
    (Echo(), r"^What answers is no qblif board: check the port$"),
    (Unplugged(), r"^The board on /dev/ttyUSB7 is gone \(.*\): plug it in and start again$")])
def test_port_without_a_board(port, words):
    with pytest.raises(HostError, match=words):
        quick(port, tries=2).identify()


def test_port_that_is_not_there():
    with pytest.raises(HostError, match="^/dev/nothing: there is no such port"):
        open_port("/dev/nothing", 115_200)


def test_port_that_is_no_serial_port(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot be opened as a serial port"):
        open_port(tmp_path / "file", 115_200)


def test_port_that_nobody_reads():
    end, board = os.openpty()
    tty.setraw(board)
    with open_port(os.ttyname(board), 115_200, timeout=0.02) as port:
        line, started = Line(port, timeout=0.02, tries=200), time.monotonic()
        with pytest.raises(HostError, match=r"is gone \(Write timeout\): plug it in"):
            line.exchange(Command.WRITE, bytes(MAX_PAYLOAD - 16), space=0, bank=0, address=0,
                          size=1)
        assert time.monotonic() - started < 5
    for each in (end, board):
        os.close(each)


def test_port_without_permission():
    ends = os.openpty()
    name = os.ttyname(ends[1])
    os.chmod(name, 0)
    user = os.geteuid()
    try:
        if not user:
            os.seteuid(65534)  # To whom the permissions of others apply; to root none do.
        with pytest.raises(HostError, match=f"^{name}: permission denied; add yourself to the"):
            open_port(name, 115_200)
    finally:
        os.seteuid(user)
        for end in ends:
            os.close(end)


@pytest.mark.parametrize("baud", [-1, 1 << 40])
def test_bit_rate_that_no_port_has(baud):
    ends = os.openpty()
    with pytest.raises(HostError, match="cannot be opened as a serial port"):
        open_port(os.ttyname(ends[1]), baud)
    for end in ends:
        os.close(end)
