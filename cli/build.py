"""``qblif build``: a network file to a bitstream for a board."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec.errors import InvalidValue
from .common import (
    DataOption,
    NetworkArgument,
    OutOption,
    SeedOption,
    TimeOption,
    choose_images,
    console,
    dataset,
    lanes_text,
    layout_for,
    make_folder,
    open_network,
    show_report,
    spinner,
    table,
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

__all__ = ["build"]

SLOWEST = 9600  # Baud.


def build(
    context: typer.Context,
    file: NetworkArgument,
    board: Annotated[str, typer.Option(
        "--board", metavar="NAME", help="One that `qblif boards` lists.")],
    out: OutOption = Path("out"),
    lanes: Annotated[str | None, typer.Option(
        metavar="N[,N..]", help="Synaptic additions per cycle in the busiest stage, or one number "
        "for each stage. Default: the fastest plan that fits and meets a clock.")] = None,
    time: TimeOption = "inner",
    frequency: Annotated[float | None, typer.Option(
        metavar="MHZ", help="Clock. Default: the fastest that the routed design meets.")] = None,
    baud: Annotated[str | None, typer.Option(
        metavar="N|fastest", help="Of the serial port; `fastest`: what the board's adapter has and "
        "the clock divides to. Default: 921600.")] = None,
    check_netlist: Annotated[int, typer.Option(
        "--check-netlist", min=0, metavar="N", help="iCE40: simulate the routed netlist, load the "
        "weights through its serial pins, and compare N test images with the integer model.")] = 0,
    data: DataOption = None,
    seed: SeedOption = 1,
    logic: LogicOption = False,
    adders: AddersOption = "compressors",
    row: RowOption = 2,
    pixels: PixelsOption = False,
    interleave: InterleaveOption = False,
):
    """Make a bitstream: DIR/BOARD.bin, .bit or .fs, and DIR/build.json.

    The weights are not in it: `qblif load` brings them, so one bitstream serves every training of
    a network. With --logic they are, and `qblif run` loads frames and plays them. Exit code 1 where
    --check-netlist finds a difference.
    """
    check_options(context, logic)
    rate = _rate(baud)
    from ..boards.catalogue import find_board
    found = find_board(board)
    trained = open_network(file)
    if logic:
        from ..boards.logic import build_logic
        make = partial(build_logic, logic_layout(trained, adders, row, pixels, interleave), found)
    else:
        make = _engine(trained, found, lanes, time, check_netlist)
    images = _images(trained, data, check_netlist) if check_netlist else ()
    folder = make_folder(out, "check-netlist")
    with spinner() as line:
        task = line.add_task(found.title, total=None)
        report = make(out_dir=folder, frequency=frequency, seed=seed, baud=rate,
                      progress=lambda text: line.update(task, description=text))
    console.print(table(f"{found.title}, {report['part']}", list(rows(report))))
    if report["bitstream"]:
        console.print(f"Next: qblif program {folder / report['bitstream']} --board {board}",
                      markup=False, soft_wrap=True)
        if report["baud"] != found.baud:
            console.print(f"Then load, run and stream with --baud {report['baud']}")
    else:
        console.print(f"Not placed here. The vendor's tool runs {folder / 'plan/build_top.sh'}",
                      markup=False, soft_wrap=True)
    show_report(folder, "build")
    if check_netlist and not compare(trained, found, folder, images):
        raise typer.Exit(1)


def _engine(trained, board, lanes, time, check_netlist):
    """The build of a network in memories, but for the options that logic has too."""
    from ..boards.build import build as make
    if check_netlist:
        from .check_netlist import build_with_netlist as make
    if time == "outer" and lanes is None:
        raise InvalidValue("--time outer needs --lanes: the search for a plan has timesteps "
                           "innermost")
    several = time == "outer" or lanes is not None and not (lanes.isdecimal() and int(lanes))
    chosen = {"layout": layout_for(trained, lanes, order=time)} if several else {
        "lanes": int(lanes) if lanes else None}
    return partial(make, trained, board, **chosen)


def _rate(text):
    """The serial rate that ``--baud`` names."""
    from ..boards.build import FASTEST
    if text in (None, FASTEST):
        return text
    if not text.isdecimal() or int(text) < SLOWEST:
        raise InvalidValue(f"--baud must be {FASTEST} or at least {SLOWEST}, not {text}")
    return int(text)


def _images(trained, data, count):
    """Input levels of the first ``count`` test images."""
    pixels, _ = choose_images(dataset(data, trained), count, trained.spec)
    return trained.spec.input.levels_of(pixels)


def compare(trained, board, folder, frames):
    """The routed netlist against the integer model; whether they agree."""
    from .check_netlist import check_netlist
    with spinner() as line:
        task = line.add_task("netlist", total=None)
        found = check_netlist(trained, board, frames, out_dir=folder,
                              progress=lambda text: line.update(task, description=text))
    levels = sum(found.level_mismatches.values())
    console.print(table(f"{found.images} images on the routed netlist", [
        ("cells", f"{found.cells.total():,}"),
        ("levels that differ", f"{levels} of {found.levels_compared}"),
        ("classes that differ", found.class_mismatches)]))
    write_report(folder, "check-netlist", {
        "ok": found.ok, "images": found.images, "cells": dict(found.cells),
        "levels_compared": found.levels_compared, "mismatches": {
            "levels": levels, "classes": found.class_mismatches},
        "cycles": list(found.cycles), "seconds": {
            "build": round(found.build_seconds, 1), "load": round(found.load_seconds, 1),
            "run": round(found.run_seconds, 1)}})
    return found.ok


def rows(report):
    """What ``build.json`` says, for people."""
    if "lanes" in report:
        yield "lanes", ", ".join(map(lanes_text, report["lanes"]))
    else:
        yield "frames that it holds", f"{report['frames']:,}"
        yield "latency, clocks", report["latency"]
    if report["bitstream"]:
        for kind, label in (("lut", "LUTs"), ("bram", "block RAMs"), ("spram", "single-port RAMs")):
            if report["capacities"][kind]:
                yield label, f"{report[kind]} of {report['capacities'][kind]}"
        yield "clock", f"{report['clock_mhz']:g} MHz (routed for {report['fmax_mhz']:.1f})"
    else:
        yield "clock", f"{report['clock_mhz']:g} MHz"
    yield "images a second, core", f"{report['images_per_second']:,}"
    for line in report.get("line", ()):
        yield (f"load, and images a second, at {line['baud']:,} baud",
               f"{line['load_seconds']:.2f} s, {line['images_per_second']:,}" + (
                   "" if line["baud"] == report["baud"] else " (--baud fastest)"))
