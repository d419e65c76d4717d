"""``qblif boards``: the boards that bitstreams are made for, and what fits on them."""

from pathlib import Path
from typing import Annotated

import typer

from .common import OutOption, console, lanes_text, make_folder, open_network, table, write_report

__all__ = ["boards"]


def boards(
    file: Annotated[Path | None, typer.Argument(
        metavar="[FILE]", help="Network file: adds the lanes that it may get.")] = None,
    out: OutOption = Path("out"),
):
    """List the boards, their FPGAs and memory, and what a network would get on them.

    Lanes are an estimate; `qblif build` finds out what places and meets a clock.
    """
    from ..boards.catalogue import BOARDS
    from ..boards.fit import weight_capacity
    trained = open_network(file) if file else None
    folder = make_folder(out)
    rows, report = [], []
    for board in BOARDS.values():
        device = board.fpga
        entry = {"board": board.name, "title": board.title, "part": board.part,
                 "memory_kbit": round(weight_capacity(device)), "lut": device.lut,
                 "placed_here": board.placed_here}
        if trained:
            entry["lanes"] = most_lanes(trained, board)
        report.append(entry)
        rows.append((board.name, board.part, device.lut, f"{entry['memory_kbit']} kbit",
                     "bitstream" if board.placed_here else "build plan",
                     *([words(entry["lanes"])] if trained else [])))
    columns = ("board", "FPGA", "LUTs", "memory", "makes", *(["lanes"] if trained else []))
    console.print(table("Boards", rows, columns))
    write_report(folder, "boards", report)


def words(stages):
    return ", ".join(map(lanes_text, stages)) if stages else "too small"


def most_lanes(trained, board):
    """Lanes of each stage in the fastest plan that should fit, or ``None``."""
    from ..boards.allocate import Allocator
    allocator = Allocator(trained.spec, board.fpga, trained.activity, link=True,
                          levels=board.levels)
    plan = next(allocator.plans(), None)
    return plan and [list(stage.lanes) for stage in plan.stages]
