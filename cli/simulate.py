"""``qblif simulate``: the generated Verilog against the integer model, spike by spike."""

import time
from pathlib import Path
from typing import Annotated

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
    make_folder,
    open_network,
    plan_for,
    progress_bar,
    table,
    write_report,
)

__all__ = ["simulate", "simulate_network"]

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
    plan = plan_for(trained, lanes, burst, quantiser)
    folder = make_folder(out, "simulate")
    report = simulate_network(trained, plan, dataset(data), images, simulator, folder,
                              stall_seed=seed if stalls else None)
    write_report(folder, "simulate", report)
    if not report["ok"]:
        raise typer.Exit(1)


def simulate_network(trained, plan, images, count, simulator, folder, stall_seed=None):
    """Run, compare and show; returns the content of ``simulate.json``.

    With a ``stall_seed`` the streams are disturbed, and the cycle model is not compared.
    """
    from ..golden import integer
    from ..golden.data import to_levels
    from ..hw.cycles import count_cycles
    from ..sim.bench import simulate as run
    from ..sim.result import Stalls
    from ..sim.simulators import require

    require(simulator)
    spec = trained.spec
    pixels, labels = choose_images(images, count, spec)
    levels = to_levels(pixels, spec.input.n_max)
    start = time.perf_counter()
    expected = integer.run(trained, levels)
    with progress_bar() as bar:
        task = bar.add_task(f"{simulator}: build and run", total=len(levels))
        result = run(trained, plan, levels, simulator=simulator, out_dir=folder / "simulate",
                     expected=expected,
                     stalls=Stalls() if stall_seed is None else Stalls(
                         idle=STALL, stall=STALL, seed=stall_seed),
                     progress=lambda done: bar.update(task, completed=done))
        bar.update(task, completed=len(result.results))
    model = None if stall_seed is not None else count_cycles(
        spec, plan, levels, {name: tensor.numpy() for name, tensor in expected.levels.items()})
    report = _report(trained, plan, simulator, labels, expected, result, model)
    report["seconds"] = round(time.perf_counter() - start, 2)
    _show(report, result)
    return report


def _report(trained, plan, simulator, labels, expected, result, model):
    from ..hw.plan import reaches_of

    done = len(result.results)
    cycles = result.latency
    interval = result.interval
    mean_interval = float(interval.mean()) if len(interval) else None
    equal = None if model is None else done == len(labels) and bool(
        np.array_equal(cycles, model.latency) and np.array_equal(interval, model.interval))
    per_frame = mean_interval or (float(cycles.mean()) if done else None)
    return {
        "ok": bool(result.ok and equal is not False), "simulator": simulator, "images": done,
        "network_digest": trained.spec.digest, "weights_digest": trained.weights_digest,
        "accuracy": {
            "float": trained.notes.get("accuracy_float"),
            "integer": float(np.mean(expected.classes.numpy() == labels)),
            "rtl": float(np.mean(result.classes == labels[:done])) if done else None,
        },
        "mismatches": {"levels": sum(result.level_mismatches.values()),
                       "membranes": sum(result.membrane_mismatches.values()),
                       "classes": result.class_mismatches},
        "levels_compared": result.levels_compared,
        "membranes_compared": result.membranes_compared,
        "findings": list(result.findings), "first_mismatches": list(result.first),
        "cycles": {"mean": float(cycles.mean()) if done else None,
                   "interval_mean": mean_interval, "model_equal": equal},
        "synapses": [
            _synapse(synapse, reach, stage, result, done, per_frame)
            for p, stage in zip(trained.spec.populations, plan.stages, strict=True)
            for synapse, reach in zip(trained.spec.synapses_to(p.name),
                                      reaches_of(trained.spec, p, stage), strict=True)],
        "build": {"seconds": round(result.build_seconds, 2), "cached": result.build_cached},
        "run_seconds": round(result.run_seconds, 2),
    }


def _synapse(synapse, reach, stage, result, frames, cycles):
    """Activity of one synapse, by the hardware's own counters."""
    events, words = (
        result.counters[f"{what}_{synapse.source}_{synapse.target}"] / max(1, frames)
        for what in ("events", "words"))
    operations = words / reach.slots * reach.share
    rate = operations / cycles if cycles else None
    return {"name": synapse.name, "lanes": reach.lanes, "fire_lanes": stage.fire_lanes,
            "burst": stage.burst, "events": events, "words": words,
            "synaptic_operations": operations, "sop_per_cycle": rate,
            "busy": rate and rate / reach.lanes}


def _show(report, result):
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
        ("build", "cached" if result.build_cached else f"{result.build_seconds:.1f} s"),
        ("run", f"{result.run_seconds:.1f} s"),
    ]))
    console.print(table("", [
        (s["name"], s["lanes"], f"{s['events']:.1f}", f"{s['synaptic_operations']:.0f}",
         _figure(s["sop_per_cycle"]), "" if s["busy"] is None else f"{s['busy']:.1%}")
        for s in report["synapses"]],
        ("synapses", "lanes", "events", "operations", "operations a cycle", "lanes busy")))
    for text in (*result.first, *result.findings):
        console.print(f"[red]{text}[/red]")


def _figure(value):
    return "" if value is None else f"{value:.1f}"
