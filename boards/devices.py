"""The FPGAs that :mod:`qblif.boards.flow` places on: what each holds, and its family."""

from dataclasses import dataclass

from .families import ECP5, GOWIN, ICE40, XILINX, Family

__all__ = ["BOARD_DEVICES", "DEVICES", "Device", "SmallRam"]


@dataclass(frozen=True)
class SmallRam:
    """Where memories of up to ``rows`` words go on a device that has few block RAMs: registers
    (``style="logic"``), or RAMs of 16 x 4 bits in the place of LUTs (``style="distributed"``)."""

    style: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Device:
    """One FPGA: how to ask the tools for it, and its capacities as the placer counts them.

    ``options`` are the device's for yosys, ``place`` for nextpnr and ``pack`` for the packer;
    ``pll_name`` is its name in a PLL's parameters, where these have one.

    ``lut`` counts TRELLIS_COMB (ECP5: a LUT4, or one bit of a carry chain) or logic cells (iCE40: a
    LUT4 with its carry and flip-flop), LUT4 (Gowin) or LUT6 (Xilinx); ``bram`` counts blocks of
    18 kbit, or 4 kbit on iCE40; ``spram`` counts blocks of 256 kbit.  ``grid``: columns and rows of
    places, as the placer counts them; ``None`` where it is not known here.
    """

    name: str
    part: str
    family: Family
    options: str = ""
    place: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()
    pll_name: str = ""
    lut: int
    ff: int
    bram: int
    dsp: int
    spram: int = 0
    small: SmallRam | None = None
    grid: tuple[int, int] | None = None

    @property
    def synth(self):
        """yosys' command that maps to it."""
        return f"{self.family.synth} {self.options}".rstrip()

    @property
    def has_lut_ram(self):
        """Whether LUTs can be RAMs of 16 rows."""
        return self.family.lut_ram


def _ecp5(size, package, **properties):
    return Device(name=f"ecp5-{size}", family=ECP5, **properties,
                  place=(f"--{size}", "--package", package, "--speed", "6"))


def _ice40(name, package, **properties):
    return Device(name=name, family=ICE40, small=SmallRam("logic", 16), **properties,
                  place=(f"--{name}", "--package", package))


DEVICES = {device.name: device for device in (
    _ecp5("25k", "CABGA381", part="LFE5U-25F-6BG381", lut=24288, ff=24288, bram=56, dsp=28,
          grid=(73, 51)),
    _ecp5("45k", "CABGA381", part="LFE5U-45F-6BG381", lut=43848, ff=43848, bram=108, dsp=72,
          grid=(91, 72)),
    _ecp5("85k", "CABGA756", part="LFE5U-85F-6BG756", lut=83640, ff=83640, bram=208, dsp=156,
          grid=(127, 96)),
    _ice40("up5k", "sg48", part="iCE40UP5K-SG48", options="-device u -dsp -spram",
           lut=5280, ff=5280, bram=30, dsp=8, spram=4, grid=(26, 32)),
    _ice40("hx8k", "ct256", part="iCE40HX8K-CT256", options="-device hx",
           lut=7680, ff=7680, bram=32, dsp=0, grid=(34, 34)),
)}

# On boards only: the first is placed with its pins, the second by the vendor's tool.
BOARD_DEVICES = DEVICES | {device.name: device for device in (
    Device(name="gw1nr-9", part="GW1NR-LV9QN88PC6/I5", family=GOWIN, pll_name="GW1NR-9C",
           # The placer's own limit of attempts a cell was not reached in ten minutes on a full
           # device.
           place=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C",
                  "--placer-heap-cell-placement-timeout", "1000"),
           pack=("-d", "GW1N-9C"), lut=8640, ff=6480, bram=26, dsp=20,
           small=SmallRam("distributed", 64)),
    Device(name="xc7a35t", part="XC7A35T-CSG324-1L", family=XILINX,
           lut=20800, ff=41600, bram=100, dsp=90),
)}
