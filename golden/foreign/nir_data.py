"""Recordings in NIR's data format, ``NIRGraphData``: for each node its spikes, as a grid of
timesteps or as the times of events."""

import numpy as np

from ..spec.errors import InvalidValue
from .nir_graph import LARGEST_FILE, read_with

__all__ = ["read"]

ROUNDING = 1e-6  # Of a timestep and more: times may be float32, and be multiples of the timestep.


def read(path, names, timesteps=None):
    """``{what to call it: levels}``, ``(timesteps, frames, neurons)`` of each of the nodes
    ``names``; a dot in a name leads into a graph within the graph.

    Events of one neuron in one timestep add up; a timestep takes what comes from its beginning to
    before its end.  Where no node is a grid, a recording has ``timesteps``.  Raises
    :class:`ValueError` for a file that is damaged or lacks a node.
    """
    data = read_with(lambda nir, path: nir.read_data(str(path)), path, "NIR data")
    try:
        found = {name: _spikes(data, name) for name in names}
        grids = [spikes for spikes in found.values() if hasattr(spikes, "data")]
        steps = {float(grid.dt) for grid in grids}
        if len(steps) > 1 or not all(0 < dt < np.inf for dt in steps):
            raise InvalidValue("the nodes must have one timestep above 0, not "
                               + " and ".join(f"{dt:g}" for dt in sorted(steps)))
        if grids:
            timesteps = grids[0].data.shape[1]
        elif timesteps is None:
            raise InvalidValue("NIR data of events alone have no number of timesteps: say it with "
                               "--timesteps")
        return {f"Spikes of node {name}": (
            np.swapaxes(spikes.data, 0, 1) if hasattr(spikes, "data")
            else _binned(name, spikes, timesteps, next(iter(steps), None)))
            for name, spikes in found.items()}
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from error


def _spikes(data, name):
    """The observable ``spikes`` of a node."""
    for part in (name,) if name in data.nodes else name.split("."):
        nodes = getattr(data, "nodes", {})
        if part not in nodes:
            raise InvalidValue(f"NIR data must have node {name}, and have only "
                               f"{', '.join(sorted(nodes)) or 'none'}")
        data = nodes[part]
    observables = getattr(data, "observables", {})
    if "spikes" not in observables:
        raise InvalidValue(f"node {name} must have spikes among what was observed, not only "
                           f"{', '.join(sorted(observables)) or 'nothing'}")
    return observables["spikes"]


def _binned(name, events, timesteps, dt):
    """Events as levels, ``(timesteps, frames, neurons)``."""
    neurons, span = int(events.n_neurons), float(events.t_max)
    if neurons < 1 or not 0 < span < np.inf:
        raise InvalidValue(f"events of node {name} must be of at least one neuron and of a t_max "
                           f"above 0, not {neurons} and {span:g}")
    dt = dt or span / timesteps
    if round(span / dt) != timesteps:
        raise InvalidValue(f"events of node {name} last for {span:g}, which are not {timesteps} "
                           f"timesteps of {dt:g}")
    index, time = np.asarray(events.idx), np.asarray(events.time, np.float64)
    if index.ndim != 2 or index.dtype.kind not in "iu":
        raise InvalidValue(f"events of node {name} must have indices of axes frames and events")
    if timesteps * len(index) * neurons > LARGEST_FILE:
        raise InvalidValue(f"node {name} must be of at most {LARGEST_FILE:,} timesteps, frames and "
                           f"neurons together, not {timesteps * len(index) * neurons:,}")
    used = index != -1
    frames, index, places = np.nonzero(used)[0], index[used], time[used] / dt
    whole = np.rint(places)
    with np.errstate(invalid="ignore"):  # Infinite times are refused below.
        steps = np.where(np.abs(places - whole) <= ROUNDING * np.maximum(whole, 1), whole,
                         np.floor(places))
    if not ((index >= 0) & (index < neurons)).all():
        raise InvalidValue(f"events of node {name} must be of neurons 0..{neurons - 1}, or -1 for "
                           "none")
    if not ((steps >= 0) & (steps < timesteps)).all():
        raise InvalidValue(f"events of node {name} must have times from 0 to before {span:g}")
    values = np.asarray(getattr(events, "value", np.ones(used.shape)), np.float64)[used]
    levels = np.zeros((timesteps, len(used), neurons))
    np.add.at(levels, (steps.astype(int), frames, index.astype(int)), values)
    return levels
