"""The FPGA families: all that the flow knows of one lies in one frozen object, in one file.

Nothing outside this folder compares a family's name or keys a table by it.  docs/boards.md says how
to add one.
"""

from .ecp5 import ECP5
from .family import Family
from .gowin import GOWIN
from .ice40 import ICE40
from .xilinx import XILINX

__all__ = ["ECP5", "FAMILIES", "Family", "GOWIN", "ICE40", "XILINX"]

FAMILIES = {family.name: family for family in (ECP5, ICE40, GOWIN, XILINX)}
