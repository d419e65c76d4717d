"""A serial port that damages what passes, for tests of host and board.

A damage is called with the bytes that pass and their direction, and returns those that arrive.
:class:`qblif.sim.board_model.BoardModel` takes one as it is.
"""

import random

from cobs import cobs

from ..hw.link.protocol import crc

__all__ = ["DAMAGES", "FOREIGN", "After", "BadPort", "OneDamage", "SteadyDamage", "encoded"]

DAMAGES = ("flip", "drop", "double", "insert")
FOREIGN = ("noise", "text", "half frame")
TEXT = b"\r\nlogin: root\r\nPassword: \r\n+++ATH0\r\nok T:21.5 /0.0 B:20.9\r\n"


class BadPort:
    """``port``, with ``damage`` on all that passes, in both directions.

    It reads at most ``longest`` bytes at once, and keeps at most ``room`` bytes that came and were
    not read yet: others are lost, as in a receiver's FIFO.
    """

    def __init__(self, port, damage, longest=4096, room=1 << 20):
        self.port, self.damage, self.longest, self.room = port, damage, longest, room
        self._came = b""

    def write(self, data):
        return self.port.write(self.damage(data, True))

    def read(self, count):
        waiting = self.port.in_waiting
        if waiting or not self._came:
            came = self.damage(self.port.read(max(1, waiting)), False)
            self._came = (self._came + came)[:self.room]
        found = self._came[:min(count, self.longest)]
        self._came = self._came[len(found):]
        return found

    @property
    def in_waiting(self):
        return len(self._came) + self.port.in_waiting


class OneDamage:
    """Damages the line once, at a random one of the first ``length`` bytes, and then leaves it
    alone; ``passed`` counts bytes of both directions, ``done`` is whether it happened.

    ``kind`` is one of :data:`DAMAGES`, for the byte there, or of :data:`FOREIGN`, for what another
    program sends before it.
    """

    def __init__(self, seed, kind, length):
        self.draw, self.kind = random.Random(f"{kind} {seed}"), kind
        self.place = self.draw.randrange(length)
        self.passed, self.done = 0, False

    def __call__(self, data, to_board):
        place = self.place - self.passed
        self.passed += len(data)
        if not 0 <= place < len(data):
            return data
        self.done = True
        return data[:place] + self._damaged(data[place]) + data[place + 1:]

    def _damaged(self, byte):
        if self.kind in FOREIGN:
            return foreign(self.kind, self.draw) + bytes([byte])
        return damaged(self.kind, byte, self.draw)


class SteadyDamage:
    """Damages each byte with probability ``rate``, in one of :data:`DAMAGES`; ``count`` counts."""

    def __init__(self, seed, rate):
        self.draw, self.rate, self.count = random.Random(seed), rate, 0

    def __call__(self, data, to_board):
        return b"".join(map(self._pass, data))

    def _pass(self, byte):
        if self.draw.random() >= self.rate:
            return bytes([byte])
        self.count += 1
        return damaged(self.draw.choice(DAMAGES), byte, self.draw)


class After:
    """Calls ``action`` once, when ``count`` bytes of both directions have passed."""

    def __init__(self, count, action):
        self.left, self.action = count, action

    def __call__(self, data, to_board):
        before, self.left = self.left, self.left - len(data)
        if before > 0 >= self.left:
            self.action()
        return data


def damaged(kind, byte, draw):
    """What arrives of ``byte``."""
    return bytes({"flip": [byte ^ 1 << draw.randrange(8)], "drop": [], "double": [byte, byte],
                  "insert": [draw.randrange(256), byte]}[kind])


def foreign(kind, draw):
    """Some bytes of another program, ``kind`` is one of :data:`FOREIGN`."""
    if kind == "noise":
        return draw.randbytes(draw.randrange(1, 600))
    if kind == "text":
        return TEXT[:draw.randrange(1, len(TEXT))]
    return b"\0" + bytes([40, *(draw.randrange(1, 256) for _ in range(draw.randrange(39)))])


def encoded(payload):
    """The frame of ``payload``."""
    return cobs.encode(payload + crc(payload).to_bytes(2, "big")) + b"\0"
