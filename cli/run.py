"""``qblif run``: images through a board."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .common import (
    DataOption,
    NetworkArgument,
    OutOption,
    choose_images,
    console,
    dataset,
    make_folder,
    open_network,
    progress_bar,
    table,
    write_report,
)
from .event_report import event_remarks, event_rows
from .load import BaudOption, PortOption, TimeoutOption
from .play import play_frames

__all__ = ["run"]


def run(
    file: NetworkArgument,
    port: PortOption,
    baud: BaudOption = 921_600,
    timeout: TimeoutOption = 1.0,
    out: OutOption = Path("out"),
    data: DataOption = None,
    images: Annotated[str, typer.Option(
        metavar="N|all", help="How many of the test images.")] = "100",
    scores: Annotated[bool, typer.Option(
        "--scores", help="Write the scores into the JSON, too: membranes of a read-out, or sums "
                         "of levels.")] = False,
    check: Annotated[bool, typer.Option(
        help="Compare every class, score, level and cycle count with the integer model.")] = False,
):
    """Run test images on a board that `qblif load` has loaded, or whose network is logic. Exit code
    1 where a check fails."""
    from ..boards.host.host import Host
    from ..boards.host.identity import LogicIdentity
    from ..boards.host.line import open_port

    trained = open_network(file)
    known = dataset(data, trained)
    pixels, labels = choose_images(known, images, trained.spec)
    frames = trained.spec.input.levels_of(pixels)
    with open_port(port, baud, timeout) as line, progress_bar() as bar:
        host = Host(line, timeout)
        task = bar.add_task("run", total=len(frames))
        identity = host.identify()
        folder = make_folder(out, "run")
        if isinstance(identity, LogicIdentity):
            report = play_frames(
                host, trained, identity, pixels, labels, check=check, scores=scores,
                progress=lambda done: bar.update(task, completed=done))
            write_report(folder, "run", report)
            if not report["ok"]:
                raise typer.Exit(1)
            return
        outcome = host.run(trained, frames, levels=check, scores=scores or check,
                           progress=lambda done: bar.update(task, completed=done))
        identity = host.identify()
    report = _report(trained, identity, labels, outcome)
    if scores and outcome.scores is not None:
        report["scores"] = outcome.scores.tolist()
    counts = known.event_counts("test")
    if counts is not None:
        report["input_events"] = counts[:len(labels)].summary(trained.spec.input.n_max)
    if check:
        report |= _check(trained, identity, frames, outcome)
    _show(report)
    write_report(folder, "run", report)
    if not report["ok"]:
        raise typer.Exit(1)


def _report(trained, identity, labels, outcome):
    count = len(labels)
    return {
        "ok": True, "images": count, "network_digest": identity.digest,
        "weights_digest": trained.weights_digest, "clock_hz": identity.clock_hz,
        "lanes": identity.lanes,
        "accuracy": float(np.mean(outcome.classes == labels)),
        "classes": outcome.classes.tolist(), "cycles": outcome.cycles.tolist(),
        "cycles_mean": float(outcome.cycles.mean()),
        "core_seconds_per_image": outcome.core_seconds / count,
        "seconds_per_image": outcome.seconds / count,
        "bytes_sent_per_image": outcome.sent / count,
        "bytes_received_per_image": outcome.received / count}


def _check(trained, identity, frames, outcome):
    """Differences from the integer model and from the cycle model, each frame on its own."""
    from ..golden import integer
    from ..hw.layout.cycles import count_cycles

    expected = integer.run(trained, frames)
    levels = {name: tensor.numpy() for name, tensor in expected.levels.items()}
    layout = identity.layout(trained.spec)
    cycles = [int(count_cycles(layout, frames[k:k + 1], {
        name: found[:, k:k + 1] for name, found in levels.items()}).latency[0])
        for k in range(len(frames))]
    wrong = {
        "classes": int(np.sum(outcome.classes != expected.classes.numpy())),
        "scores": int(np.sum(outcome.scores != expected.scores.numpy())),
        "levels": sum(int(np.sum(found != levels[name]))
                      for name, found in outcome.levels.items()),
        "cycles": int(np.sum(outcome.cycles != np.array(cycles)))}
    return {"ok": not any(wrong.values()), "mismatches": wrong,
            "levels_compared": sum(found.size for found in outcome.levels.values())}


def _show(report):
    rows = [
        ("accuracy", f"{report['accuracy']:.2%}"),
        ("cycles an image", f"{report['cycles_mean']:.1f}"),
        ("core time an image", f"{report['core_seconds_per_image'] * 1e6:.1f} us"),
        ("end to end an image", f"{report['seconds_per_image'] * 1e3:.2f} ms"),
        ("bytes an image, sent", f"{report['bytes_sent_per_image']:.1f}"),
        ("bytes an image, received", f"{report['bytes_received_per_image']:.1f}")]
    rows += [(f"{what} that differ", count)
             for what, count in report.get("mismatches", {}).items()]
    events = report.get("input_events")
    console.print(table(f"{report['images']} images on the board",
                        rows + event_rows(events)))
    for text in event_remarks(events, "these recordings"):
        console.print(f"[yellow]{text}[/yellow]")
