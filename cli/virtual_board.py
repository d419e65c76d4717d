"""``qblif virtual-board``: a simulated board behind a pseudo-terminal."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from .common import (
    BurstOption,
    LanesOption,
    NetworkArgument,
    OutOption,
    QuantiserOption,
    TimeOption,
    console,
    layout_for,
    make_folder,
    open_network,
    spinner,
    write_report,
)

__all__ = ["virtual_board"]


def virtual_board(
    file: NetworkArgument,
    lanes: LanesOption = "16",
    burst: BurstOption = "shift",
    quantiser: QuantiserOption = None,
    time: TimeOption = "inner",
    levels: Annotated[bool, typer.Option(
        help="Record every level of a frame, for `qblif run --check`.")] = True,
    out: OutOption = Path("out"),
):
    """Simulate a board for the network until interrupted, and print its serial port.

    `qblif load`, `qblif run` and `qblif stream` in another terminal take the port for a real
    board's.
    """
    from ..sim.virtual_board import VirtualBoard

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # And unplug it.
    trained = open_network(file)
    layout = layout_for(trained, lanes, burst, quantiser, time)
    folder = make_folder(out, "virtual-board")
    with spinner() as line:
        line.add_task("build the board on Verilator", total=None)
        board = VirtualBoard(layout, levels=levels)
    with board:
        console.print(f"Serial port: {board.port}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"In another terminal: qblif load {file} --port {board.port}", style="dim",
                      markup=False, soft_wrap=True)
        write_report(folder, "virtual-board", {
            "port": board.port, "network_digest": trained.spec.digest, "levels": levels,
            "lanes": [list(stage.lanes) for stage in layout.plan.stages]})
        console.file.flush()
        board.wait()
