"""How many rows each line buffer must hold so that no network can deadlock.

A target position needs its window of every source; a source needs its own windows of its sources;
and what a source sends must be accepted by all of its sinks, whose line buffers may then have to
release rows, for which they must have computed positions of their own.  The smallest numbers that
agree with all of this, found by repetition, say how far each source is when a position of a
population is computed.  A line buffer must hold the rows from the first that this position reads to
there.  Populations are sized in order, so that the line buffers before them are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
    found: dict[str, int] = {}
    lasts = {name: window.last_read() for name, window in windows.items()}
    before: dict[str, list] = {}  # Synapses to the ancestors of each population, and to itself.
    for population in spec.populations:
        into = spec.synapses_to(population.name)
        before[population.name] = list(dict.fromkeys(
            s for synapse in into for s in before.get(synapse.source, []))) + list(into)
        own = [s for s in into if s.name in windows]
        for synapse in own:
            found[synapse.name] = windows[synapse.name].least_rows
        ancestors = [s for s in before[population.name] if s not in into]
        for row in range(windows[own[0].name].target[1]) if own else ():
            sent = _sent(spec, ancestors, into, row, windows, lasts, found)
            for synapse in own:
                window = windows[synapse.name]
                need = sent[synapse.source] // window.source[2] - window.rows[row].first + 1
                found[synapse.name] = max(found[synapse.name], need)
        for synapse in own:
            found[synapse.name] += slack[population.name]
    return found


def _sent(spec, ancestors, into, row, windows, lasts, rows):
    """Raster index of the last position that every source must have sent, -1 for none, so that the
    last position of ``row`` can be computed."""
    sent = {node.name: -1 for node in (spec.input, *spec.populations)}
    for synapse in into:
        window = windows[synapse.name]
        last = lasts[synapse.name].reshape(window.target[1], -1)[row, -1]
        sent[synapse.source] = max(sent[synapse.source], int(last))
    changed = True
    while changed:
        changed = False
        for synapse in reversed(ancestors):
            source, target = synapse.source, synapse.target
            window = windows.get(synapse.name)
            if window is None:  # It accumulates at once, and sends nothing before the end.
                size = spec.source(source).shape
                needed = int(np.prod(size[1:])) - 1 if sent[target] >= 0 and len(size) == 3 else (
                    0 if sent[target] >= 0 else -1)
                forced = -1
            else:
                needed = int(lasts[synapse.name][sent[target]]) if sent[target] >= 0 else -1
                forced = _forced(window, sent[source], rows[synapse.name])
            if needed > sent[source]:
                sent[source], changed = needed, True
            if forced > sent[target]:
                sent[target], changed = forced, True
    return sent


def _forced(window, sent, rows):
    """Raster index of the last target position that must be computed before the line buffer of
    ``rows`` accepts the source's position ``sent``; -1 for none."""
    gone = sent // window.source[2] - rows if sent >= 0 else -1  # The last row to be released.
    if gone < 0:
        return -1
    released, row = 0, -1
    while released <= gone:
        row += 1
        released += window.drops[row]
    return (row + 1) * window.target[2] - 1
