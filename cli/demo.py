"""``qblif demo``: the whole chain on digits that need no download."""

import time
from pathlib import Path
from typing import Annotated

import typer

from .common import OutOption, SeedOption, console, dataset, layout_for, make_folder, write_report
from .quick import show_digit
from .simulate import simulate_network
from .synth import synthesise_network
from .train import train_network

__all__ = ["demo"]

LANES = "32"
DEVICE = "ecp5-85k"


def demo(
    out: OutOption = Path("out/demo"), seed: SeedOption = 0,
    quick: Annotated[bool, typer.Option(
        "--quick", help="Seconds instead of minutes: one digit through a network that ships, and "
        "Amaranth's simulator instead of Verilator. --seed picks the digit.")] = False,
):
    """Train on the embedded digits, export, generate, simulate every held-out digit, place on ECP5.

    Takes a few minutes. Exit code 1 where the hardware differs from the integer model anywhere.
    """
    if quick:
        report = show_digit(seed)
        write_report(make_folder(out, "demo"), "demo", report)
        if not report["ok"]:
            raise SystemExit(1)
        return
    from ..golden.training.recipes import choose_recipe
    start = time.perf_counter()
    folder = make_folder(out, "train", "simulate", "synth", "demo")
    console.rule("1  train and export")
    images = dataset(None)
    trained, training = train_network(choose_recipe(None, seed=seed), images, folder)
    write_report(folder, "train", training)

    layout = layout_for(trained, LANES)
    console.rule("2  simulate the Verilog, and compare every spike")
    simulation = simulate_network(trained, layout, images, "all", "verilator", folder)
    write_report(folder, "simulate", simulation)

    console.rule("3  synthesise, place and route")
    synthesis = synthesise_network(trained, layout, folder, DEVICE)
    write_report(folder, "synth", synthesis)

    seconds = time.perf_counter() - start
    rate = float(synthesis["fmax_mhz"]) * 1e6 / simulation["cycles"]["interval_mean"]
    console.rule("done")
    wrong = sum(simulation["mismatches"].values())
    console.print(f"{simulation['images']} digits: {simulation['accuracy']['rtl']:.1%} right on "
                  f"the hardware, {wrong} of {simulation['levels_compared']} levels differ from "
                  f"the integer model; {synthesis['lut']} LUTs at {synthesis['fmax_mhz']:.0f} MHz "
                  f"are {rate:,.0f} images a second. {seconds:.0f} s.")
    write_report(folder, "demo", {
        "seconds": round(seconds, 2), "images": simulation["images"],
        "accuracy": simulation["accuracy"], "mismatches": simulation["mismatches"],
        "images_per_second": rate, **{k: synthesis[k] for k in ("device", "lut", "fmax_mhz")}})
    if not simulation["ok"]:
        raise SystemExit(1)
