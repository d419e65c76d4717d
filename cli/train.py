"""``qblif train``: from images to a network file."""

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec import Reset
from ..golden.spec.errors import InvalidValue
from ..golden.training.config import SURROGATE_NAMES
from ..golden.training.presets import PRESETS
from ..golden.training.recipes import RECIPES, choose_recipe, recipe_of
from .common import (
    DataOption,
    OutOption,
    SeedOption,
    console,
    dataset,
    make_folder,
    open_network,
    progress_bar,
    table,
    write_report,
)
from .event_report import event_remarks, event_table

__all__ = ["SetOption", "read_changes", "train", "train_network"]

NETWORK_FILE = "network.safetensors"
SetOption = Annotated[list[str] | None, typer.Option(
    "--set", metavar="FIELD=VALUE", help="Any other field of the recipe, as "
    "golden/training/config.py lists them; may be repeated.")]


def train(
    out: OutOption = Path("out"),
    data: DataOption = None,
    seed: SeedOption = 0,
    net: Annotated[str | None, typer.Option(
        metavar="NAME", help="dense, lenet, mnist-cnn, vgg-small, resnet20, resnet19, resnet18, "
        "resnet34, or a chain like 16c3s2-32c3-p2-d64.")] = None,
    recipe: Annotated[str | None, typer.Option(
        "--recipe", metavar="NAME",
        help=f"{', '.join(RECIPES)}. Default: the network's own, or the data's.")] = None,
    width: Annotated[float | None, typer.Option(
        help="Factor on channel counts and hidden sizes.")] = None,
    hidden: Annotated[str | None, typer.Option(
        metavar="N[,N..]", help="Sizes of the hidden populations of a dense network.")] = None,
    timesteps: Annotated[int | None, typer.Option(help="T.")] = None,
    neuron: Annotated[str | None, typer.Option(
        metavar="NAME", help=f"{', '.join(PRESETS)}, as golden/training/presets.py has them.",
        )] = None,
    n_max: Annotated[str | None, typer.Option(
        metavar="N[,N..]", help="Largest burst level, 1..63; one a hidden population, or one for "
        "all.")] = None,
    input_n_max: Annotated[int | None, typer.Option(
        help="Largest burst level of a pixel, 1..63.")] = None,
    w_width: Annotated[int | None, typer.Option(help="Weight bits.")] = None,
    v_width: Annotated[int | None, typer.Option(
        help="Membrane bits, saturating. Default: as many as cannot overflow.")] = None,
    beta: Annotated[float | None, typer.Option(help="Leak, rounded to shifts.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Reset, rounded to shifts.")] = None,
    reset: Annotated[str | None, typer.Option(
        metavar="|".join(Reset.KINDS), help="Reset: eq. 8, or a relative.")] = None,
    surrogate: Annotated[str | None, typer.Option(
        metavar="|".join(SURROGATE_NAMES),
        help="Gradient of a level.")] = None,
    epochs: Annotated[int | None, typer.Option(help="In floating point.")] = None,
    qat_epochs: Annotated[int | None, typer.Option(help="Of quantisation-aware training.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    activity: Annotated[float | None, typer.Option(
        help="Penalty on bursts: fewer events, faster hardware.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    change: SetOption = None,
    like: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Train other weights for the hardware of this network file: its "
        "thresholds and widths are kept, so that its bitstream runs them.")] = None,
    teacher: Annotated[Path | None, typer.Option(
        metavar="FILE", help="A larger network for the same images, whose answers are mixed with "
        "the labels.")] = None,
    start: Annotated[Path | None, typer.Option(
        metavar="CHECKPOINT", help="Begin with the float weights of an earlier training of the "
        "same graph; recipe and images may differ.")] = None,
    device: Annotated[str, typer.Option(help="torch device: cpu, cuda.")] = "cpu",
    resume: Annotated[bool, typer.Option(help="Continue from DIR/checkpoint.pt.")] = False,
):
    """Train a network and export it as integers: DIR/network.safetensors.

    What is not given comes from a documented recipe of golden/training/recipes.py, with --like from
    the training of that file. Under torchrun each process takes its share of every batch.
    """
    # Set before torch is imported: beside other work, threads that wait would slow the others.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from ..golden.training.parallel import process_group
    sizes = None if hidden is None else tuple(_numbers("Hidden sizes", hidden))
    tops = n_max and _numbers("N_max", n_max)
    given = {"net": net, "width": width, "hidden": sizes, "timesteps": timesteps,
             "n_max": tops and (tops[0] if len(tops) == 1 else tuple(tops)),
             "input_n_max": input_n_max, "w_width": w_width, "v_width": v_width,
             "beta": beta, "alpha": alpha, "reset_kind": reset, "surrogate": surrogate,
             "epochs": epochs, "qat_epochs": qat_epochs, "batch": batch, "lr": lr,
             "activity": activity, "threads": threads, "seed": seed} | read_changes(change)
    there = like and open_network(like)
    base = recipe_of(there, like) if there and not recipe else None
    config = choose_recipe(data, recipe, neuron, base, **given)
    if hidden is not None and config.net != "dense":
        raise InvalidValue(f"--hidden is of dense networks: it does not go with --net {config.net}")
    _check_device(device)
    folder = make_folder(out, "train")
    with process_group(device) as own, _stopped(folder / "checkpoint.pt", resume):
        trained, report = train_network(config, dataset(data, config), folder, device=own,
                                        resume=resume, like=there and there.spec, start=start,
                                        teacher=teacher and open_network(teacher))
    if report:
        write_report(folder, "train", report)
    return trained


