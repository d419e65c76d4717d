"""``qblif simulate``: the generated Verilog against the integer model, spike by spike."""

import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from .common import (
    BurstOption,
    DataOption,
    LanesOption,
    NetworkArgument,
    OutOption,
    QuantiserOption,
    SeedOption,
    choose_images,
    console,
    dataset,
    layout_for,
    make_folder,
    open_network,
    progress_bar,
    table,
    write_report,
)

__all__ = ["simulate", "simulate_network"]

PART_VALUES = 20_000_000  # Levels of a simulation that is run and compared at once.
STALL = 64  # Of 256 cycles, those in which either side waits under --stalls.


def simulate(
    file: NetworkArgument,
    out: OutOption = Path("out"),
    data: DataOption = None,
    images: Annotated[str, typer.Option(
        metavar="N|all", help="How many of the test images.")] = "100",
    simulator: Annotated[str, typer.Option(
        metavar="verilator|icarus", help="Which simulator runs the Verilog.")] = "verilator",
    lanes: LanesOption = "32",
    burst: BurstOption = "shift",
    quantiser: QuantiserOption = None,
    stalls: Annotated[bool, typer.Option(
        "--stalls", help="Pause the input and let results wait, at random under --seed: results "
        "stay the same, cycles do not.")] = False,
    seed: SeedOption = 0,
):
    """Simulate test images on the generated Verilog.

    Every level and membrane of every neuron at every timestep, every class and every cycle count
    is compared with the integer model. Exit code 1 where anything differs.
    """
    trained = open_network(file)
    layout = layout_for(trained, lanes, burst, quantiser)
    folder = make_folder(out, "simulate")
    report = simulate_network(trained, layout, dataset(data), images, simulator, folder,
                              stall_seed=seed if stalls else None)
    write_report(folder, "simulate", report)
    if not report["ok"]:
        raise typer.Exit(1)


def simulate_network(trained, layout, images, count, simulator, folder, stall_seed=None):
    """Run, compare and show; returns the content of ``simulate.json``.

    With a ``stall_seed`` the streams are disturbed, and the cycle model is not compared.
    """
    from ..golden.spec.pixels import to_levels
    from ..sim.simulators import require

    require(simulator)
    pixels, labels = choose_images(images, count, trained.spec)
    levels = to_levels(pixels, trained.spec.input.n_max)
    start = time.perf_counter()
    with progress_bar() as bar:
        task = bar.add_task(f"{simulator}: build and run", total=len(levels))
        parts = list(_parts(trained, layout, levels, simulator, folder / "simulate", stall_seed,
                            lambda done: bar.update(task, completed=done)))
    report = _report(trained, layout, simulator, labels, parts)
    report["seconds"] = round(time.perf_counter() - start, 2)
    _show(report)
    return report


class _Part(NamedTuple):
    """Some frames: their golden classes, what the simulation found, and the model's cycles."""

    classes: np.ndarray
    result: Any
    model: Any


