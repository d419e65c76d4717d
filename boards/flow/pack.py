"""A routed design becomes the file that the board is programmed with."""

import struct
import zlib

from .tools import SynthError, run_packer

__all__ = ["dfu_suffix", "pack"]


def pack(board, folder):
    """Pack what :func:`qblif.boards.flow.implement.implement` left in ``folder``.

    Returns the file name's suffix and the bytes; for a board that is programmed through a DFU boot
    loader, these end in the suffix that ``dfu-util`` asks for.  Raises :class:`SynthError`.
    """
    packer = board.fpga.family.packer
    path = folder / f"top.{packer.suffix}"
    path.unlink(missing_ok=True)
    run_packer(folder, packer, board.fpga.pack)
    if not path.is_file() or not path.stat().st_size:
        raise SynthError(f"The packer wrote no bitstream (see {folder / 'pack.log'})")
    content = path.read_bytes()
    return packer.suffix, content + dfu_suffix(content, *board.dfu) if board.dfu else content


def dfu_suffix(content, vendor, product):
    """The 16 bytes behind a DFU file, from the USB DFU 1.1 specification, appendix B."""
    suffix = struct.pack("<HHHH3sB", 0xFFFF, product, vendor, 0x0100, b"UFD", 16)
    return suffix + struct.pack("<I", zlib.crc32(content + suffix) ^ 0xFFFFFFFF)
