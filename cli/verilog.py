"""``qblif verilog``: a network file to Verilog."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec.artifact import write_atomically
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

__all__ = ["verilog", "write_verilog"]


def verilog(
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
    seed: SeedOption = 0,
):
    """Generate Verilog: DIR/network.v, and DIR/manifest.json with what its ports mean. With --bus
    also its registers, as a table and a C header, the writes that load it, and a FuseSoC core."""
    trained = open_network(file)
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


def write_verilog(trained, layout, folder, bake=False, **options):
    """Generate into ``folder``, with the ``options`` of :func:`qblif.hw.verilog.generate`; returns
    what that does."""
    from ..hw.bus.files import BUS_FILES, bus_files
    from ..hw.verilog import generate
    with spinner() as line:
        line.add_task("generate Verilog", total=None)
        generated = generate(layout, trained if bake else None, **options)
        beside = bus_files(trained, generated, options.get("readback", False)) \
            if options.get("bus") else {}
    files = {"network.v": generated.verilog.encode(),
             "manifest.json": json.dumps(generated.manifest, indent=2).encode()} | beside
    for name in BUS_FILES:
        (folder / name).unlink(missing_ok=True)  # Of an earlier run.
    for name, content in files.items():
        write_atomically(folder / name, content)
    return generated
