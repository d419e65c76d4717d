"""A virtual board whose core is the netlist that was placed and routed for the real one.

The netlist comes from :mod:`qblif.boards.flow.post_place`; the host opens it as it opens
:class:`qblif.sim.virtual_board.VirtualBoard`.
"""

import re
import tempfile
import time
from pathlib import Path

from .simulators import build_program, require
from .virtual_board import SOURCE, TOP, VirtualBoard

__all__ = ["PlacedBoard"]

POWER_UP_SECONDS = 1.0  # By then the clock is long past the board's reset of some 20 us.

# The pins as the virtual board's program has them; always busy, as only a LED would tell.
WRAPPER = """\
module {top} (input clk, input rst, input rx, output tx, output busy);
    wire clk_pin = clk, rx_pin = rx;
    assign busy = 1'b1;
    top placed (
        {pins});
endmodule
"""


class PlacedBoard(VirtualBoard):
    """A context in which the placed board is powered, with ``port``, its serial port's name.

    Parameters
    ----------
    netlist, models : str
        Verilog of the module ``top``, whose ports are a board's pins, and of its cells.
    clock : str
        Name of the board's oscillator in amaranth-boards.
    bit_cycles : int
        Clock cycles of a bit on the serial line.
    cache : folder of builds in place of the user's cache

    Raises :class:`qblif.sim.simulators.SimulatorError` where Verilator is missing or fails.
    """

    def __init__(self, netlist, models, *, clock, bit_cycles, cache=None):
        require("verilator")
        self.bit_cycles = bit_cycles
        with tempfile.TemporaryDirectory() as folder:
            sources = {f"{TOP}.v": wrap(netlist, clock), "netlist.v": netlist, "cells.v": models}
            for name, text in sources.items():
                (Path(folder) / name).write_text(text)
            self.build = build_program([*(Path(folder) / name for name in sources), SOURCE], TOP,
                                       cache)

    def __enter__(self):
        super().__enter__()
        time.sleep(POWER_UP_SECONDS)
        return self


def wrap(netlist, clock):
    """Verilog of the module around ``top``."""
    pins = {f"{clock}_0__io": "clk_pin", "uart_0__rx__io": "rx_pin", "uart_0__tx__io": "tx"}
    if re.search(r"^  input pll_clock;", netlist, re.MULTILINE):
        pins |= {"pll_clock": "clk", "pll_lock": "!rst"}
    return WRAPPER.format(top=TOP, pins=",\n        ".join(f".{pin}({net})"
                                                           for pin, net in pins.items()))
