"""Where a routed design's cells lie on the device, and how long its signals take."""

import json
import re
from collections import Counter

__all__ = ["floorplan"]

BINS = 100  # Of the histogram of arrival times.
_PLACE = re.compile(r"X(\d+)/?Y(\d+)/")


def floorplan(routed, placed, device, owners):
    """What a picture of the placed design needs: small, where the routed netlist is not.

    Parameters
    ----------
    routed : Path
        The netlist that the placer wrote with ``--write``.
    placed : dict
        Its JSON report, with detailed timing.
    device : :class:`qblif.boards.devices.Device`
    owners : dict
        Mapped cell -> instances, of :func:`qblif.boards.flow.components.find_owners`.

    Returns
    -------
    dict
        ``grid``: columns and rows of the device's places; ``instances``: dotted names;
        ``cells``: lists of column, row, index of the instance, kind and count;  ``path``: places of
        the longest path's cells in order; ``arrivals``: a histogram of the latest arrival at each
        register or memory input, from registers, with ``longest_ns``, and ``counts`` of equal bins
        from 0 to it.
    """
    cells, names = Counter(), {}
    for name, (kind, place) in _placed_cells(routed, device.family).items():
        instance = ".".join(_owner(name, owners))
        cells[*place, names.setdefault(instance, len(names)), kind] += 1
    columns, rows = device.grid or (1 + max((place[axis] for place in cells), default=0)
                                    for axis in (0, 1))
    return {"grid": [columns, rows], "instances": list(names),
            "cells": [[*place, count] for place, count in sorted(cells.items())],
            "path": _path(placed), "arrivals": _arrivals(placed)}


def _placed_cells(path, family):
    """Name -> kind and place, of the cells that a device has a number of.

    The file is tens of megabytes, most of it routes and connections, which are dropped as they are
    read.
    """
    def slim(fields):
        if "port_directions" in fields:  # A cell.
            kind = family.placer.cells.get(fields["type"]) or family.kind_of(fields["type"])
            place = fields["attributes"]
            return (kind, place) if kind and isinstance(place, tuple) else None
        if "NEXTPNR_BEL" in fields:  # Its attributes.
            place = _PLACE.match(fields["NEXTPNR_BEL"])
            return (int(place[1]), int(place[2])) if place else None
        return None if "bits" in fields else fields

    with path.open() as file:
        module, = json.load(file, object_hook=slim)["modules"].values()
    return {name: cell for name, cell in module["cells"].items() if cell}


def _owner(name, owners):
    """Instances of a cell that was packed from the mapped cell whose name it continues."""
    while name and name not in owners:
        name = re.sub(r"(^|[$_])[^$_]*$", "", name)
    return owners.get(name, ())


def _path(placed):
    paths = [path for path in placed["critical_paths"]
             if path["path"] and "async" not in path["from"] and "async" not in path["to"]]
    if not paths:
        return []
    longest = max(paths, key=lambda path: sum(step["delay"] for step in path["path"]))
    places = [end["loc"] for step in longest["path"] for end in (step["from"], step["to"])]
    return [place for k, place in enumerate(places) if not k or place != places[k - 1]]


def _arrivals(placed):
    """Of registers' outputs alone: pins have no clock."""
    found = [end["delay"][1] for net in placed["detailed_net_timings"]
             for end in net["endpoints"] if "async" not in net["event"] + end["event"]]
    longest = max(found, default=0)
    counts = Counter(min(BINS - 1, int(BINS * delay / longest)) if longest else 0
                     for delay in found)
    return {"longest_ns": longest, "counts": [counts[k] for k in range(BINS)]}
