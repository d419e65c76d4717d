"""``qblif trace``: one neuron in one frame, timestep by timestep."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from .common import (
    BurstOption,
    DataOption,
    LanesOption,
    NetworkArgument,
    OutOption,
    QuantiserOption,
    TimeOption,
    VerilogOption,
    choose_frame,
    console,
    dataset,
    hardware_for,
    make_folder,
    open_network,
    spinner,
    table,
    write_report,
)

__all__ = ["trace"]

SHOWN = 12  # Events of a timestep that are printed, and differences.

def trace(
    file: NetworkArgument,
    neuron: Annotated[str, typer.Option(
        "--neuron", metavar="POPULATION/N", help="Which neuron: POPULATION/INDEX, or "
        "POPULATION/CHANNEL,ROW,COLUMN of a map.")],
    frame: Annotated[int, typer.Option(
        "--frame", metavar="N", help="Which of the test images, counted from 0.")] = 0,
    data: DataOption = None,
    rtl: Annotated[bool, typer.Option(
        help="Simulate the frame on the RTL too, and compare.")] = True,
    simulator: Annotated[str | None, typer.Option(
        metavar="verilator|icarus|amaranth", help="Which simulator runs the RTL. Default: the "
        "first that is installed; amaranth, slow and for small networks, always is.")] = None,
    verilog: VerilogOption = None,
    lanes: LanesOption = "32",
    burst: BurstOption = "shift",
    quantiser: QuantiserOption = None,
    time: TimeOption = "inner",
    out: OutOption = Path("out"),
):
    """Show one neuron's timesteps: the events that reach it, and charge, gate, fire and reset.

    Integer model and RTL stand side by side; all of it is in DIR/trace.json. Exit code 1 where
    they differ.
    """
    from ..golden.neuron_trace import find_neuron
    from ..sim.record import choose_simulator
    from ..sim.trace import trace_neuron
    trained = open_network(file)
    name, number = find_neuron(trained.spec, neuron)
    chosen = choose_simulator(simulator) if rtl else None
    layout, generated = hardware_for(trained, verilog, lanes, burst, quantiser, time)
    levels = choose_frame(dataset(data, trained), frame, trained.spec)
    folder = make_folder(out, "trace")
    with spinner() as line:
        line.add_task(f"{chosen}: build and run" if chosen else "integer model", total=None)
        report = trace_neuron(trained, layout, levels, name, number, frame=frame,
                              simulator=chosen, out_dir=folder / "trace", generated=generated)
    show(report)
    write_report(folder, "trace", report)
    if report["equal"] is False:
        raise typer.Exit(1)


def show(report):
    """Print what ``trace.json`` holds."""
    at = "" if report["position"] is None else f" ({_place(report['position'])})"
    console.print(f"[bold]{report['population']}[/] neuron {report['neuron']}{at}, "
                  f"frame {report['frame']}", highlight=False)
    before = []
    for step in report["timesteps"]:
        if step["events"] and step["events"] == before:
            console.print(f"[bold]timestep {step['timestep']}: the same events[/]",
                          highlight=False)
        elif step["events"]:
            console.print(_events_table(step))
        before = step["events"]
        console.print(_steps_table(step))
    sentences = report["differences"] + report["findings"]
    for text in sentences[:SHOWN]:
        console.print(f"[red]{escape(text)}[/red]", highlight=False)
    if len(sentences) > SHOWN:
        console.print(f"[red]and {len(sentences) - SHOWN} more differences[/red]")
    if report["equal"]:
        console.print("equal" + (f", but {report['mismatches']} values of other neurons differ: "
                                 "see qblif simulate" if report["mismatches"] else ""))


def _place(position):
    return "channel {}, row {}, column {}".format(*position)


def _steps_table(step):
    from ..golden.neuron_trace import QUANTITIES
    rtl = step["rtl"]
    words = QUANTITIES | {"sum": f"sum of {len(step['events'])} events",
                          "membrane": "membrane left"}
    return table(f"timestep {step['timestep']}", [
        (words[what], value, *([_cell(rtl[what], value)] if rtl else []))
        for what, value in step["golden"].items()],
        ("", "golden", *(["RTL"] if rtl else [])))


def _events_table(step):
    """Events that differ first, then those that add most."""
    sides = ("golden", "rtl") if step["rtl"] else ("golden",)
    events = sorted(step["events"], key=lambda event: (
        event[sides[-1]] == event["golden"], -abs(event["golden"]["product"])))
    rows = [(_sender(event), ",".join(map(str, event["weight"])), *(
        _cell(event[side][what], event["golden"][what])
        for what in ("level", "weight", "product") for side in sides)) for event in events[:SHOWN]]
    more = f", {len(rows)} of them here" if len(events) > len(rows) else ""
    return table(f"timestep {step['timestep']}: {len(events)} events{more}", rows, (
        "source", "weight at", *(what + ", RTL" * (side == "rtl")
                                 for what in ("level", "weight", "product") for side in sides)))


def _sender(event):
    """The source neuron of an event, as --neuron takes it."""
    source, _ = event["synapse"].split("->")
    place = [event["source"]] if event["position"] is None else event["position"]
    return f"{source}/{','.join(map(str, place))}"


def _cell(value, expected):
    if value is None:
        return ""
    return str(value) if value == expected else f"[red]{value}[/red]"
