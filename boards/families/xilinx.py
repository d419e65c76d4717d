"""Xilinx 7 series: sizes only, as no open placer for it is packaged; the vendor's tool does it."""

from .family import BlockRam, Family

__all__ = ["XILINX"]

XILINX = Family(
    name="xilinx",
    cells={},
    block_ram=BlockRam(bits=18432, widths=(1, 2, 4, 9, 18, 36)),
    lut_scale=0.7,
)
