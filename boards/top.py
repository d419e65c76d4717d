"""The top of a board: clock, the network's core behind the serial port, and what the LEDs show."""

from amaranth import *
from amaranth.lib import io
from amaranth_boards.resources import UARTResource

from .clock import ClockSource

__all__ = ["Top"]


class Top(Elaboratable):
    """Connects ``core`` to the pins of ``board``.

    The first LED is lit while the network is armed, the second while a frame is under way; more
    LEDs show the last frame's class as a binary number.

    Parameters
    ----------
    board : :class:`qblif.boards.catalogue.Board`
    core : :class:`qblif.hw.link.board_core.BoardCore`
    clock_mhz : float
        What ``pll`` makes, or the board's own oscillator.
    pll : :class:`qblif.boards.pll.Pll` or ``None``
    """

    def __init__(self, board, core, *, clock_mhz, pll=None):
        self.board = board
        self.core = core
        self.clock_mhz = clock_mhz
        self.pll = pll

    def elaborate(self, platform):
        m = Module()
        board, core = self.board, self.core
        m.domains.sync = ClockDomain()
        m.submodules.clock = ClockSource(
            device=board.fpga, resource=board.clock, clock_hz=self.clock_mhz * 1e6, pll=self.pll,
            pad=board.pll_pad)
        m.submodules.core = core
        serial = serial_pins(platform, board)
        m.submodules.rx_pin = rx = io.Buffer("i", serial.rx)
        m.submodules.tx_pin = tx = io.Buffer("o", serial.tx)
        m.d.comb += [core.rx.eq(rx.i), tx.o.eq(core.tx)]  # The core synchronises rx.

        label = Signal.like(core.label)
        with m.If(core.label_valid):
            m.d.sync += label.eq(core.label)
        shown = [core.armed, core.busy, *label]
        for k, (pin, value) in enumerate(zip(led_pins(platform, board), shown, strict=False)):
            m.submodules[f"led_{k}"] = led = io.Buffer("o", pin)
            m.d.comb += led.o.eq(value)
        return m


def serial_pins(platform, board):
    """The board's serial port; where it has none, one on two pins of its header."""
    if board.serial_header:
        rx, tx = board.serial_header
        platform.add_resources([UARTResource(0, rx=rx, tx=tx, conn=("io", 0),
                                             attrs=board.header_attributes())])
    names = [part.name for part in platform.lookup("uart", 0).ios]
    return platform.request("uart", 0, dir=dict.fromkeys(names, "-"))


def led_pins(platform, board):
    """Pins of the board's LEDs, in the order in which they are named; each is requested once."""
    found = {}
    for name in board.leds:
        resource, _, part = name.partition(".")
        kind, number = resource.rsplit("_", 1)
        if resource not in found:
            parts = [p.name for p in platform.lookup(kind, int(number)).ios if hasattr(p, "name")]
            found[resource] = platform.request(
                kind, int(number), dir=dict.fromkeys(parts, "-") if parts else "-")
        yield getattr(found[resource], part) if part else found[resource]