@contextlib.contextmanager
def _stopped(checkpoint, resume):
    """Ctrl-C says how to go on, once there is a checkpoint of this training."""
    before = _written(checkpoint)
    try:
        yield
    except KeyboardInterrupt as error:
        if checkpoint.is_file() and (resume or _written(checkpoint) != before):
            error.add_note(f"--resume continues from {checkpoint}")
        raise


def _written(file):
    """When it was, or ``None``."""
    return file.stat().st_mtime_ns if file.is_file() else None


def read_changes(texts):
    """``{field: value}`` of ``FIELD=VALUE`` texts; values are JSON, or else themselves."""
    found = {}
    for text in texts or ():
        field, given, value = text.partition("=")
        if not given:
            raise InvalidValue(f"--set takes FIELD=VALUE, not {text!r}")
        try:
            found[field] = json.loads(value)
        except json.JSONDecodeError:
            found[field] = value
    return found


def train_network(config, images, folder, device="cpu", **options):
    """Train with a progress bar, save, and show what came out; returns network and report.

    ``options`` are those of :func:`qblif.golden.training.train.train`.  Of several processes only
    the first shows, saves and reports.
    """
    from ..golden.training.parallel import rank
    from ..golden.training.train import train as run
    if rank():
        return run(config, images, device=device, checkpoint=folder / "checkpoint.pt",
                   **options), None
    start = time.perf_counter()
    _show_events(config, images)
    with progress_bar() as bar:
        task = bar.add_task("train", total=None)

        def show(state):
            text = f"train {state.phase} {state.epoch}/{state.epochs}, loss {state.loss:.3f}"
            if state.validation is not None:
                text += f", validation {state.validation:.2%}"
            bar.update(task, total=state.total, completed=state.done, description=text)
        trained = run(config, images, progress=show, device=device,
                      checkpoint=folder / "checkpoint.pt", **options)
    seconds = time.perf_counter() - start
    trained.save(folder / NETWORK_FILE)
    notes = trained.notes
    shares = notes.get("validation", {})
    held_out = shares.get("quantised") or shares.get("float") or []
    console.print(table(f"{folder / NETWORK_FILE}", [
        *[("accuracy, validation", f"{share:.2%}") for share in held_out[-1:]],
        ("accuracy, float", f"{notes['accuracy_float']:.2%}"),
        ("accuracy, integer", f"{notes['accuracy_integer']:.2%}"),
        ("test images", len(images.test_labels)),
        ("training", f"{seconds:.0f} s"),
    ]))
    return trained, {
        "network": NETWORK_FILE, "data": images.name, "seconds": round(seconds, 2),
        "network_digest": trained.spec.digest, "weights_digest": trained.weights_digest,
        "config": config.to_dict(), "notes": notes}


def _show_events(config, images):
    """Before hours of training: which events will not reach the network."""
    from ..golden.training.evaluate import event_notes
    found = event_notes(images, config.input_n_max).get("events")
    if found:
        console.print(event_table(images.name, found))
        for text in event_remarks(found["train"], "the training recordings"):
            console.print(f"[yellow]{text}[/yellow]")


def _check_device(device):
    import torch
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidValue(f"Device {device!r} cannot be used: {error}") from error


def _numbers(what, text):
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidValue(f"{what} must be numbers like 128,64, not {text!r}") from None
