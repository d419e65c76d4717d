"""``qblif stream``: a recording of events into a board, in its own time."""

import zipfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..golden.spec.errors import InvalidValue
from .common import (
    NetworkArgument,
    OutOption,
    console,
    make_folder,
    open_network,
    progress_bar,
    table,
    write_report,
)
from .event_report import event_remarks
from .load import BaudOption, PortOption, TimeoutOption

__all__ = ["stream"]


def stream(
    file: NetworkArgument,
    events: Annotated[Path, typer.Argument(
        metavar="EVENTS", help="A recording: N-MNIST's .bin; a DVS128's .aedat (2.0 or 3.1); .npz "
        "with the arrays t (microseconds), x, y and p; .aedat4, .es, .raw, .dat or .csv, which "
        "need the extra events.")],
    port: PortOption,
    window: Annotated[int, typer.Option(
        min=1, metavar="US", help="Microseconds of a timestep.")],
    baud: BaudOption = 921_600,
    timeout: TimeoutOption = 1.0,
    speed: Annotated[float, typer.Option(
        min=0, help="How much faster than the events' own time; 0 as fast as the board takes "
        "them.")] = 1.0,
    keep: Annotated[bool, typer.Option(
        "--keep", help="A frame starts with the membranes that the one before left, and not from "
        "rest.")] = False,
    out: OutOption = Path("out"),
    check: Annotated[bool, typer.Option(
        help="Compare every class with the integer model on the same timesteps.")] = False,
):
    """Stream time-stamped events into a board that `qblif load` has loaded.

    The board counts them, timestep by timestep, and gives a class for each frame of timesteps.
    Exit code 1 where a check fails.
    """
    from ..boards.host.host import Host
    from ..boards.host.line import open_port
    from ..boards.host.live import run_live

    trained = open_network(file)
    times, neurons = read_events(events, trained.spec.input.shape)
    with open_port(port, baud, timeout) as line, progress_bar() as bar:
        host = Host(line, timeout)
        host.check(trained)
        folder = make_folder(out, "stream")
        task = bar.add_task("stream", total=len(times))
        found = run_live(host, trained, times, neurons, window, speed=speed, keep=keep,
                         progress=lambda done: bar.update(task, completed=done))
        clock_hz = host.identify().clock_hz
    report = _report(trained, found, len(times), window, speed, clock_hz)
    if check:
        expected = expected_classes(trained, times, neurons, window, keep)
        wrong = int((found.classes != expected).sum())
        report |= {"ok": not wrong, "mismatches": {"classes": wrong}}
    _show(report)
    write_report(folder, "stream", report)
    if not report["ok"]:
        raise typer.Exit(1)


def read_events(path, shape):
    """Times in microseconds and neurons of a recording's events, for an input of ``shape``, two
    polarities of a camera."""
    from ..golden.training.data.aedat_files import read_aedat
    from ..golden.training.data.camera_files import SUFFIXES, read_camera
    from ..golden.training.data.event_files import read_nmnist
    if len(shape) != 3 or shape[0] != 2:
        raise InvalidValue(f"The network's input must be (2, rows, columns), as of a camera, to "
                           f"take recordings, not {shape}")
    if not path.is_file():
        raise InvalidValue(f"{path}: there is no such file")
    readers = {".bin": read_nmnist, ".aedat": read_aedat, ".npz": _read_arrays,
               **dict.fromkeys(SUFFIXES, read_camera)}
    if path.suffix not in readers:
        raise InvalidValue(f"{path}: must be one of {', '.join(readers)}")
    t, *place = readers[path.suffix](path)
    if not len(t):
        raise InvalidValue(f"{path}: holds no events")
    for name, values, size in zip("xyp", place, (shape[2], shape[1], 2), strict=True):
        if not 0 <= values.min() <= values.max() < size:
            raise InvalidValue(f"{path}: {name} must be in 0..{size - 1}, not {values.min()}.."
                               f"{values.max()}")
    order = np.argsort(t, kind="stable")
    x, y, p = (np.asarray(values, np.int64)[order] for values in place)
    return np.asarray(t, np.int64)[order], np.ravel_multi_index((p, y, x), shape)


def _read_arrays(path):
    try:
        with np.load(path) as arrays:
            found = [arrays[name] for name in "txyp"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidValue(f"{path}: must be an .npz file with t, x, y and p ({error})") from error
    if any(a.ndim != 1 or a.dtype.kind not in "iu" or a.shape != found[0].shape for a in found):
        raise InvalidValue(f"{path}: t, x, y and p must be integers of one shape (events,)")
    return found


def expected_classes(trained, times, neurons, window, keep=False):
    """Classes of the integer model for the same timesteps."""
    from ..golden import integer
    from ..golden.training.data.events import Binning
    spec = trained.spec
    frames = int(times[-1] - times[0]) // (window * spec.timesteps) + 1
    none = np.zeros_like(neurons)
    counts = Binning(frames * spec.timesteps, window=window).frames(
        times, neurons, none, none, (1, spec.input.size), channels=1)
    levels = np.minimum(counts.reshape(frames, spec.timesteps, -1), spec.input.n_max)
    return integer.run(trained, levels, trace=False, keep=keep).classes.numpy()


def _report(trained, found, events, window, speed, clock_hz):
    micros = 1e6 / clock_hz
    return {
        "ok": True, "events": events, "frames": len(found.classes), "window_us": window,
        "speed": speed, "network_digest": trained.spec.digest,
        "weights_digest": trained.weights_digest, "clock_hz": clock_hz,
        "classes": found.classes.tolist(), "latency_cycles": found.latencies.tolist(),
        "latency_mean_us": float(found.latencies.mean()) * micros,
        "latency_max_us": float(found.latencies.max()) * micros,
        "clipped": found.clipped, "waited_us": found.waited * micros,
        "lag_seconds": found.lag, "seconds": found.seconds,
        "overloaded": found.lag > window / 1e6}


def _show(report):
    rows = [
        ("frames", report["frames"]), ("seconds", f"{report['seconds']:.2f}"),
        ("latency, mean", f"{report['latency_mean_us']:.1f} us"),
        ("latency, most", f"{report['latency_max_us']:.1f} us"),
        ("events beyond N_max, cut off", report["clipped"]),
        ("events waited for ends of timesteps", f"{report['waited_us']:.1f} us"),
        ("behind the events' time, at most", f"{report['lag_seconds'] * 1e3:.1f} ms")]
    rows += [(f"{what} that differ", count)
             for what, count in report.get("mismatches", {}).items()]
    console.print(table(f"{report['events']:,} events on the board", rows))
    for text in event_remarks({"recorded": report["events"], "late": 0,
                               "clipped": report["clipped"]}, "this recording"):
        console.print(f"[yellow]{text}[/yellow]")
    if report["overloaded"]:
        console.print(f"[yellow]overload: the board, or its line, fell behind the events by more "
                      f"than a timestep of {report['window_us']:,} us; no event was lost[/yellow]")
