"""A sweep from its space to its front: points are claimed, evaluated by workers, written down."""

import concurrent.futures
import json
from pathlib import Path

from ..api.network import load
from ..boards.flow.tools import SynthError
from ..golden.spec.errors import InvalidType, InvalidValue, QblifError
from ..golden.spec.files import write_atomically
from ..golden.training.nets import build
from ..report.charts.front import draw_fronts
from .evaluate import Task, data_for, evaluate
from .journal import Journal
from .space import OBJECTIVES

__all__ = ["best", "run_sweep", "write_sweep"]


def run_sweep(space, folder, workers, progress=lambda done, total: None,
              publish=lambda content: None):
    """Evaluate the points of a :class:`~qblif.sweep.space.Space` that nobody has finished or is at.

    Parameters
    ----------
    space : :class:`~qblif.sweep.space.Space`
    folder : Path
        Holds the journal and the trained networks; may be that of other processes on other hosts.
    workers : :class:`~qblif.sweep.workers.Workers`
    progress : callable
        Called with how many points are finished, by all processes, and how many there will be.
    publish : callable
        Called with the content of ``sweep.json``, to write it, while no other process reads the
        journal for its own: of two that end at once, the one that writes last has all points.

    Returns the content of ``sweep.json``.  Raises
    :class:`~qblif.golden.spec.errors.QblifError` for a journal of another sweep, and where the
    machine cannot measure a point; the others are kept.
    """
    task, identity = _prepare(space, folder)
    with Journal(folder, space, identity) as journal:
        running = {}
        try:
            while True:
                progress(len(journal.finished()), space.wanted)
                while len(running) < workers.slots and (claimed := journal.claim()):
                    number, point = claimed
                    running[workers.submit(evaluate, task, point)] = number, point
                if not running:
                    with journal.lock():
                        content = _describe(space, identity, journal.finished())
                        publish(content)
                    return content
                done, _ = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    _record(journal, future, *running.pop(future))
        finally:
            for future in running:
                future.cancel()


def _prepare(space, folder):
    """``(task, identity)``, once all is read that every point needs."""
    identity = space.describe() | {"data": None}
    if space.network is not None:
        trained = load(space.network)
        identity |= {"network": Path(space.network).stem, "weights": trained.weights_digest}
        task = Task(space, str(Path(folder).resolve()), trained.weights_digest)
        if space.on_images:
            images = data_for(trained, space.data)
            trained.levels(images.images.test_images[:1])  # It says where they do not fit.
            identity["data"] = images.digest
        return task, identity
    for net in space.parameters.get("net", (None,)):
        point = next(space.grid()) | ({} if net is None else {"net": net})
        config = space.config(point)
        images = data_for(config, space.data)
        build(config, images.images.shape, images.images.classes, images.images.static)
        identity["data"] = images.digest
    return Task(space, str(Path(folder).resolve())), identity


def _record(journal, future, number, point):
    try:
        journal.finish(number, future.result())
    except (InvalidValue, InvalidType, SynthError) as error:
        journal.refuse(number, " ".join(str(error).split()))
    except QblifError as error:
        raise QblifError(f"{_words(point)}: {error}") from error


def _words(point):
    return ", ".join(f"{name} {value}" for name, value in point.items())


def _describe(space, identity, finished):
    """The content of ``sweep.json``: the same however often the sweep was interrupted, by whatever
    processes it was run."""
    points = [{"parameters": one.point, "figures": one.figures} for one in finished
              if one.figures is not None]
    front = best([point["figures"] for point in points])
    return {"space": identity, "wanted": space.wanted, "objectives": [
        {"name": name, "unit": OBJECTIVES[name][0], "more_is_better": OBJECTIVES[name][1]}
        for name in space.objectives],
        "points": [point | {"front": k in front} for k, point in enumerate(points)],
        "refused": [{"parameters": one.point, "reason": one.reason} for one in finished
                    if one.figures is None]}


def best(figures):
    """Indices of the Pareto front among dictionaries of figures by objective: no other is at least
    as good in every objective and better in one."""
    costs = [tuple(-value if OBJECTIVES[name][1] else value for name, value in found.items())
             for found in figures]
    return {k for k, one in enumerate(costs)
            if not any(other != one and all(a <= b for a, b in zip(other, one, strict=True))
                       for other in costs)}


def write_sweep(folder, content):
    """``sweep.json``, and the fronts of this ``content`` as ``sweep.svg``."""
    text = json.dumps(content, indent=2, allow_nan=False)
    write_atomically(Path(folder) / "sweep.json", f"{text}\n".encode())
    write_atomically(Path(folder) / "sweep.svg", draw_fronts(json.loads(text)).encode())