def _parts(trained, layout, levels, simulator, folder, stall_seed, progress):
    """Run frames, as many at once as memory holds, until one of them is wrong."""
    from ..golden import integer
    from ..hw.layout.cycles import count_cycles
    from ..sim.bench import simulate as run
    from ..sim.result import Stalls

    spec = trained.spec
    most = max(1, PART_VALUES // (spec.timesteps * sum(p.size for p in spec.populations)))
    stalls = Stalls() if stall_seed is None else Stalls(idle=STALL, stall=STALL, seed=stall_seed)
    for first in range(0, len(levels), most):
        frames = levels[first:first + most]
        expected = integer.run(trained, frames)
        result = run(trained, layout, frames, simulator=simulator, out_dir=folder,
                     expected=expected, stalls=stalls,
                     progress=lambda done, first=first: progress(first + done))
        progress(first + len(result.results))
        yield _Part(expected.classes.numpy(), result, None if stall_seed is not None else
                    count_cycles(layout, frames, {
                        name: found.numpy() for name, found in expected.levels.items()}))
        if not result.ok:
            return


def _report(trained, layout, simulator, labels, parts):
    results = [part.result for part in parts]
    golden, rtl = (np.concatenate(found) for found in (
        [part.classes for part in parts], [result.classes for result in results]))
    latency, interval = (np.concatenate(found) for found in (
        [result.latency for result in results], [result.interval for result in results]))
    done = len(latency)
    equal = None if parts[0].model is None else done == len(labels) and all(
        np.array_equal(part.result.latency, part.model.latency)
        and np.array_equal(part.result.interval, part.model.interval) for part in parts)
    mean_interval = float(interval.mean()) if len(interval) else None
    per_frame = mean_interval or (float(latency.mean()) if done else None)
    counters = {name: sum(result.counters[name] for result in results) / max(1, done)
                for name in results[0].counters}
    return {
        "ok": all(result.ok for result in results) and equal is not False,
        "simulator": simulator, "images": done,
        "network_digest": trained.spec.digest, "weights_digest": trained.weights_digest,
        "accuracy": {
            "float": trained.notes.get("accuracy_float"),
            "integer": float(np.mean(golden == labels[:len(golden)])),
            "rtl": float(np.mean(rtl == labels[:len(rtl)])) if done else None,
        },
        "mismatches": {
            "levels": sum(sum(result.level_mismatches.values()) for result in results),
            "membranes": sum(sum(result.membrane_mismatches.values()) for result in results),
            "classes": sum(result.class_mismatches for result in results)},
        "levels_compared": sum(result.levels_compared for result in results),
        "membranes_compared": sum(result.membranes_compared for result in results),
        "findings": [text for result in results for text in result.findings],
        "first_mismatches": [text for result in results for text in result.first],
        "cycles": {"mean": float(latency.mean()) if done else None,
                   "interval_mean": mean_interval, "model_equal": equal},
        "synapses": [
            _synapse(engine, counters, per_frame) for engine in layout.engines],
        "build": {"seconds": round(sum(result.build_seconds for result in results), 2),
                  "cached": results[0].build_cached},
        "run_seconds": round(sum(result.run_seconds for result in results), 2),
    }


def _synapse(engine, counters, cycles):
    """Activity of one synapse a frame, by the hardware's own counters."""
    events, words = (counters[f"{what}_{engine.source.name}_{engine.target.name}"]
                     for what in ("events", "words"))
    operations = engine.operations(words)
    rate = operations / cycles if cycles else None
    return {"name": engine.name, "lanes": engine.lanes, "fire_lanes": engine.plan.fire_lanes,
            "burst": engine.plan.burst, "events": events, "words": words,
            "synaptic_operations": operations, "sop_per_cycle": rate,
            "busy": rate and rate / engine.lanes}


def _show(report):
    accuracy, cycles, wrong = report["accuracy"], report["cycles"], report["mismatches"]
    console.print(table(f"{report['images']} images on {report['simulator']}", [
        ("accuracy, float", "unknown" if accuracy["float"] is None else f"{accuracy['float']:.2%}"),
        ("accuracy, integer model", f"{accuracy['integer']:.2%}"),
        ("accuracy, RTL", "none" if accuracy["rtl"] is None else f"{accuracy['rtl']:.2%}"),
        ("levels that differ", f"{wrong['levels']} of {report['levels_compared']}"),
        ("membranes that differ", f"{wrong['membranes']} of {report['membranes_compared']}"),
        ("cycles an image, latency", _figure(cycles["mean"])),
        ("cycles an image, interval", _figure(cycles["interval_mean"])),
        ("cycle model", {True: "equal to the cycle", False: "[red]differs[/red]",
                         None: "not compared"}[cycles["model_equal"]]),
        ("build", "cached" if report["build"]["cached"] else f"{report['build']['seconds']:.1f} s"),
        ("run", f"{report['run_seconds']:.1f} s"),
    ]))
    console.print(table("", [
        (s["name"], s["lanes"], f"{s['events']:.1f}", f"{s['synaptic_operations']:.0f}",
         _figure(s["sop_per_cycle"]), "" if s["busy"] is None else f"{s['busy']:.1%}")
        for s in report["synapses"]],
        ("synapses", "lanes", "events", "operations", "operations a cycle", "lanes busy")))
    for text in (*report["first_mismatches"], *report["findings"]):
        console.print(f"[red]{text}[/red]")


def _figure(value):
    return "" if value is None else f"{value:.1f}"
