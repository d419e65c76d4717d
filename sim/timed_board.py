"""A virtual board whose clock runs only while the host waits: the time of its line, in cycles."""

import struct
import subprocess

from .virtual_board import TOP, VirtualBoard

__all__ = ["TimedBoard"]

WAIT = 1_000_000  # Cycles that a read waits at most.


class TimedBoard(VirtualBoard):
    """A context in which the board is plugged in, and the serial port to it: ``read`` and
    ``write``.  Time passes in ``read`` alone, so the host's own is not in it.

    Parameters
    ----------
    layout, options : as of :class:`qblif.sim.virtual_board.VirtualBoard`
    latency : int
        Cycles that each byte is on its way, in either direction, beside its ten bits on the line.

    ``cycles`` is how many clock cycles have passed.
    """

    cycles: int

    def __init__(self, layout, *, latency=0, **options):
        super().__init__(layout, **options)
        self.latency, self.cycles = latency, 0
        self._to_board, self._came = b"", b""

    def plug(self):
        self._process = subprocess.Popen(
            [self.build.folder / TOP, str(self.bit_cycles), "timed", str(self.latency)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def unplug(self):
        self._cut()

    def write(self, data):
        self._to_board += data
        return len(data)

    def read(self, size=1):
        if not self._came:
            pipes = self._process
            assert pipes.stdin is not None and pipes.stdout is not None
            pipes.stdin.write(struct.pack("<II", WAIT, len(self._to_board)) + self._to_board)
            pipes.stdin.flush()
            self._to_board = b""
            self.cycles, count = struct.unpack("<QI", pipes.stdout.read(12))
            self._came = pipes.stdout.read(count)
        found, self._came = self._came[:size], self._came[size:]
        return found

    @property
    def in_waiting(self):
        return len(self._came)
