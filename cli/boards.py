"""``qblif boards``: the boards that bitstreams are made for, and what fits on them."""

from pathlib import Path
from typing import Annotated

import typer

from .common import OutOption, console, make_folder, open_network, table, write_report

__all__ = ["boards"]


def boards(
    file: Annotated[Path | None, typer.Argument(
        metavar="[FILE]", help="Network file: adds the most lanes that may fit.")] = None,
    out: OutOption = Path("out"),
):
    """List the boards, their FPGAs and memory, and what a network would get on them.

    Lanes are those that the memories allow; `qblif build` finds out what places and meets a clock.
    """
    from ..boards.catalogue import BOARDS
    from ..boards.fit import weight_capacity
    trained = open_network(file) if file else None
    folder = make_folder(out)
    rows, report = [], []
    for board in BOARDS.values():
        device = board.capacity
        entry = {"board": board.name, "title": board.title, "part": board.part,
                 "memory_kbit": round(weight_capacity(device)), "lut": device.lut,
                 "placed_here": bool(board.place)}
        if trained:
            entry["lanes"] = most_lanes(trained, board)
        report.append(entry)
        rows.append((board.name, board.part, device.lut, f"{entry['memory_kbit']} kbit",
                     "bitstream" if board.place else "build plan",
                     *([entry["lanes"] or "too small"] if trained else [])))
    columns = ("board", "FPGA", "LUTs", "memory", "makes", *(["lanes up to"] if trained else []))
    console.print(table("Boards", rows, columns))
    write_report(folder, "boards", report)


def most_lanes(trained, board):
    """The largest lane count whose memories fit, or ``None``."""
    from ..boards.fit import candidates, need, plan_for_board, refusal
    device = board.capacity
    for lanes in candidates(trained.spec):
        plan = plan_for_board(trained.spec, device, lanes, trained.notes.get("activity"))
        if not refusal(need(trained.spec, plan, device, board.levels), device):
            return lanes
    return None
