"""``qblif synth``: a network file to a placed-and-routed report."""

from pathlib import Path
from typing import Annotated

import typer

from .common import (
    BurstOption,
    BusOption,
    LanesOption,
    NetworkArgument,
    OutOption,
    QuantiserOption,
    SeedOption,
    TimeOption,
    console,
    layout_for,
    make_folder,
    open_network,
    spinner,
    table,
    write_report,
)
from .verilog import write_verilog

__all__ = ["synth", "synthesise_network"]


def synth(
    file: NetworkArgument,
    out: OutOption = Path("out"),
    device: Annotated[str, typer.Option(
        metavar="ecp5-25k|ecp5-45k|ecp5-85k|up5k|hx8k", help="FPGA to place on.")] = "ecp5-85k",
    lanes: LanesOption = "32",
    burst: BurstOption = "shift",
    quantiser: QuantiserOption = None,
    time: TimeOption = "inner",
    frequency: Annotated[float | None, typer.Option(
        help="Clock in MHz that the placer aims at.")] = None,
    seed: SeedOption = 1,
    bus: BusOption = None,
):
    """Synthesise, place and route: size, clock, and the longest path."""
    trained = open_network(file)
    layout = layout_for(trained, lanes, burst, quantiser, time)
    report = synthesise_network(trained, layout, make_folder(out, "synth"), device, frequency, seed,
                                bus)
    write_report(out, "synth", report)


def synthesise_network(trained, layout, folder, device, frequency=None, seed=1, bus=None):
    """Generate, synthesise and show; returns the content of ``synth.json``."""
    from ..boards.flow.synth import find_device, synthesise
    find_device(device)
    generated = write_verilog(trained, layout, folder, bus=bus)
    with spinner() as line:
        task = line.add_task("synthesise", total=None)
        report = synthesise(folder / "network.v", top=generated.manifest["top"], device=device,
                            out_dir=folder / "synth", frequency_mhz=frequency, seed=seed,
                            progress=lambda text: line.update(task, description=text))
    kinds = [kind for kind in ("lut", "ff", "bram", "dsp", "spram") if report.capacities.get(kind)]
    clock = "no clocked path" if report.fmax_mhz is None else f"{report.fmax_mhz:.1f} MHz"
    console.print(table(f"{report.part}, {clock}", [
        (kind, getattr(report, kind), report.capacities[kind],
         f"{getattr(report, kind) / report.capacities[kind]:.1%}") for kind in kinds],
        ("", "used", "available", "share")))
    console.print(table("by component", [
        (name, *(cells.get(kind, 0) for kind in ("lut", "carry", "ff", "bram")))
        for name, cells in report.components.items()], ("", "lut", "carry", "ff", "bram")))
    console.print(report.path_in_words())
    if report.multipliers:
        console.print(f"[red]multipliers: {', '.join(report.multipliers)}[/red]")
    return report.to_json() | {
        "lanes": [list(stage.lanes) for stage in layout.plan.stages],
        "bus": bus, "network_digest": trained.spec.digest}
