"""A whole board without the board: its core on Verilator, a pseudo-terminal as its serial port.

Everything up to the pins is what a bitstream holds, the serial line bit by bit; the host opens the
port as it opens a real one.
"""

import os
import subprocess
import tempfile
import tty
from pathlib import Path
from typing import IO

from ..hw.link.board_core import BoardCore
from ..hw.verilog import to_verilog
from .simulators import build_program, require

__all__ = ["VirtualBoard"]

TOP = "qblif_board"
SOURCE = Path(__file__).parent / "virtual_board.cpp"
BIT_CYCLES = 4  # The fewest that the receiver takes: simulation is slow enough.
CLOCK_HZ = 4_000_000


class VirtualBoard:
    """A context in which the board is plugged in, with ``port``, the name of its serial port.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.compile.Layout`
    levels : whether it records levels
    cache : folder of builds in place of the user's cache

    Raises :class:`qblif.sim.simulators.SimulatorError` where Verilator is missing or fails.
    """

    port: str
    bit_cycles = BIT_CYCLES
    _process: subprocess.Popen[bytes]
    _orders: IO[bytes]
    _ends: tuple[int, int]

    def __init__(self, layout, *, levels=True, cache=None):
        require("verilator")
        core = BoardCore(layout, clock_hz=CLOCK_HZ, baud=CLOCK_HZ // self.bit_cycles,
                         levels=levels)
        with tempfile.TemporaryDirectory() as folder:
            verilog = Path(folder) / f"{TOP}.v"
            verilog.write_text(to_verilog(core, TOP))
            self.build = build_program([verilog, SOURCE], TOP, cache)

    def __enter__(self):
        self.plug()
        return self

    def __exit__(self, *_):
        self.unplug()

    def plug(self):
        """Plug the board in: it is powered, and ``port`` is there, perhaps under another name."""
        # The board's end and the host's; the second stays open, so that the first always has a
        # partner, whether a host is there or not.
        self._ends = os.openpty()
        tty.setraw(self._ends[1])  # Bytes as they are.
        self.port = os.ttyname(self._ends[1])
        self._power()

    def unplug(self):
        """Unplug the board: whoever has its port open gets an error."""
        self._cut()
        for end in self._ends:
            os.close(end)

    def power_cycle(self):
        """Interrupt the board's power, not its serial port's: its memories are lost."""
        self._cut()
        self._power()

    def reset(self):
        """Press the board's reset button."""
        self._orders.write(b"r")
        self._orders.flush()

    def wait(self):
        """Serve until the process ends, or the user interrupts it."""
        self._process.wait()

    def _power(self):
        board_end = self._ends[0]
        self._process = subprocess.Popen(
            [self.build.folder / TOP, str(board_end), str(self.bit_cycles)], stdin=subprocess.PIPE,
            pass_fds=[board_end])
        assert self._process.stdin is not None
        self._orders = self._process.stdin

    def _cut(self):
        self._orders.close()
        self._process.wait(60)
