"""A routed design becomes the file that the board is programmed with."""

import struct
import zlib
from dataclasses import dataclass

from .tools import SynthError, run_packer

__all__ = ["BITSTREAMS", "dfu_suffix", "pack"]


@dataclass(frozen=True)
class Format:
    """``routed``: what the placer is told to write; ``suffix`` and ``arguments`` of the packer."""

    suffix: str
    routed: tuple
    arguments: tuple


BITSTREAMS = {
    "ice40": Format("bin", ("--asc", "top.asc"), ("top.asc", "top.bin")),
    "ecp5": Format("bit", ("--textcfg", "top.config"),
                   ("--compress", "--input", "top.config", "--bit", "top.bit")),
    "himbaechel_gowin": Format("fs", ("--write", "top.pnr.json"),
                               ("-d", "GW1N-9C", "--sspi_as_gpio", "--mspi_as_gpio", "-o", "top.fs",
                                "top.pnr.json")),
}


def pack(board, folder):
    """Pack what :func:`qblif.boards.flow.implement.implement` left in ``folder``.

    Returns the suffix and the bytes; for a board that is programmed through a DFU boot loader, with
    the suffix that ``dfu-util`` asks for.
    """
    family = board.capacity.family
    format_ = BITSTREAMS[family]
    path = folder / f"top.{format_.suffix}"
    run_packer(folder, family, format_.arguments)
    if not path.is_file() or not path.stat().st_size:
        raise SynthError(f"The packer wrote no bitstream (see {folder / 'pack.log'})")
    content = path.read_bytes()
    return format_.suffix, content + dfu_suffix(content, *board.dfu) if board.dfu else content


def dfu_suffix(content, vendor, product):
    """The 16 bytes behind a DFU file, from the USB DFU 1.1 specification, appendix B."""
    suffix = struct.pack("<HHHH3sB", 0xFFFF, product, vendor, 0x0100, b"UFD", 16)
    return suffix + struct.pack("<I", zlib.crc32(content + suffix) ^ 0xFFFFFFFF)
