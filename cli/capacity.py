"""``qblif capacity``: the N_max that each population needs, within an accuracy budget."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .common import (
    BurstOption,
    DataOption,
    NetworkArgument,
    OutOption,
    SeedOption,
    choose_images,
    console,
    dataset,
    make_folder,
    open_network,
    spinner,
    table,
    write_report,
)

__all__ = ["capacity"]

NETWORK_FILE = "capacity.safetensors"


def capacity(
    file: NetworkArgument,
    out: OutOption = Path("out"),
    data: DataOption = None,
    seed: SeedOption = 0,
    points: Annotated[float, typer.Option(
        min=0, max=100, help="Accuracy that may be lost, in points, on training images.")] = 0.1,
    operations: Annotated[float, typer.Option(
        metavar="SHARE", min=0, max=1, help="Keep the most accuracy at this share of the "
        "operations, rather than save as many as can be.")] = 0.0,
    burst: BurstOption = "shift",
    images: Annotated[int, typer.Option(
        min=1, help="How many training images to choose by, drawn at random.")] = 10_000,
    augment: Annotated[bool, typer.Option(
        "--augment", help="Change these images at random as the training did: they then say more "
        "about new ones.")] = False,
):
    """Lower N_max population by population, without training: DIR/capacity.safetensors.

    Chosen by training images; the test images only say what came out.
    """
    import numpy as np

    from ..golden.spec.burst import digits
    from ..golden.study.capacity import choose, harder, reduced
    from ..golden.study.meter import Meter
    from ..golden.training.evaluate import integer_accuracy, mean_activity

    digits(0, burst)  # It says which modes there are.
    trained = open_network(file)
    known = dataset(data, trained)
    choose_images(known, "all", trained.spec)  # It says where they do not fit.
    folder = make_folder(out, "capacity")
    count = min(images, len(known.train_labels))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(known.train_labels))[:count])
    shown = known.train_images[drawn]
    shown = harder(shown, trained.notes, seed) if augment else shown
    meter = Meter(trained, trained.spec.input.levels_of(shown), known.train_labels[drawn])
    with spinner() as bar:
        bar.add_task("measure")
        choice = choose(meter, points, burst, operations)
        tested = {point.n_max: integer_accuracy(reduced(trained, point.n_max), known)
                  for point in (choice.before, choice.single, choice.chosen)}
    result = {
        "burst": burst, "points": points, "operations": operations, "seed": seed,
        "training_images": count, "augment": augment,
        "measured": choice.measured, "complete": choice.complete,
        **{name: _point(point, tested) for name, point in _points(choice)}}
    network = reduced(trained, choice.chosen.n_max)
    notes = {key: note for key, note in trained.notes.items() if key != "accuracy_float"}
    network = replace(network, activity=mean_activity(network, known), notes=notes | {
        "dataset": known.name, "test_images": len(known.test_labels),
        "accuracy_integer": tested[choice.chosen.n_max], "capacity": result})
    network.save(folder / NETWORK_FILE)
    populations = _populations(choice, trained.spec, meter.at_top(), burst)
    _show(folder, choice, populations, tested, burst, operations)
    write_report(folder, "capacity", result | {
        "network": NETWORK_FILE, "data": known.name, "test_images": len(known.test_labels),
        "network_digest": network.spec.digest, "weights_digest": network.weights_digest,
        "populations": populations})


def _points(choice):
    return ("before", choice.before), ("single", choice.single), ("chosen", choice.chosen)


def _point(point, tested):
    return {"n_max": list(point.n_max), "accuracy": point.accuracy,
            "accuracy_test": tested[point.n_max],
            "operations": {mode: point.total(mode) for mode in point.operations}}


def _populations(choice, spec, at_top, burst):
    """What is known of each source: the input, then every hidden population."""
    before, after = (p.operations[burst] for p in (choice.before, choice.chosen))
    found = [{"name": spec.input.name, "n_max": spec.input.n_max, "n_max_after": spec.input.n_max,
              "at_top": None, "operations": before[0], "operations_after": after[0]}]
    for k, population in enumerate(spec.populations[:-1]):
        found.append({
            "name": population.name, "n_max": choice.before.n_max[k],
            "n_max_after": choice.chosen.n_max[k], "at_top": at_top[k],
            "operations": before[k + 1], "operations_after": after[k + 1]})
    return found


def _show(folder, choice, populations, tested, burst, goal):
    console.print(table(f"{folder / NETWORK_FILE}", [
        (p["name"], p["n_max"], p["n_max_after"],
         "" if p["at_top"] is None else f"{p['at_top']:.2%}",
         f"{p['operations']:,.0f}", f"{p['operations_after']:,.0f}") for p in populations],
        ("population", "N_max", "after", "at N_max", f"operations, {burst}", "after")))
    base = choice.before.total(burst)
    console.print(table("", [
        (title, ",".join(map(str, point.n_max)), f"{point.accuracy:.2%}",
         f"{tested[point.n_max]:.2%}", f"{point.total('shift'):,.0f}",
         f"{point.total('repeat'):,.0f}", f"{1 - point.total(burst) / base:.1%}")
        for title, point in (("as it was", choice.before), ("best single N_max", choice.single),
                             ("by population", choice.chosen))],
        ("", "N_max", "training", "test", "shift", "repeat", "saved")))
    if goal and choice.chosen.total(burst) > goal * base:
        console.print(f"[yellow]No N_max within the accuracy budget needs only {goal:.0%} of the "
                      "operations; these need the fewest.[/yellow]")
    vector = ",".join(map(str, choice.chosen.n_max))
    console.print(f"To train with it from the start: qblif train --n-max {vector}, beside the "
                  "options of the first training.", soft_wrap=True, highlight=False)
