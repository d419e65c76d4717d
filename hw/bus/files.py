"""The files beside the Verilog of a network on a bus.  Neither torch nor Amaranth."""

from importlib.metadata import version

from .documents import core_file, header, table
from .load import load_file
from .registers import register_map

__all__ = ["BUS_FILES", "bus_files"]

BUS_FILES = ("registers.md", "qblif.h", "load.bin", "network.core")


def bus_files(trained, generated, readback=False):
    """``{name: bytes}`` of the register table, the C header, the writes that load ``trained`` and
    the FuseSoC core.

    ``generated`` is the :class:`~qblif.hw.verilog.Generated`.
    """
    layout = generated.layout
    registers = register_map(layout, readback)
    contents = (table(registers).encode(), header(registers, layout).encode(),
                load_file(trained, layout),
                core_file(generated.manifest["top"], version("qblif"), ["network.v"]).encode())
    return dict(zip(BUS_FILES, contents, strict=True))
