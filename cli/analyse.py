"""``qblif analyse``: what the paper shows of its networks, of any network file."""

from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec.artifact import write_atomically
from ..golden.spec.errors import InvalidValue, QblifError
from .analysis_report import Found, describe, show
from .common import (
    DataOption,
    LanesOption,
    NetworkArgument,
    OutOption,
    choose_images,
    console,
    dataset,
    layout_for,
    make_folder,
    open_network,
    progress_bar,
    spinner,
    write_report,
)

__all__ = ["analyse"]

PICTURES = ("bursts.png", "layers.png", "surrogates.png")


def analyse(
    file: NetworkArgument,
    data: DataOption = None,
    images: Annotated[str, typer.Option(
        metavar="N|all", help="How many of the test images.")] = "1000",
    rtl: Annotated[str, typer.Option(
        "--rtl", metavar="M", help="Simulate the generated Verilog on the first M of them, in both "
        "burst modes, and compare its own counters.")] = "0",
    simulator: Annotated[str, typer.Option(
        metavar="verilator|icarus", help="Which simulator runs the Verilog.")] = "verilator",
    lanes: LanesOption = "32",
    layers: Annotated[str | None, typer.Option(
        metavar="NAME,...", help="Which layers bursts.png shows. Default: all.")] = None,
    out: OutOption = Path("out"),
):
    """Histograms of bursts, information, surrogates, operations and energy of a network.

    Writes DIR/analyse.json, bursts.png, layers.png and surrogates.png. Exit code 1 where the
    hardware's counters differ from the operations that follow from the levels.
    """
    trained = open_network(file)
    shown = choose_layers(trained.spec, layers)
    layouts = {mode: layout_for(trained, lanes, mode) for mode in ("repeat", "shift")}
    check_simulator(rtl, simulator)
    folder = make_folder(out, "analyse", "analysis")
    found = find(trained, dataset(data, trained), images)
    measured = measure(trained, found, layouts, rtl, simulator, folder)
    show(found, measured)
    report = describe(trained, found, measured)
    write_report(folder, "analyse", report)
    write_report(folder, "analysis", report)  # The name that scripts know.
    draw(trained, found, folder, shown)
    if measured and not measured["equal"]:
        console.print("[red]The hardware's counters differ from the levels' operations[/red]")
        raise typer.Exit(1)


def choose_layers(spec, names):
    """The names in ``names``, which are separated by commas; all that there are for ``None``."""
    known = [spec.input.name, *(p.name for p in spec.firing)]
    chosen = known if names is None else names.split(",")
    for name in chosen:
        if name not in known:
            raise InvalidValue(f"Layers must be among {', '.join(known)}, not {name!r}")
    return chosen


def find(trained, images, count):
    """The :class:`Found` of so many test images."""
    from ..golden.study import analysis, energy

    spec = trained.spec
    pixels, labels = choose_images(images, count, spec)
    levels = spec.input.levels_of(pixels)
    with spinner() as line:
        line.add_task(f"{len(levels)} images through the integer model", total=None)
        census = analysis.take_census(trained, levels)
    layers = analysis.layers_of(trained, census)
    costs = energy.synapse_costs(spec, census)
    gammas = {layer.name: layer.gamma for layer in layers}
    return Found(images.name, levels, float((census.classes == labels).mean()), layers, costs,
                 energy.energies(costs, layers),
                 [analysis.surrogate_curves(p, gammas[p.name]) for p in spec.firing])


def check_simulator(rtl, simulator):
    """That ``--rtl`` is a number, and its simulator is there; both before any long work."""
    if not str(rtl).isdecimal():
        raise InvalidValue(f"Images on the RTL must be a number, or 0 for none, not {rtl!r}")
    if int(rtl):
        from ..sim.simulators import require
        require(simulator)


def measure(trained, found, layouts, rtl, simulator, folder):
    """The hardware's counters of the first images, in both burst modes, beside the operations that
    follow from the same images' levels; ``None`` where nothing is to be simulated."""
    frames = found.levels[:int(rtl)]
    if len(frames) < int(rtl):
        raise InvalidValue(f"Images on the RTL must be at most the {len(frames)} that are "
                           f"analysed, not {rtl}")
    if not len(frames):
        return None
    from ..golden.study.analysis import take_census
    from ..golden.study.energy import synapse_costs
    from ..sim.operations import count_operations

    costs = synapse_costs(trained.spec, take_census(trained, frames))
    rows = []
    for mode, layout in layouts.items():
        with progress_bar() as bar:
            task = bar.add_task(f"{simulator}, {mode}: build and run", total=len(frames))
            counted = count_operations(trained, layout, frames, folder / f"analyse-{mode}",
                                       simulator, lambda n, bar=bar, task=task: bar.update(
                                           task, completed=n))
        rows += [compare(mode, cost, counted[cost.name]) for cost in costs]
    return {"images": len(frames), "simulator": simulator,
            "equal": all(row["equal"] for row in rows), "synapses": rows}


def compare(mode, cost, counted):
    """One synapse in one burst mode: totals over the simulated images.  Operations that the
    hardware's words do not tell (``None``) are not compared."""
    expected = cost.sops[mode]
    return {"name": cost.name, "burst": mode, "lanes": counted.lanes,
            "events": counted.events, "words": counted.words, "lane_slots": counted.lane_slots,
            "operations": counted.operations,
            "expected": {"events": cost.events, "operations": expected},
            "equal": counted.events == cost.events and counted.operations in (expected, None)}


def draw(trained, found, folder, shown):
    """The pictures, with the bursts of the layers ``shown``; :class:`QblifError` says what to
    install where matplotlib is missing."""
    for name in PICTURES:
        (folder / name).unlink(missing_ok=True)
    try:
        from .pictures import draw_bursts, draw_layers, draw_surrogates
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("matplotlib"):
            raise
        raise QblifError("The pictures need matplotlib: pip install 'qblif[plot]' (the numbers "
                         f"are in {folder / 'analysis.json'})") from error
    config = trained.notes.get("config")
    trained_with = config.get("surrogate") if isinstance(config, dict) else None
    pictures = [draw_bursts([layer for layer in found.layers if layer.name in shown]),
                draw_layers(found.layers)]
    if found.curves:
        pictures.append(draw_surrogates(found.curves, trained_with))
    for name, data in zip(PICTURES, pictures, strict=False):
        write_atomically(folder / name, data)
        console.print(str(folder / name), style="dim", markup=False)
