"""A whole board without the board: its core on Verilator, a pseudo-terminal as its serial port.

Everything up to the pins is what a bitstream holds, the serial line bit by bit; the host opens the
port as it opens a real one.
"""

import os
import re
import subprocess
import tempfile
import tty
from pathlib import Path
from typing import IO

from ..hw.link.board_core import BoardCore
from ..hw.link.protocol import ROOM
from ..hw.logic.layout import LogicLayout
from ..hw.verilog import to_verilog
from .simulators import SimulatorError, build_program, require

__all__ = ["VirtualBoard"]

TOP = "qblif_board"
SOURCE = Path(__file__).parent / "virtual_board.cpp"
STALLED = 3  # Code with which the program ends where the board has stalled.
STANDSTILL = 100_000  # Cycles in which something must move while a request is being worked on.
BIT_CYCLES = 4  # The fewest that the receiver takes: simulation is slow enough.
CLOCK_HZ = 4_000_000

# Nothing of a network as logic ever waits.
PLAIN = """\
module {top} (input clk, input rst, input rx, output tx, output busy);
    {top}_core core (.clk(clk), .rst(rst), .rx(rx), .tx(tx), .busy(busy));
endmodule
"""

# A watchdog around the core.  A board that waits for the host is not stalled.
WATCHED = """\
module {top} (input clk, input rst, input rx, output tx, output busy);
    {top}_core core (.clk(clk), .rst(rst), .rx(rx), .tx(tx), .busy(busy));
    wire [{last}:0] offered = {{{valid}}}, accepted = {{{ready}}};
    wire [{steps_last}:0] steps = {{{steps}}};
    reg [{steps_last}:0] steps_before;
    reg tx_before;
    reg [31:0] still = 0;
    always @(posedge clk) begin
        tx_before <= tx;
        steps_before <= steps;
        still <= rst | ~core.linked.link.busy | (tx != tx_before) | (steps != steps_before)
            | |(offered & accepted) ? 0 : still + 1;
        if (still == {standstill}) begin
            $display("stalled %b %b", offered, accepted);
            $finish;
        end
    end
endmodule
"""


class VirtualBoard:
    """A context in which the board is plugged in, with ``port``, the name of its serial port.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.compile.Layout`, or of logic
        :class:`qblif.hw.logic.layout.LogicLayout`
    levels : whether it records levels
    frames : of logic, how many it holds
    room : bytes of requests that wait on it
    cache : folder of builds in place of the user's cache

    Raises :class:`qblif.sim.simulators.SimulatorError` where Verilator is missing or fails; when it
    is unplugged, also where the board had stalled: it then says what waits.
    """

    port: str
    bit_cycles = BIT_CYCLES
    _process: subprocess.Popen[bytes]
    _orders: IO[bytes]
    _ends: tuple[int, int]

    def __init__(self, layout, *, levels=True, frames=512, room=ROOM, cache=None):
        require("verilator")
        core = BoardCore(layout, clock_hz=CLOCK_HZ, baud=CLOCK_HZ // self.bit_cycles,
                         levels=levels, frames=frames, room=room)
        wrapper = PLAIN.format(top=TOP) if isinstance(layout, LogicLayout) else watched(
            layout.spec)
        self.streams = ["i", *(population.name for population in layout.spec.populations)]
        with tempfile.TemporaryDirectory() as folder:
            verilog = Path(folder) / f"{TOP}.v"
            verilog.write_text(to_verilog(core, f"{TOP}_core") + wrapper)
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
        try:
            self._cut()
        finally:
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
            [self.build.folder / TOP, str(self.bit_cycles), "terminal", str(board_end)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[board_end])
        assert self._process.stdin is not None and self._process.stdout is not None
        self._orders = self._process.stdin

    def _cut(self):
        told = self._process.communicate(timeout=60)[0].decode()  # The end of its orders.
        if self._process.returncode == STALLED:
            raise SimulatorError(self._describe(told))

    def _describe(self, told):
        """What waits, in the words of the watchdog: two binary numbers, the last stream first."""
        found = re.search(r"^stalled ([01]+) ([01]+)$", told, re.MULTILINE)
        assert found, told
        waits = ("nothing" if offered == "0" else f"what is {'not ' * (taken == '0')}accepted"
                 for offered, taken in zip(*map(reversed, found.groups()), strict=True))
        streams = ", ".join(f"{name} offers {what}"
                            for name, what in zip(self.streams, waits, strict=True))
        return (f"The virtual board stalled: it works on a request, and nothing has moved for "
                f"{STANDSTILL} cycles: {streams}")


def watched(spec):
    """Verilog of the module :data:`TOP`: the core and its watchdog."""
    network = "core.linked.network"
    *others, last = [f"{network}.\\{p.name} ." for p in spec.populations]
    streams = [f"{last}result__", *(f"{other}o__" for other in others[::-1]), f"{network}.i__"]
    steps = [f"{network}.words_{s.source}_{s.target}[0]" for s in spec.synapses]
    return WATCHED.format(
        top=TOP, standstill=STANDSTILL, last=len(streams) - 1, steps_last=len(steps) - 1,
        valid=", ".join(f"{stream}valid" for stream in streams),
        ready=", ".join(f"{stream}ready" for stream in streams), steps=", ".join(steps))
