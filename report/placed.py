"""The parts of a report that follow from a placed design: its resources, floorplan and timing."""

from collections import Counter, defaultdict

__all__ = ["component_of", "describe_floorplan", "describe_placed", "describe_timing"]

TILES = 64  # Of a floorplan's longer side, about.
KINDS = ("lut", "ff", "bram", "dsp", "spram")
REST = "the rest"


def component_of(instance, spec):
    """The stage, and its engine or its neurons, in which an instance of a dotted name lies; what
    lies in no stage is the rest: the input, counters, the load port, a host link."""
    parts, stages = instance.split("."), {population.name for population in spec.populations}
    at = next((k for k, part in enumerate(parts) if part in stages), None)
    if at is None:
        return REST
    inner = parts[at + 1] if len(parts) > at + 1 else ""
    return f"{parts[at]} {'engine' if inner.startswith('engine_') else 'neurons'}"


def components_of(spec):
    """All names that :func:`component_of` gives, in order."""
    return [f"{p.name} {part}" for p in spec.populations for part in ("engine", "neurons")] + [REST]


def describe_placed(spec, report, floorplan, origin):
    """Cells of each component, and of the whole design; ``origin`` says which run placed it."""
    cells = defaultdict(Counter)
    for _, _, instance, kind, count in floorplan["cells"]:
        cells[component_of(floorplan["instances"][instance], spec)][kind] += count
    kinds = [kind for kind in KINDS if report["capacities"].get(kind)]
    return {"origin": origin, "device": report["device"], "part": report["part"],
            "seed": report["seed"], "fmax_mhz": report["fmax_mhz"],
            "total": {kind: report[kind] for kind in kinds},
            "capacity": {kind: report["capacities"][kind] for kind in kinds},
            "components": [{"name": name} | {kind: cells[name][kind] for kind in kinds}
                           for name in components_of(spec) if name in cells]}


def describe_floorplan(spec, floorplan):
    """Cells of each component by tile: ``tiles`` are lists of column, row and cells; ``side`` is
    that of a tile in places."""
    columns, rows = floorplan["grid"]
    side = max(1, round(max(columns, rows) / TILES))
    tiles = defaultdict(Counter)
    for column, row, instance, _, count in floorplan["cells"]:
        name = component_of(floorplan["instances"][instance], spec)
        tiles[name][column // side, row // side] += count
    return {"columns": columns, "rows": rows, "side": side, "path": floorplan["path"],
            "most": max((max(found.values()) for found in tiles.values()), default=0),
            "components": [{"name": name, "cells": tiles[name].total(), "tiles": [
                [*place, count] for place, count in sorted(tiles[name].items())]}
                for name in components_of(spec) if name in tiles]}


def describe_timing(spec, report, floorplan):
    """How long before the latest signal each one arrives, and the longest path piece by piece."""
    arrivals = floorplan["arrivals"]
    steps = (report["path"] or {"steps": []})["steps"]
    ends = [_component(step["cell"], spec) for step in (steps[0], steps[-1])] if steps else None
    routing, logic_ns = (sum(step["ns"] for step in steps if (step["kind"] == "routing") == wire)
                         for wire in (True, False))
    logic = Counter(step["type"] for step in steps if step["kind"] == "logic")
    return {
        "fmax_mhz": report["fmax_mhz"], "latest_ns": arrivals["longest_ns"],
        "endpoints": sum(arrivals["counts"]),
        "slack": {"bin_ns": arrivals["longest_ns"] / len(arrivals["counts"]),
                  "counts": arrivals["counts"][::-1]},
        "path": None if ends is None else {
            "source": {"component": ends[0], "cell": steps[0]["cell"], "type": steps[0]["type"]},
            "sink": {"component": ends[1], "cell": steps[-1]["cell"], "type": steps[-1]["type"]},
            "ns": routing + logic_ns, "routing_ns": routing, "logic_ns": logic_ns,
            "luts": logic["LUT"], "carry_bits": logic["carry"],
            "steps": [{"kind": step["kind"], "ns": step["ns"], "type": step["type"]}
                      for step in steps]}}


def _component(cell, spec):
    """Of a cell by its name, whose last part is a signal or a memory."""
    return component_of(cell.rpartition(".")[0], spec)
