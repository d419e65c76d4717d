"""How many rows each line buffer must hold so that no network can deadlock.

A row of a population needs positions of its sources: those of its windows, and those that the
sources of its other paths need.  And while it still waits for a position of the input, each source
may have sent all that can be computed from the input so far.  A line buffer that holds the rows
from the first that the row reads to the last of both never makes its source wait for another path
through the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...golden.spec import as_map

if TYPE_CHECKING:
    from ...golden.spec import Network
    from .window import Window

__all__ = ["rows_demanded"]


def rows_demanded(spec: Network, windows: dict[str, Window], slack: dict[str, int]
                  ) -> dict[str, int]:
    """Rows of each line buffer, by name of its synapse: the fewest, and ``slack`` more.

    ``windows`` has the synapses of the populations that read line buffers; the others accumulate
    what comes at once.  ``slack`` is by population.
    """
    needed, found = _inputs_needed(spec, windows), {}
    for population in spec.populations:
        ends = _positions_needed(spec, windows, population)
        for synapse in spec.synapses_to(population.name):
            if synapse.name not in windows:
                continue
            window, last = windows[synapse.name], ends[synapse.source]
            waits = needed[population.name][ends[population.name]] - 1
            sent = np.searchsorted(needed[synapse.source], waits, side="right") - 1
            firsts = np.array([span.first for span in window.rows])
            held = np.maximum(last, sent) // window.source[2] - firsts + 1
            found[synapse.name] = int(held.max()) + slack[population.name]
    return found


def _inputs_needed(spec, windows):
    """Raster index of the last input position that each position of each population needs."""
    _, rows, columns = as_map(spec.input.shape)
    found = {spec.input.name: np.arange(rows * columns)}
    for population in spec.populations:
        found[population.name] = np.max([
            found[s.source][windows[s.name].last_read()] if s.name in windows
            else found[s.source][-1:] for s in spec.synapses_to(population.name)], 0)
    return found


def _positions_needed(spec, windows, population):
    """Raster index of the last position of every source, near and far, that each row of the
    population needs, and of the row itself: arrays ``(rows,)`` by name; -1 for none."""
    _, rows, columns = as_map(population.shape)
    none = np.full(rows, -1)
    found = {node.name: none for node in (spec.input, *spec.populations)}
    found[population.name] = np.arange(1, rows + 1) * columns - 1
    for node in reversed(spec.populations):
        wanted = found[node.name]
        for synapse in spec.synapses_to(node.name):
            if synapse.name in windows:
                last = windows[synapse.name].last_read()[wanted]
            else:
                _, *extents = as_map(spec.source(synapse.source).shape)
                last = np.full(rows, extents[0] * extents[1] - 1)
            last = np.where(wanted < 0, -1, last)
            found[synapse.source] = np.maximum(found[synapse.source], last)
    return found
