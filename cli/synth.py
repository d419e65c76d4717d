"""``qblif synth``: a network file to a placed-and-routed report."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..boards.pll import check_clock
from ..hw.bus.files import BUS_FILES
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
from .logic import (
    AddersOption,
    InterleaveOption,
    LogicOption,
    PixelsOption,
    check_options,
    logic_layout,
)
from .verilog import write_logic, write_verilog

__all__ = ["logic_figures", "synth", "synthesise_logic", "synthesise_network"]

MOST_ADDERS = 4  # In a row, where the row is chosen for a clock.


def synth(
    context: typer.Context,
    file: NetworkArgument,
    out: OutOption = Path("out"),
    device: Annotated[str, typer.Option(
        metavar="ecp5-25k|ecp5-45k|ecp5-85k|up5k|hx8k", help="FPGA to place on.")] = "ecp5-85k",
    lanes: LanesOption = "32",
    burst: BurstOption = "shift",
    quantiser: QuantiserOption = None,
    time: TimeOption = "inner",
    frequency: Annotated[float | None, typer.Option(
        help="Clock in MHz that the placer aims at. With --logic and no --row, fewer adders in a "
        "row are tried until it is met.")] = None,
    seed: SeedOption = 1,
    router: Annotated[str | None, typer.Option(
        metavar="router1|router2", help="Of nextpnr: router1 gives the higher clock, but may never "
        "end on a crowded device. Default: router2 there, else nextpnr's.")] = None,
    bus: BusOption = None,
    logic: LogicOption = False,
    adders: AddersOption = "compressors",
    row: Annotated[int | None, typer.Option(
        "--row", help="With --logic: most adders in a row between two registers. Default: 2, or "
        "with --frequency as many, up to 4, as meet it.")] = None,
    pixels: PixelsOption = False,
    interleave: InterleaveOption = False,
):
    """Synthesise, place and route: size, clock, and the longest path."""
    check_options(context, logic)
    check_clock(frequency)
    trained = open_network(file)
    if logic:
        layout = logic_layout(trained, adders, 2 if row is None else row, pixels, interleave)
        report = synthesise_logic(layout, make_folder(out, "synth"), device, frequency, seed,
                                  search=row is None and frequency is not None, router=router)
        write_report(out, "synth", report)
        return
    layout = layout_for(trained, lanes, burst, quantiser, time)
    report = synthesise_network(trained, layout, make_folder(out, "synth"), device, frequency, seed,
                                bus, router)
    write_report(out, "synth", report)


def synthesise_network(trained, layout, folder, device, frequency=None, seed=1, bus=None,
                       router=None):
    """Generate, synthesise and show; returns the content of ``synth.json``."""
    from ..boards.flow.synth import check_router, find_device
    find_device(device)
    check_router(router)
    generated = write_verilog(trained, layout, folder, bus=bus)
    report = _place(generated.manifest["top"], folder, device, frequency, seed, router)
    return report.to_json() | {
        "lanes": [list(stage.lanes) for stage in layout.plan.stages],
        "bus": bus, "network_digest": trained.spec.digest}


def synthesise_logic(layout, folder, device, frequency=None, seed=1, search=False,
                     router=None):
    """The same of a network as logic.

    With ``search`` and a ``frequency`` of as many adders in a row as meet it, from
    :data:`MOST_ADDERS` downwards, or of the fastest number where none does: its files are in
    ``folder``, those of each other in ``folder/row-N``.  ``tried`` in the result has every
    placement.
    """
    from ..boards.flow.synth import check_router, find_device
    find_device(device)
    check_router(router)
    if not search or frequency is None:
        report = _synthesise_row(layout, folder, device, frequency, seed, router)
        return report | {"tried": [_brief(report)]}
    places = {row: folder / f"row-{row}" for row in range(1, MOST_ADDERS + 1)}
    for place in places.values():  # Of an earlier run.
        shutil.rmtree(place, ignore_errors=True)
    found = {}
    for row in range(min(MOST_ADDERS, max(1, layout.deepest)), 0, -1):
        place = places[row]
        place.mkdir()
        found[place] = _synthesise_row(layout.with_row(row), place, device, frequency, seed,
                                       router)
        if (found[place]["fmax_mhz"] or 0) >= frequency:
            break
    place = max(found, key=lambda place: found[place]["fmax_mhz"] or 0)
    report = found[place]
    _move_up(place)
    if (report["fmax_mhz"] or 0) < frequency:
        console.print(f"No number of adders in a row meets {frequency:g} MHz: "
                      f"{report['adders_in_a_row']} are fastest.", style="yellow")
    return report | {"tried": [_brief(report) for report in found.values()]}


def _synthesise_row(layout, folder, device, frequency, seed, router):
    written = write_logic(layout, folder)
    placed = _place(written["top"], folder, device, frequency, seed, router)
    figures = logic_figures(layout, placed)
    console.print(table("as logic", [
        ("adders in a row", layout.adders),
        ("frames a second", _count(figures["frames_per_second"])),
        ("latency, clocks", layout.latency),
        ("latency, ns", _rounded(figures["latency_ns"], 1)),
        ("LUT x time, mLUT4 s", _rounded(figures["mlut_s"], 4))]))
    return placed.to_json() | written | figures | {"frequency_mhz": frequency}


def _move_up(folder):
    """Put the files of ``folder`` in the place of its parent's."""
    shutil.rmtree(folder.parent / "synth", ignore_errors=True)
    for name in BUS_FILES:
        (folder.parent / name).unlink(missing_ok=True)
    for path in folder.iterdir():
        path.replace(folder.parent / path.name)
    folder.rmdir()


def _brief(report):
    return {key: report[key] for key in ("adders_in_a_row", "latency", "lut", "ff", "fmax_mhz")}


def logic_figures(layout, placed):
    """Speed of a :class:`~qblif.hw.logic.layout.LogicLayout` that was placed: ``mlut_s`` is the
    LUTs times the time of a frame, in thousandths of LUT seconds."""
    mhz = placed.fmax_mhz
    return {"adders_in_a_row": layout.adders, "interleaved": layout.interleaved,
            "latency": layout.latency,
            "frames_per_second": mhz and round(mhz * 1e6 * layout.rate),
            "latency_ns": mhz and round(layout.latency * 1e3 / mhz, 2),
            "mlut_s": mhz and round(placed.lut / mhz / layout.rate / 1e3, 6)}


def _place(top, folder, device, frequency, seed, router):
    """Synthesise the Verilog in ``folder`` and show what came of it."""
    from ..boards.flow.synth import synthesise
    with spinner() as line:
        task = line.add_task("synthesise", total=None)
        report = synthesise(folder / "network.v", top=top, device=device,
                            out_dir=folder / "synth", frequency_mhz=frequency, seed=seed,
                            router=router,
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
    return report


def _count(value):
    return "" if value is None else f"{value:,}"


def _rounded(value, digits):
    return "" if value is None else f"{value:.{digits}f}"
