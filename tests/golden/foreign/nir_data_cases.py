"""Recordings in NIR's data format."""

import numpy as np
import pytest
from foreign_cases import make

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

__all__ = ["NAMES", "NETWORK", "TIMESTEPS", "events", "gridded", "observed", "write", "nir"]

TIMESTEPS, FRAMES, DT = 8, 40, 1e-4
NAMES = ["input", "1", "3"]
JELLY = {"tau": 2.0, "threshold": 3.0, "hard": True, "decay_input": True}


def gridded(levels, dt=DT):
    """``(timesteps, frames, neurons)`` as NIR has it."""
    return nir.TimeGriddedData(np.swapaxes(levels, 0, 1).copy(), dt)


def events(levels, dt=DT, kind=np.float64, shift=0.0, valued=False, spare=2):
    """Each level above 0 as that many events of one timestep, or as one of its value."""
    frames = np.swapaxes(levels, 0, 1).astype(int)
    count = max(int((f > 0).sum() if valued else f.sum()) for f in frames) + spare
    index = np.full((len(frames), count), -1)
    time, value = np.full(index.shape, np.inf, kind), np.zeros(index.shape)
    for k, frame in enumerate(frames):
        step, neuron = np.nonzero(frame)
        level = frame[step, neuron]
        if not valued:
            step, neuron = np.repeat(step, level), np.repeat(neuron, level)
        index[k, :len(step)], time[k, :len(step)] = neuron, (step + shift) * dt
        value[k, :len(step)] = level if valued else 1
    fields = {"idx": index, "time": time, "n_neurons": levels.shape[2], "t_max": dt * len(levels)}
    return nir.ValuedEventData(value=value, **fields) if valued else nir.EventData(**fields)


def write(path, observed, name="spikes"):
    nir.write_data(path, nir.NIRGraphData({
        node: nir.NIRNodeData({name: data, "v": gridded(np.zeros((2, 2, 1)))})
        for node, data in observed.items()}))
    return path


NETWORK = make("spikingjelly", bias=True, **JELLY)


def observed(form, **options):
    return dict(zip(NAMES, [form(levels, **options) for levels in (
        NETWORK.input.astype(bool), *(s.astype(bool) for s in NETWORK.spikes))], strict=True))
