"""``qblif program``: a bitstream onto a board."""

from pathlib import Path
from typing import Annotated

import typer

from .common import OutOption, console, make_folder, write_report

__all__ = ["program"]


def program(
    bitstream: Annotated[Path, typer.Argument(
        metavar="BITSTREAM", help="As `qblif build` writes it.")],
    board: Annotated[str, typer.Option(
        "--board", metavar="NAME", help="One that `qblif boards` lists.")],
    flash: Annotated[bool, typer.Option(
        help="Into the flash, so that it survives power-off.")] = False,
    out: OutOption = Path("out"),
):
    """Program a board over USB."""
    from ..boards.catalogue import find_board
    from ..boards.program import program as run
    found = find_board(board)
    folder = make_folder(out, "program")
    tool = run(bitstream, found, flash=flash)
    console.print(f"{found.title}: programmed with {tool}")
    write_report(folder, "program", {"board": found.name, "bitstream": str(bitstream),
                                     "flash": flash, "tool": tool})
