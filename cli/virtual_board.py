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
from .logic import (
    AddersOption,
    InterleaveOption,
    LogicOption,
    PixelsOption,
    RowOption,
    check_options,
    logic_layout,
)

__all__ = ["virtual_board"]


def virtual_board(
    context: typer.Context,
    file: NetworkArgument,
    lanes: LanesOption = "16",
    burst: BurstOption = "shift",
    quantiser: QuantiserOption = None,
    time: TimeOption = "inner",
    levels: Annotated[bool, typer.Option(
        help="Record every level of a frame, for `qblif run --check`.")] = True,
    logic: LogicOption = False,
    adders: AddersOption = "compressors",
    row: RowOption = 2,
    pixels: PixelsOption = False,
    interleave: InterleaveOption = False,
    frames: Annotated[int, typer.Option(
        min=1, max=65_536, help="With --logic: how many frames it holds at once.")] = 512,
    out: OutOption = Path("out"),
):
    """Simulate a board for the network until interrupted, and print its serial port.

    `qblif load`, `qblif run` and `qblif stream` in another terminal take the port for a real
    board's. With --logic the weights are in it, and `qblif run` loads frames.
    """
    from ..sim.virtual_board import VirtualBoard

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # And unplug it.
    check_options(context, logic)
    trained = open_network(file)
    layout = logic_layout(trained, adders, row, pixels, interleave) if logic else layout_for(
        trained, lanes, burst, quantiser, time)
    folder = make_folder(out, "virtual-board")
    with spinner() as line:
        line.add_task("build the board on Verilator", total=None)
        board = VirtualBoard(layout, levels=levels, frames=frames)
    with board:
        console.print(f"Serial port: {board.port}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"In another terminal: qblif {'run' if logic else 'load'} {file} "
                      f"--port {board.port}", style="dim", markup=False, soft_wrap=True)
        write_report(folder, "virtual-board", {
            "port": board.port, "network_digest": trained.spec.digest} | (
            {"logic": True, "pixels": pixels, "interleaved": interleave, "frames": frames,
             "latency": layout.latency}
            if logic else {
                "levels": levels, "lanes": [list(stage.lanes) for stage in layout.plan.stages]}))
        console.file.flush()
        board.wait()
