"""How many rows each line buffer must hold so that no network can deadlock.

A row of a population needs positions of its sources: those of its windows, and those that the
sources of its other paths need.  And while it still waits for a position of the input, or of any
population before it, each source that depends on that may have sent all that does not need the
position.  A line buffer that holds the rows from the first that the row reads to the last of all
these never makes its source wait for another path through the graph.
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
    nodes, found = (spec.input, *spec.populations), {}
    needed = {node.name: _needed(spec, windows, node.name) for node in nodes}
    for population in spec.populations:
        ends = _positions_needed(spec, windows, population)
        for synapse in spec.forward_to(population.name):
            if synapse.name not in windows:
                continue
            window, last = windows[synapse.name], ends[synapse.source]
            for of in needed.values():
                if of[synapse.source].max() >= 0:
                    waits = of[population.name][ends[population.name]] - 1
                    sent = np.searchsorted(of[synapse.source], waits, side="right") - 1
                    last = np.maximum(last, sent)
            firsts = np.array([span.first for span in window.rows])
            held = last // window.source[2] - firsts + 1
            found[synapse.name] = int(held.max()) + slack[population.name]
    return found


def _needed(spec, windows, origin):
    """Raster index of the last position of ``origin``, the input or a population, that each
    position of each node needs, or one before it, as they are sent in order; -1 for none."""
    found = {}
    for node in (spec.input, *spec.populations):
        _, rows, columns = as_map(node.shape)
        found[node.name] = np.full(rows * columns, -1)
        if node.name == origin:
            found[node.name] = np.arange(rows * columns)
        elif node is not spec.input:
            for s in spec.forward_to(node.name):
                source = found[s.source]
                last = source[windows[s.name].last_read()] if s.name in windows else source[-1:]
                found[node.name] = np.maximum(found[node.name], last)
            found[node.name] = np.maximum.accumulate(found[node.name])
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
        for synapse in spec.forward_to(node.name):
            if synapse.name in windows:
                last = windows[synapse.name].last_read()[wanted]
            else:
                _, *extents = as_map(spec.source(synapse.source).shape)
                last = np.full(rows, extents[0] * extents[1] - 1)
            last = np.where(wanted < 0, -1, last)
            found[synapse.source] = np.maximum(found[synapse.source], last)
    return found
