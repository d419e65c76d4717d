"""``python -m qblif.benchmarks``: measure rows of docs/results.md, and render its tables."""

from pathlib import Path
from typing import Annotated

import typer

from ..cli.common import console, table
from ..cli.main import run_app
from ..golden.spec.errors import InvalidValue, QblifError
from .measure import load_records, measure
from .render import render_pages
from .rows import ROWS
from .tree import describe_tree

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def benchmarks(
    rows: Annotated[list[str] | None, typer.Argument(
        metavar="[ROW...]", help="Rows to measure, as --list has them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Measure every row: hours.")] = False,
    stale: Annotated[bool, typer.Option(
        "--stale", help="Measure the rows that are of other sources than these.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Show the rows, and what they are of.")]
    = False,
    render: Annotated[bool, typer.Option(
        "--render", help="Write the tables of docs/results.md from the records.")] = False,
    mnist: Annotated[Path | None, typer.Option(
        metavar="DIR", envvar="QBLIF_MNIST", help="Folder with MNIST's four files.")] = None,
    cifar: Annotated[Path | None, typer.Option(
        metavar="DIR", envvar="QBLIF_CIFAR", help="Folder with CIFAR-10's binary files.")] = None,
    keep: Annotated[Path | None, typer.Option(
        metavar="DIR", help="Keep what the commands write in DIR/ROW, for qblif report --results.")]
    = None,
):
    """Measure rows of docs/results.md into benchmarks/records, and render its tables from there."""
    chosen = choose(rows or [], everything, stale)
    folders = {"MNIST": mnist, "CIFAR": cifar}
    folders = {name: path.resolve() for name, path in folders.items() if path}
    failed = [row.name for k, row in enumerate(chosen, 1)
              if not run(row, folders, f"{k} of {len(chosen)}", keep and keep.resolve())]
    if render:
        console.print(*(render_pages() or ["no table changed"]))
    if show or not (chosen or render):
        console.print(listing())
    if failed:
        raise QblifError(f"Not measured: {', '.join(failed)}")


def run(row, folders, place, keep=None):
    """Measure ``row`` and say how it went; whether it worked, so that the others run anyway."""
    console.rule(f"{place}: {row.name}")
    console.print(row.described, style="dim", markup=False, soft_wrap=True)
    try:
        record = measure(row, folders, keep=keep)
    except QblifError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return False
    console.print(f"{row.name}: {record['seconds']:.0f} s", markup=False)
    return True


def choose(names, everything, stale):
    """The rows that are asked for, in the list's order."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise InvalidValue(f"Row must be one of {', '.join(ROWS)}, not {unknown[0]!r}")
    old = stale and {name for name, text in states().items() if text != "of these sources"}
    return [row for name, row in ROWS.items()
            if everything or name in names or (old and name in old)]


def states():
    """What each row's record is of."""
    here, records = describe_tree(), load_records()

    def state(name):
        record = records.get(name)
        if record is None:
            return "not measured"
        same = record["tree"] == here["tree"] and not (record["dirty"] or here["dirty"])
        return "of these sources" if same else f"of {record['commit']}"
    return {name: state(name) for name in ROWS}


def listing():
    found = states()
    return table("Rows", [(name, found[name], row.described)
                          for name, row in ROWS.items()], ("row", "record", "command"))


if __name__ == "__main__":
    run_app(app)
