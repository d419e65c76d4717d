"""``qblif verilog``: a network file to Verilog."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec.artifact import write_atomically
from ..golden.spec.errors import InvalidValue
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
    RowOption,
    check_options,
    logic_layout,
    pace,
)

__all__ = ["verilog", "write_logic", "write_verilog"]


def verilog(
    context: typer.Context,
    file: NetworkArgument,
    out: OutOption = Path("out"),
    lanes: LanesOption = "32",
    burst: BurstOption = "shift",
    quantiser: QuantiserOption = None,
    time: TimeOption = "inner",
    bake: Annotated[bool, typer.Option(
        help="Put the weights into the memories' initial contents.")] = False,
    sound: Annotated[bool, typer.Option(
        "--sound", help="With the sound front end: it takes samples in place of events.")] = False,
    bus: BusOption = None,
    readback: Annotated[bool, typer.Option(
        "--readback", help="With --bus: loaded words can be read back, for a multiplexer over all "
        "memories.")] = False,
    logic: LogicOption = False,
    adders: AddersOption = "compressors",
    row: RowOption = 2,
    pixels: PixelsOption = False,
    interleave: InterleaveOption = False,
    taps: Annotated[bool, typer.Option(
        "--taps", help="With --logic: hidden levels come out, too.")] = False,
    seed: SeedOption = 0,
):
    """Generate Verilog: DIR/network.v, and DIR/manifest.json with what its ports mean. With --bus
    also its registers, as a table and a C header, the writes that load it, and a FuseSoC core."""
    check_options(context, logic)
    if readback and bus is None:
        raise InvalidValue("--readback needs --bus axi or wishbone")
    trained = open_network(file)
    if logic:
        report = write_logic(logic_layout(trained, adders, row, pixels, interleave),
                             make_folder(out, "verilog"), taps)
        write_report(out, "verilog", report)
        return
    layout = layout_for(trained, lanes, burst, quantiser, time)
    generated = write_verilog(trained, layout, make_folder(out, "verilog"), bake, sound=sound,
                              bus=bus, readback=readback)
    manifest = generated.manifest
    console.print(table(f"{out / 'network.v'}", [
        (f"{e['source']} to {s['name']}", e["lanes"], s["fire_lanes"],
         f"{e['depth']} x {e['slices']}")
        for s in manifest["stages"] for e in s["synapses"]],
        ("synapses", "lanes", "fire lanes", "weight words x slices")))
    write_report(out, "verilog", {
        "verilog": "network.v", "manifest": "manifest.json", "top": manifest["top"],
        "lines": generated.verilog.count("\n"), "baked": bake, "bus": bus,
        **{key: manifest[key] for key in ("verilog_sha256", "network_digest", "stages")}})


def write_logic(layout, folder, taps=False):
    """The same files of a network as logic; shows its populations and returns the content of
    ``verilog.json``."""
    from ..hw.verilog import generate_logic
    with spinner() as line:
        line.add_task("generate Verilog", total=None)
        generated = generate_logic(layout, taps=taps)
    _write(folder, generated)
    manifest = generated.manifest
    stages = manifest["stages"]
    console.print(table(f"{folder / 'network.v'}", [
        (stage["name"], f"{stage['adders']:,}", stage["done"]) for stage in stages],
        ("population", "adders", "done in clock")))
    console.print(pace(layout))
    return {"verilog": "network.v", "manifest": "manifest.json", "top": manifest["top"],
            "lines": generated.verilog.count("\n"), **{key: manifest[key] for key in (
                "adders", "adders_in_a_row", "pixels", "latency", "verilog_sha256",
                "network_digest", "stages")}}


def write_verilog(trained, layout, folder, bake=False, **options):
    """Generate into ``folder``, with the ``options`` of :func:`qblif.hw.verilog.generate`; returns
    what that does."""
    from ..hw.bus.files import bus_files
    from ..hw.verilog import generate
    with spinner() as line:
        line.add_task("generate Verilog", total=None)
        generated = generate(layout, trained if bake else None, **options)
        beside = bus_files(trained, generated, options.get("readback", False)) \
            if options.get("bus") else {}
    _write(folder, generated, beside)
    return generated


def _write(folder, generated, beside=()):
    files = {"network.v": generated.verilog.encode(),
             "manifest.json": json.dumps(generated.manifest, indent=2).encode()} | dict(beside)
    for name in BUS_FILES:
        (folder / name).unlink(missing_ok=True)  # Of an earlier run.
    for name, content in files.items():
        write_atomically(folder / name, content)
