"""What earlier commands left in a folder: simulated images, a placed design, and a sweep."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..golden.spec.errors import InvalidValue

__all__ = ["Results", "read_results"]

RTL = ("accuracy", "images", "simulator", "mismatches", "levels_compared", "membranes_compared",
       "cycles")
SWEEP = "objectives", "points", "refused"


@dataclass(frozen=True)
class Results:
    """``rtl``: the content of ``simulate.json``.  ``placed``: a placed
    :class:`qblif.boards.flow.report.Report` as JSON; ``floorplan``: that of
    :func:`qblif.boards.flow.floorplan.floorplan`; ``origin``: which command placed it;
    ``sweep``: the content of ``sweep.json``, which may be of other networks."""

    rtl: dict[str, Any] | None = None
    placed: dict[str, Any] | None = None
    floorplan: dict[str, Any] | None = None
    origin: str = ""
    sweep: dict[str, Any] | None = None


def read_results(folder, trained, layout):
    """The :class:`Results` of ``qblif simulate``, ``synth``, ``build`` or ``sweep`` in ``folder``.

    Raises :class:`InvalidValue` where the folder has none of them, where a file is damaged, and
    where it is of another network, other weights or another plan.
    """
    folder, lanes = Path(folder), [list(stage.lanes) for stage in layout.plan.stages]
    found = {name: _read(folder / f"{name}.json") for name in ("simulate", "synth", "build")}
    sweep = _read(folder / "sweep.json")
    if not any((*found.values(), sweep)):
        raise InvalidValue(f"{folder}: has no simulate.json, synth.json, build.json or sweep.json")
    if sweep is not None:
        _check_sweep(folder / "sweep.json", sweep)
    digest = trained.spec.digest
    for name, content in found.items():
        if content is None:
            continue
        path = folder / f"{name}.json"
        _agree(path, "network", _field(path, content, "network_digest"), digest)
        if name == "simulate":
            for field in RTL:
                _field(path, content, field)
            _agree(path, "weights", _field(path, content, "weights_digest"), trained.weights_digest)
            _agree(path, "lanes", [s["lanes"] for s in _field(path, content, "synapses")],
                   [engine.lanes for _, engine, _ in layout.synapses])
        else:
            _agree(path, "lanes", _field(path, content, "lanes"), lanes)
    rtl = found["simulate"]
    for name, work in (("synth", "synth"), ("build", "work")):
        if found[name] is not None:
            placed, floorplan = (_read(folder / work / f"{part}.json")
                                 for part in ("report", "floorplan"))
            if placed is None or floorplan is None:
                raise InvalidValue(f"{folder / work}: has no report.json and floorplan.json: run "
                                   f"`qblif {name}` again")
            return Results(rtl, placed, floorplan, f"qblif {name}", sweep)
    return Results(rtl, sweep=sweep)


def _check_sweep(path, sweep):
    objectives, points, _ = (_field(path, sweep, field) for field in SWEEP)
    for objective in objectives:
        for field in ("name", "unit", "more_is_better"):
            _field(path, objective, field)
    for point in points:
        for field in ("parameters", "front"):
            _field(path, point, field)
        for objective in objectives:
            _field(path, _field(path, point, "figures"), objective["name"])


def _read(path):
    """The JSON object in a file, ``None`` where there is none."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidValue(f"{path}: damaged, it is not JSON") from error
    if not isinstance(content, dict):
        raise InvalidValue(f"{path}: damaged, it has no object")
    return content


def _field(path, content, name):
    if name not in content:
        raise InvalidValue(f"{path}: damaged, it lacks {name!r}")
    return content[name]


def _agree(path, what, found, expected):
    if found != expected:
        raise InvalidValue(f"{path}: is of {what} {found}, not {expected}")
