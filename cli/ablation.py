"""``qblif ablation``: the paper's comparisons, each row of a table trained with several seeds."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec.errors import InvalidValue
from ..golden.spec.files import write_atomically
from ..golden.training.recipes import RECIPES, choose_recipe
from .common import (
    DaskOption,
    DataOption,
    OutOption,
    WorkersOption,
    console,
    dataset,
    make_folder,
    progress_bar,
    table,
    write_report,
)
from .train import SetOption, read_changes

__all__ = ["ablation"]

COLUMNS = ("", "validation, %", "float, %", "integer, %", "the paper, %", "operations, shift",
           "operations, repeat", "nJ by Table 6", "N_max")


def ablation(
    name: Annotated[str, typer.Argument(
        metavar="TABLE", help="neurons (the paper's Table 5), n-max (Table 6), timesteps, box-et, "
        "reset or learned-n-max: golden/study/ablation.py has their rows.")],
    out: OutOption = Path("out"),
    data: DataOption = None,
    recipe: Annotated[str | None, typer.Option(
        metavar="NAME", help=f"What the rows change: {', '.join(RECIPES)}. Default: a small "
        "network of convolutions for CIFAR-10.")] = None,
    rows: Annotated[str, typer.Option(
        metavar="PREFIX", help="Only those whose names begin so.")] = "",
    net: Annotated[str | None, typer.Option(
        metavar="NAME", help="As of `qblif train`.")] = None,
    epochs: Annotated[int | None, typer.Option(help="In floating point.")] = None,
    qat_epochs: Annotated[int | None, typer.Option(help="Of quantisation-aware training.")] = None,
    change: SetOption = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each row.")] = 3,
    dask: DaskOption = None,
    workers: WorkersOption = None,
):
    """Train the rows of one of the paper's tables: DIR/ablation.json, learning curves on the images
    held out as DIR/ablation.svg, accuracy against operations as DIR/operations.svg.

    Without --dask and --workers, as many processes as there are cores do the work. Each finished
    training is kept in DIR/trainings, so that the same command goes on where it was; another
    version of this package needs another DIR.
    """
    from ..golden.study.ablation import BASE, TABLES, kept_in, measure_once, summary
    from ..golden.study.charts import draw_curves, draw_operations
    from ..golden.training.checkpoint import fingerprints
    from ..sweep.workers import start_workers
    if name not in TABLES:
        raise InvalidValue(f"Table must be one of {', '.join(TABLES)}, not {name!r}")
    chosen = {k: row for k, row in TABLES[name].items() if k.startswith(rows)}
    if not chosen:
        raise InvalidValue(f"No row of {name} begins with {rows!r}: they are "
                           f"{'; '.join(TABLES[name])}")
    base = choose_recipe(data, recipe, base=None if recipe else BASE, net=net, epochs=epochs,
                         qat_epochs=qat_epochs, **read_changes(change))
    prints = fingerprints(dataset(data, base))
    folder = make_folder(out, "ablation")
    kept = make_folder(folder / "trainings").resolve()
    where = data and data.resolve()
    with start_workers(dask, workers) as crew, progress_bar() as bar:
        task = bar.add_task("trainings", total=seeds * len(chosen))
        waiting = {}
        for row_name, row in chosen.items():
            for seed in range(seeds):
                config = replace(base, **row.changes, seed=seed)
                waiting[row_name, seed] = crew.submit(measure_once, config, where,
                                                      kept_in(kept, config, prints))
                waiting[row_name, seed].add_done_callback(lambda _: bar.advance(task))
        found = {row_name: [waiting[row_name, seed].result() for seed in range(seeds)]
                 for row_name in chosen}
    report = {"table": name, "base": base.to_dict(), "seeds": seeds, "rows": {
        k: {"paper": row.paper, "changes": row.changes, "trainings": found[k]} | summary(found[k])
        for k, row in chosen.items()}}
    console.print(table(f"{name}, {seeds} seed{'s' * (seeds > 1)} a row",
                        [_cells(*one) for one in report["rows"].items()], COLUMNS))
    pictures = {"operations.svg": draw_operations({
        k: [(run["operations"]["shift"], run["integer"]) for run in runs]
        for k, runs in found.items()})}
    if all(run["validation"] for runs in found.values() for run in runs):
        pictures["ablation.svg"] = draw_curves({
            k: [run["validation"]["float"] for run in runs] for k, runs in found.items()})
    for file, text in pictures.items():
        write_atomically(folder / file, text.encode())
        console.print(str(folder / file), style="dim", markup=False)
    write_report(folder, "ablation", report)


def _cells(name, row):
    return (name, *map(_percent, (row["validation"], row["float"], row["integer"])),
            row["paper"] or "", f"{row['shift']:,.0f}", f"{row['repeat']:,.0f}",
            f"{row['nanojoules']:,.0f}", ", ".join(f"{n:.3g}" for n in row["n_max"]))


def _percent(found):
    return "" if found is None else f"{found[0]:.2f} +- {found[1]:.2f}"
