"""The FPGAs that :mod:`qblif.boards.flow.synth` places on: one line each, with what they hold."""

from dataclasses import dataclass

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

    ``lut`` counts TRELLIS_COMB (ECP5: a LUT4, or one bit of a carry chain) or logic cells (iCE40: a
    LUT4 with its carry and flip-flop), LUT4 (Gowin) or LUT6 (Xilinx); ``bram`` counts blocks of
    18 kbit, or 4 kbit on iCE40; ``spram`` counts blocks of 256 kbit.
    """

    part: str
    family: str
    place: tuple
    synth: str
    lut: int
    ff: int
    bram: int
    dsp: int
    spram: int = 0
    small: SmallRam | None = None

    @property
    def has_lut_ram(self):
        """Whether LUTs can be RAMs of 16 rows."""
        return self.family != "ice40"


def _ecp5(part, size, package, **capacities):
    return Device(part=part, family="ecp5", synth="synth_lattice -family ecp5", **capacities,
                  place=(f"--{size}", "--package", package, "--speed", "6"))


def _ice40(part, size, package, synth, **capacities):
    return Device(part=part, family="ice40", synth=f"synth_ice40 {synth}", **capacities,
                  place=(f"--{size}", "--package", package), small=SmallRam("logic", 16))


DEVICES = {
    "ecp5-25k": _ecp5("LFE5U-25F-6BG381", "25k", "CABGA381",
                      lut=24288, ff=24288, bram=56, dsp=28),
    "ecp5-45k": _ecp5("LFE5U-45F-6BG381", "45k", "CABGA381",
                      lut=43848, ff=43848, bram=108, dsp=72),
    "ecp5-85k": _ecp5("LFE5U-85F-6BG756", "85k", "CABGA756",
                      lut=83640, ff=83640, bram=208, dsp=156),
    "up5k": _ice40("iCE40UP5K-SG48", "up5k", "sg48", "-device u -dsp -spram",
                   lut=5280, ff=5280, bram=30, dsp=8, spram=4),
    "hx8k": _ice40("iCE40HX8K-CT256", "hx8k", "ct256", "-device hx",
                   lut=7680, ff=7680, bram=32, dsp=0),
}

# On boards only: the first is placed with its pins, the second by the vendor's tool.
BOARD_DEVICES = DEVICES | {
    "gw1nr-9": Device(part="GW1NR-LV9QN88PC6/I5", family="himbaechel_gowin",
                      synth="synth_gowin", place=(), lut=8640, ff=6480, bram=26, dsp=20,
                      small=SmallRam("distributed", 64)),
    "xc7a35t": Device(part="XC7A35T-CSG324-1L", family="xilinx", synth="", place=(),
                      lut=20800, ff=41600, bram=100, dsp=90),
}
