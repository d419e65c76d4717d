"""``qblif sweep``: many points of network and hardware, and the best of them."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec.errors import QblifError
from .common import (
    DaskOption,
    OutOption,
    WorkersOption,
    console,
    make_folder,
    progress_bar,
    show_report,
    table,
)

__all__ = ["sweep"]

HEADS = {"cycles": "cycles an image", "luts": "LUTs", "block_rams": "block RAMs",
         "fmax": "Fmax, MHz", "energy": "nJ an image"}
DIGITS = {"accuracy": ".2%", "cycles": ",.1f", "luts": ",.0f", "block_rams": ",.0f",
          "fmax": ".1f", "energy": ",.1f"}


def sweep(
    space: Annotated[Path, typer.Argument(
        metavar="SPACE", help="TOML file: what varies, and what is measured; docs/sweep.md.")],
    out: OutOption = Path("out"),
    dask: DaskOption = None,
    workers: WorkersOption = None,
):
    """Measure the points of a space: DIR/sweep.json, and the Pareto fronts as DIR/sweep.svg.

    Without --dask and --workers, as many processes as there are cores do the work.
    Finished points are in DIR/sweep.journal: the same command again goes on where it was, and
    others beside it, on other hosts too, share the work.
    """
    need_extra()
    from ..sweep.read import read_space
    from ..sweep.run import run_sweep, write_sweep
    from ..sweep.workers import start_workers
    found = read_space(space)
    folder = make_folder(out, "sweep")
    with start_workers(dask, workers) as crew, progress_bar() as bar:
        (folder / "sweep.svg").unlink(missing_ok=True)
        task = bar.add_task("points", total=found.wanted)
        content = run_sweep(found, folder, crew, lambda done, total: bar.update(
            task, completed=done, total=total), partial(write_sweep, folder))
    _show(content)
    console.print(str(folder / "sweep.svg"), style="dim", markup=False)
    show_report(folder, "sweep")


def need_extra():
    """:class:`QblifError` where what a sweep needs is not installed."""
    try:
        import jinja2  # noqa: F401
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise QblifError(f"A sweep needs {error.name}: pip install 'qblif[sweep]'") from error


def _show(content):
    """The front, best first by the first objective, and what could not be built."""
    names = [objective["name"] for objective in content["objectives"]]
    varied = list(content["space"]["parameters"])
    front = [point for point in content["points"] if point["front"]]
    front.sort(key=lambda point: point["figures"][names[0]],
               reverse=content["objectives"][0]["more_is_better"])
    done = len(content["points"]) + len(content["refused"])
    console.print(f"[bold]{len(front)} of {len(content['points'])} points on the Pareto front[/]")
    console.print(table(
        "", [(*(point["parameters"][name] for name in varied),
          *(format(point["figures"][name], DIGITS[name]) for name in names)) for point in front],
        [*(name.replace("_", " ") for name in varied), *(HEADS.get(n, n) for n in names)]))
    for one in content["refused"]:
        point = ", ".join(f"{name} {value}" for name, value in one["parameters"].items())
        console.print(f"[yellow]{point}:[/yellow]", one["reason"], markup=True, highlight=False)
    if done < content["wanted"]:
        console.print(f"{content['wanted'] - done} points are with other processes; the same "
                      "command shows them once they are finished.", highlight=False)
