"""``qblif systems``: every named neuron in one budget, from training to placement, in a table."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .common import (
    DataOption,
    OutOption,
    SeedOption,
    check_count,
    console,
    dataset,
    layout_for,
    make_folder,
    open_network,
    table,
    write_report,
)
from .simulate import simulate_network
from .synth import synthesise_network
from .train import NETWORK_FILE, train_network

__all__ = ["systems"]

COLUMNS = ("neuron", "float", "integer", "RTL", "levels that differ", "operations an image",
           "nJ by Table 6", "cycles an image", "LUTs", "MHz")


def systems(
    out: OutOption = Path("out"),
    data: DataOption = None,
    seed: SeedOption = 0,
    neurons: Annotated[str | None, typer.Option(
        metavar="NAME[,NAME..]", help="Some of golden/training/presets.py; default: all.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs in floating point.")] = 25,
    qat_epochs: Annotated[int, typer.Option(min=0, help="Quantisation-aware epochs.")] = 4,
    images: Annotated[str, typer.Option(
        metavar="N|all", help="Test images on the RTL.")] = "all",
    lanes: Annotated[str, typer.Option(help="Lanes of the busiest stage.")] = "32",
    simulator: Annotated[str, typer.Option(metavar="verilator|icarus")] = "verilator",
    device: Annotated[str, typer.Option(help="FPGA to place on.")] = "ecp5-85k",
):
    """Compare the named neurons: train, simulate on the RTL, synthesise, one after the other.

    Each gets the same network, data, epochs and seed. What is finished is kept in DIR/NAME and is
    not measured again, so that an interrupted comparison continues; other options or data are.
    """
    from ..boards.flow.synth import find_device
    from ..golden.training.checkpoint import fingerprints
    from ..golden.training.presets import PRESETS, with_preset
    from ..golden.training.recipes import choose_recipe
    from ..sim.simulators import require
    find_device(device)
    require(simulator)
    check_count(images)
    chosen = neurons.split(",") if neurons else list(PRESETS)
    base = replace(choose_recipe(data), epochs=epochs, qat_epochs=qat_epochs, seed=seed)
    configs = {name: with_preset(base, name) for name in chosen}  # It says which names there are.
    pictures = dataset(data, base)
    layout_for(untrained(base, pictures), lanes)  # It says which lanes there cannot be.
    folder = make_folder(out, "systems")
    common = {"data": fingerprints(pictures),
              "simulator": simulator, "images": images, "lanes": lanes, "device": device}
    report = {}
    for name, config in configs.items():
        part = make_folder(folder / name)
        found = part / "system.json"
        wanted = {"config": config.to_dict(), **common}
        kept = json.loads(found.read_text()) if found.is_file() else {}
        if kept.get("wanted") != json.loads(json.dumps(wanted)):
            console.print(f"[bold]{name}[/bold]")
            train_network(config, pictures, part)
            kept = measure(open_network(part / NETWORK_FILE), pictures, part, images, lanes,
                           simulator, device) | {"wanted": wanted}
            write_report(part, "system", kept)
        report[name] = kept
    console.print(table("One neuron, three axes", [row(name, r) for name, r in report.items()],
                        COLUMNS))
    write_report(folder, "systems", report)
    if not all(r["ok"] for r in report.values()):
        raise typer.Exit(1)


def untrained(config, pictures):
    """The network that a training begins with, as integers."""
    from ..golden.training.export import export
    from ..golden.training.nets import build
    from ..golden.training.quantise import quantise
    net = build(config, pictures.shape, pictures.classes, pictures.static)
    return export(quantise(net, config.w_width, config.v_width))


def measure(trained, pictures, folder, images, lanes, simulator, device):
    """What the table says of one network."""
    from ..golden.study.analysis import layers_of, take_census
    from ..golden.study.energy import energies, synapse_costs
    layout = layout_for(trained, lanes)
    rtl = simulate_network(trained, layout, pictures, images, simulator, folder)
    placed = synthesise_network(trained, layout, folder, device)
    census = take_census(trained, trained.spec.input.levels_of(pictures.test_images))
    joules = {e.name: e.joules / census.frames for e in energies(
        synapse_costs(trained.spec, census), layers_of(trained, census))}
    return {"ok": rtl["ok"], "accuracy": rtl["accuracy"], "mismatches": rtl["mismatches"],
            "levels_compared": rtl["levels_compared"], "joules": joules,
            "operations": sum(s["synaptic_operations"] for s in rtl["synapses"]),
            "cycles": rtl["cycles"], "lut": placed["lut"], "fmax_mhz": placed["fmax_mhz"],
            "multipliers": placed["multipliers"]}


def row(name, found):
    accuracy, cycles = found["accuracy"], found["cycles"]
    return (name, *(f"{accuracy[kind]:.2%}" for kind in ("float", "integer", "rtl")),
            f"{found['mismatches']['levels']:,} of {found['levels_compared']:,}",
            f"{found['operations']:,.0f}", f"{1e9 * found['joules']['paper']:,.1f}",
            f"{cycles['interval_mean'] or cycles['mean']:,.1f}", f"{found['lut']:,}",
            f"{found['fmax_mhz']:.1f}")
