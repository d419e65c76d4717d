"""``qblif simulate``: the generated Verilog against the integer model, spike by spike."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from .common import (
    BurstOption,
    DaskOption,
    DataOption,
    LanesOption,
    NetworkArgument,
    OutOption,
    QuantiserOption,
    SeedOption,
    TimeOption,
    VerilogOption,
    WorkersOption,
    choose_frame,
    choose_images,
    console,
    dataset,
    hardware_for,
    make_folder,
    open_network,
    progress_bar,
    spinner,
    table,
    write_report,
)
from .event_report import event_remarks, event_rows
from .logic import (
    AddersOption,
    InterleaveOption,
    LogicOption,
    PixelsOption,
    RowOption,
    check_options,
    logic_layout,
)

__all__ = ["simulate", "simulate_network"]


def simulate(
    context: typer.Context,
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
    time: TimeOption = "inner",
    stalls: Annotated[bool, typer.Option(
        "--stalls", help="Pause the input and let results wait, at random under --seed: results "
        "stay the same, cycles do not.")] = False,
    seed: SeedOption = 0,
    verilog: VerilogOption = None,
    waves: Annotated[int | None, typer.Option(
        "--waves", metavar="FRAME", help="Also write the waves of this test image, counted from 0: "
        "DIR/waves/frameFRAME.vcd, and .gtkw for GTKWave.")] = None,
    logic: LogicOption = False,
    adders: AddersOption = "compressors",
    row: RowOption = 2,
    pixels: PixelsOption = False,
    interleave: InterleaveOption = False,
    dask: DaskOption = None,
    workers: WorkersOption = None,
):
    """Simulate test images on the generated Verilog.

    Every level and membrane of every neuron at every timestep, every class and every cycle count
    is compared with the integer model; of a network as logic every level, score and class, and the
    clock of each. Exit code 1 where anything differs.
    """
    from ..sim.simulators import require
    check_options(context, logic)
    trained = open_network(file)
    if logic:
        from ..hw.verilog import generate_logic
        layout = logic_layout(trained, adders, row, pixels, interleave)
        generated = generate_logic(layout, taps=True)
    else:
        layout, generated = hardware_for(trained, verilog, lanes, burst, quantiser, time)
    require(simulator)
    given = dataset(data, trained)
    frame = None if waves is None else choose_frame(given, waves, trained.spec)
    folder = make_folder(out, "simulate")
    with crew_for(dask, workers) as crew:
        report = simulate_network(trained, layout, given, images, simulator, folder, generated,
                                  stall_seed=seed if stalls else None, crew=crew)
    if report["first_neuron"] and not logic:
        console.print("To look closer: qblif trace FILE --neuron {population}/{neuron} "
                      "--frame {frame}".format(**report["first_neuron"]), highlight=False)
    if frame is not None:
        report["waves"] = _waves(trained, layout, frame, f"frame{waves}", simulator, folder,
                                 generated)
    write_report(folder, "simulate", report)
    if not report["ok"]:
        raise typer.Exit(1)


def crew_for(dask, workers):
    """The :class:`~qblif.sweep.workers.Workers` that the options ask for, or none."""
    if dask is None and not workers:
        return nullcontext()
    from ..sweep.workers import start_workers
    return start_workers(dask, workers)


def simulate_network(trained, layout, images, count, simulator, folder, generated=None,
                     stall_seed=None, crew=None):
    """Run, compare and show; returns the content of ``simulate.json``."""
    from ..sim.experiment import run_experiment

    pixels, labels = choose_images(images, count, trained.spec)
    encodes = getattr(layout, "pixels", False)
    frames = pixels.reshape(len(pixels), -1) if encodes else trained.spec.input.levels_of(pixels)
    with progress_bar() as bar:
        task = bar.add_task(f"{simulator}: build and run", total=len(frames))
        report = run_experiment(
            trained, layout, frames, labels, simulator=simulator, out_dir=folder / "simulate",
            stall_seed=stall_seed, generated=generated, workers=crew,
            progress=lambda done: bar.update(task, completed=done))
    counts = images.event_counts("test")
    if counts is not None:
        report["input_events"] = counts[:len(labels)].summary(trained.spec.input.n_max)
    _show(report)
    return report


def _waves(trained, layout, frame, name, simulator, folder, generated):
    """Write the waves of one frame; returns what ``simulate.json`` says of them."""
    from ..sim.waves import record_waves
    with spinner() as line:
        line.add_task(f"{simulator}: waves", total=None)
        left_out = record_waves(trained, layout, frame, name, simulator=simulator,
                                out_dir=folder / "waves", generated=generated)
    for text in left_out:
        console.print(text, highlight=False)
    files = {kind: f"waves/{name}.{kind}" for kind in ("vcd", "gtkw")}
    console.print(f"{folder / files['vcd']}; gtkwave {folder / files['gtkw']}", style="dim",
                  markup=False)
    return files | {"left_out": left_out}


def _show(report):
    accuracy, cycles, wrong = report["accuracy"], report["cycles"], report["mismatches"]
    of, events = report["accuracy_images"], report.get("input_events")
    compared = report["membranes_compared"]
    membranes = [("membranes that differ", f"{wrong['membranes']} of {compared}")] * bool(compared)
    console.print(table(f"{report['images']} images on {report['simulator']}", [
        (f"accuracy, RTL, {_images(of['rtl'])}", _share(accuracy["rtl"])),
        (f"accuracy, integer model, {_images(of['integer'])}", _share(accuracy["integer"])),
        (f"accuracy, float, {_images(of['float'])} of the training", _share(accuracy["float"])),
        ("levels that differ", f"{wrong['levels']} of {report['levels_compared']}"),
        *membranes,
        ("scores, classes that differ", f"{wrong['scores']}, {wrong['classes']}"),
        ("cycles an image, latency", _figure(cycles["mean"])),
        ("cycles an image, interval", _figure(cycles["interval_mean"])),
        ("cycle model", {True: "equal to the cycle", False: "[red]differs[/red]",
                         None: "not compared"}[cycles["model_equal"]]),
        ("build", "cached" if report["build"]["cached"] else f"{report['build']['seconds']:.1f} s"),
        ("run, all simulators together", f"{report['run_seconds']:.1f} s"),
        *event_rows(events)]))
    if "synapses" in report:
        console.print(table("", [
            (s["name"], s["lanes"], f"{s['events']:.1f}", f"{s['synaptic_operations']:.0f}",
             _figure(s["sop_per_cycle"]), "" if s["busy"] is None else f"{s['busy']:.1%}")
            for s in report["synapses"]],
            ("synapses", "lanes", "events", "operations", "operations a cycle", "lanes busy")))
    for text in event_remarks(events, "these recordings"):
        console.print(f"[yellow]{text}[/yellow]")
    for text in (*report["first_mismatches"], *report["findings"]):
        console.print(f"[red]{text}[/red]")


def _images(count):
    return "test images" if count is None else f"{count:,} images"


def _share(value):
    return "unknown" if value is None else f"{value:.2%}"


def _figure(value):
    return "" if value is None else f"{value:.1f}"
