"""The boards that ``qblif build`` knows: one entry each, pins from amaranth-boards."""

import importlib
from dataclasses import dataclass

from .devices import BOARD_DEVICES

__all__ = ["BOARDS", "Board", "find_board"]


@dataclass(frozen=True, kw_only=True)
class Board:
    """What the flow needs to know of a board beyond its pins.

    ``platform`` names a class of amaranth-boards, ``package`` the FPGA where it is not the
    device's own, ``program`` the board for openFPGALoader.  ``clocks`` are frequencies in MHz to
    try, the fastest first; the first that a placed design meets is taken.  ``pll`` is the family of
    :func:`qblif.boards.pll.find_pll`, or empty, with ``pll_pad`` fed by the pin itself.  ``leds``
    show armed, busy, then bits of the class.  ``levels`` says whether the core records every level,
    which takes block RAM.  ``serial_header`` are the receive and transmit pins where no serial chip
    is on board.  ``place`` is what the placer is told about package and speed; without it, the
    vendor's tool places and the board gets a build plan only.  ``dfu`` is vendor and product of a
    boot loader.
    """

    name: str
    title: str
    device: str
    package: str = ""
    platform: str
    clock: str
    oscillator_mhz: float
    clocks: tuple
    leds: tuple
    pll: str = ""
    pll_pad: bool = False
    serial_header: tuple = ()
    baud: int = 921_600
    levels: bool = True
    place: tuple = ()
    dfu: tuple = ()
    program: str = ""

    @property
    def part(self):
        """The FPGA's name; one device comes in several packages."""
        return self.package or self.capacity.part

    @property
    def capacity(self):
        """The :class:`qblif.boards.devices.Device` on it."""
        return BOARD_DEVICES[self.device]

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
        raise ValueError(f"Board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]


BOARDS = {board.name: board for board in (
    Board(
        name="icebreaker", title="1BitSquared iCEBreaker", device="up5k",
        platform="icebreaker:ICEBreakerPlatform", clock="clk12", oscillator_mhz=12,
        clocks=(30, 27, 24, 21, 12), pll="ice40", pll_pad=True,
        leds=("led_g_0", "led_r_0"), levels=False, place=("--up5k", "--package", "sg48"),
        program="ice40_generic"),
    Board(
        name="hx8k_b_evn", title="Lattice iCE40-HX8K breakout", device="hx8k",
        platform="ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform", clock="clk12", oscillator_mhz=12,
        clocks=(72, 60, 48, 36, 24, 12), pll="ice40",
        leds=tuple(f"led_{n}" for n in range(8)), levels=False,
        place=("--hx8k", "--package", "ct256"),
        program="ice40_generic"),
    Board(
        name="ulx3s_85f", title="Radiona ULX3S 85F", device="ecp5-85k",
        package="LFE5U-85F-6BG381",
        platform="ulx3s:ULX3S_85F_Platform", clock="clk25", oscillator_mhz=25,
        clocks=(112.5, 100, 87.5, 75, 62.5, 50, 25), pll="ecp5",
        leds=tuple(f"led_{n}" for n in range(8)),
        place=("--85k", "--package", "CABGA381", "--speed", "6"), program="ulx3s"),
    Board(
        name="orangecrab_85f", title="OrangeCrab r0.2 85F", device="ecp5-85k",
        package="LFE5U-85F-8MG285",
        platform="orangecrab_r0_2:OrangeCrabR0_2_85FPlatform", clock="clk", oscillator_mhz=48,
        clocks=(120, 108, 96, 84, 72, 60, 48), pll="ecp5",
        leds=("rgb_led_0.g", "rgb_led_0.b"), serial_header=("0", "1"), dfu=(0x1209, 0x5AF0),
        place=("--85k", "--package", "CSFBGA285", "--speed", "8"), program="orangeCrab"),
    Board(
        name="tang_nano_9k", title="Sipeed Tang Nano 9K", device="gw1nr-9",
        platform="tang_nano_9k:TangNano9kPlatform", clock="clk27", oscillator_mhz=27,
        clocks=(81, 72, 63, 54, 45, 36, 27), pll="gowin",
        leds=tuple(f"led_{n}" for n in range(6)),
        # The placer's own limit of attempts a cell was not reached in ten minutes on a full device.
        place=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C",
               "--placer-heap-cell-placement-timeout", "1000"),
        program="tangnano9k"),
    Board(
        name="arty_a7_35", title="Digilent Arty A7-35", device="xc7a35t",
        platform="arty_a7:ArtyA7_35Platform", clock="clk100", oscillator_mhz=100, clocks=(100,),
        leds=tuple(f"led_{n}" for n in range(4)), program="arty_a7_35t"),
)}
