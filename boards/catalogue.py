"""The boards that ``qblif build`` knows: one entry each, pins from amaranth-boards."""

import importlib
from dataclasses import dataclass

from ..golden.spec.errors import InvalidValue
from .devices import BOARD_DEVICES

__all__ = ["BOARDS", "Board", "find_board"]

# Serial rates of USB adapters, the fastest first: parts of the highest that the data sheets of the
# FT2232H (DS_FT2232H: 12 Mbaud) and of the FT231X (DS_FT231X: 3 Mbaud) name.
FT2232H = (12_000_000, 8_000_000, 6_000_000, 4_000_000, 3_000_000, 2_000_000, 1_000_000)
FT231X = FT2232H[4:]
BL702 = FT2232H[4:]  # Of the Tang Nano 9K: sipeed/TangNano-9K-example, issue 7, saw 3 Mbaud work.


@dataclass(frozen=True, kw_only=True)
class Board:
    """What the flow needs to know of a board beyond its pins.

    ``platform`` names a class of amaranth-boards, ``program`` the board for openFPGALoader.
    ``package`` names the FPGA, and ``package_place`` tells the placer its package and speed, where
    they are not the device's own.  ``clocks`` are frequencies in MHz to try, the fastest first; the
    first that a placed design meets is taken.  With ``pll_pad`` the oscillator's pin feeds the PLL
    itself, without an input buffer.  ``leds`` show armed, busy, then bits of the class.  ``levels``
    says whether the core records every level, which takes block RAM.  ``rates`` are those of the
    serial adapter on board, the fastest first.  ``serial_header`` are the receive and transmit pins
    where there is none.  ``dfu`` is vendor and product of a boot loader.
    """

    name: str
    title: str
    device: str
    package: str = ""
    package_place: tuple = ()
    platform: str
    clock: str
    oscillator_mhz: float
    clocks: tuple
    leds: tuple
    pll_pad: bool = False
    serial_header: tuple = ()
    baud: int = 921_600
    rates: tuple = FT2232H
    levels: bool = True
    dfu: tuple = ()
    program: str = ""

    @property
    def part(self):
        """The FPGA's name; one device comes in several packages."""
        return self.package or self.fpga.part

    @property
    def fpga(self):
        """The :class:`qblif.boards.devices.Device` on it."""
        return BOARD_DEVICES[self.device]

    @property
    def place(self):
        """What the placer is told of the FPGA."""
        return self.package_place or self.fpga.place

    @property
    def placed_here(self):
        """Whether a bitstream is made; if not, a build plan for the vendor's tool."""
        return self.fpga.family.placer is not None

    def fastest_baud(self, clock_hz):
        """The highest rate of the board's serial adapter that the clock divides to."""
        from ..hw.link.serial import bit_cycles
        for rate in self.rates:
            try:
                bit_cycles(clock_hz, rate)
            except InvalidValue:
                continue
            return rate
        return self.baud

    def make_platform(self):
        """A fresh Amaranth platform: one serves one build."""
        module, name = self.platform.split(":")
        return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)()

    def header_attributes(self):
        from amaranth.build import Attrs
        return Attrs(IO_TYPE="LVCMOS33")


def find_board(name):
    """The board called ``name``; raises :class:`ValueError`."""
    if name not in BOARDS:
        raise InvalidValue(f"Board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]


BOARDS = {board.name: board for board in (
    Board(
        name="icebreaker", title="1BitSquared iCEBreaker", device="up5k",
        platform="icebreaker:ICEBreakerPlatform", clock="clk12", oscillator_mhz=12,
        clocks=(30, 27, 24, 21, 12), pll_pad=True,
        leds=("led_g_0", "led_r_0"), levels=False,
        program="ice40_generic"),
    Board(
        name="hx8k_b_evn", title="Lattice iCE40-HX8K breakout", device="hx8k",
        platform="ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform", clock="clk12", oscillator_mhz=12,
        clocks=(72, 60, 48, 36, 24, 12),
        leds=tuple(f"led_{n}" for n in range(8)), levels=False,
        program="ice40_generic"),
    Board(
        name="ulx3s_85f", title="Radiona ULX3S 85F", device="ecp5-85k",
        package="LFE5U-85F-6BG381", rates=FT231X,
        platform="ulx3s:ULX3S_85F_Platform", clock="clk25", oscillator_mhz=25,
        clocks=(112.5, 100, 87.5, 75, 62.5, 50, 25),
        leds=tuple(f"led_{n}" for n in range(8)),
        package_place=("--85k", "--package", "CABGA381", "--speed", "6"), program="ulx3s"),
    Board(
        name="orangecrab_85f", title="OrangeCrab r0.2 85F", device="ecp5-85k",
        package="LFE5U-85F-8MG285",
        platform="orangecrab_r0_2:OrangeCrabR0_2_85FPlatform", clock="clk", oscillator_mhz=48,
        clocks=(120, 108, 96, 84, 72, 60, 48),
        leds=("rgb_led_0.g", "rgb_led_0.b"), serial_header=("0", "1"), dfu=(0x1209, 0x5AF0),
        package_place=("--85k", "--package", "CSFBGA285", "--speed", "8"), program="orangeCrab"),
    Board(
        name="tang_nano_9k", title="Sipeed Tang Nano 9K", device="gw1nr-9", rates=BL702,
        platform="tang_nano_9k:TangNano9kPlatform", clock="clk27", oscillator_mhz=27,
        clocks=(81, 72, 63, 54, 45, 36, 27),
        leds=tuple(f"led_{n}" for n in range(6)),
        program="tangnano9k"),
    Board(
        name="arty_a7_35", title="Digilent Arty A7-35", device="xc7a35t",
        platform="arty_a7:ArtyA7_35Platform", clock="clk100", oscillator_mhz=100, clocks=(100,),
        leds=tuple(f"led_{n}" for n in range(4)), program="arty_a7_35t"),
)}
