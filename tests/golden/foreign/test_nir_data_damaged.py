"""Recordings in NIR's data format that cannot be used: one sentence that says why."""

import io

import numpy as np
import pytest
from nir_data_cases import NAMES, NETWORK, TIMESTEPS, events, gridded, observed, write

from qblif.golden.foreign import record
from qblif.golden.spec.errors import InvalidValue

h5py = pytest.importorskip("h5py", reason="NIR files need nir: pip install 'qblif[nir]'")


def changed(change):
    """The recording's file, with ``change`` made to its nodes."""
    def edit(data):
        file = io.BytesIO(data)
        with h5py.File(file, "r+") as group:
            change(group["nodes"], group)
        return file.getvalue()
    return edit


def attribute(where, name, value):
    def change(nodes, group):
        nodes[where].attrs[name] = value
    return changed(change)


def array(where, fill):
    def change(nodes, group):
        made = fill(nodes[where][()])
        del nodes[where]
        nodes[where] = made
    return changed(change)


def without(where):
    def change(nodes, group):
        del nodes[where]
    return changed(change)


def huge(nodes, group):
    del nodes["1/observables/spikes/data"]
    nodes.create_dataset("1/observables/spikes/data", (1 << 20, 1 << 10, 1 << 10), "i1")


def loop(nodes, group):
    del nodes["1"]
    group["nodes/1"] = h5py.SoftLink("/")


def first(value):
    def fill(values):
        values[0, 0] = value
        return values
    return fill


GRID = TIMES = "1/observables/spikes"
DAMAGED_GRIDS = {
    "half": (lambda data: data[:len(data) // 2], "truncated, or not NIR data ("),
    "signature alone": (lambda data: data[:8], "truncated, or not NIR data ("),
    "another signature": (lambda data: b"\x88" + data[1:],
                          "truncated, or neither an .npz file nor NIR data ("),
    "not a graph": (changed(lambda nodes, group: group.attrs.modify("__type__", "NIRNodeData")),
                    "truncated, or not NIR data (Root object is not NIRGraphData"),
    "no type": (changed(lambda nodes, group: group.attrs.pop("__type__")),
                "truncated, or not NIR data ("),
    "no nodes": (changed(lambda nodes, group: group.pop("nodes")), "truncated, or not NIR data ("),
    "no input": (without("input"), "NIR data must have node input, and have only 1, 3"),
    "no layer": (without("3"), "NIR data must have node 3, and have only 1, input"),
    "no spikes": (without("1/observables/spikes"),
                  "node 1 must have spikes among what was observed, not only v"),
    "unknown observable": (attribute(GRID, "__type__", "Spectrum"), "truncated, or not NIR data ("),
    "loop": (changed(loop), "truncated, or not NIR data ("),
    "huge": (changed(huge), "A NIR file must have at most 134,217,728 numbers, not"),
    "two axes": (array(f"{GRID}/data", lambda d: d[0]), "truncated, or not NIR data (Data must be"),
    "other timesteps": (array(f"{GRID}/data", lambda d: d[:, 1:]),
                        "Spikes of node 1 must be of 8 timesteps and 40 frames, as the input, "),
    "other frames": (array(f"{GRID}/data", lambda d: d[1:]), "Spikes of node 1 must be of 8 time"),
    "no frames": (array("input/observables/spikes/data", lambda d: d[:0]),
                  "Spikes of node input must have axes timesteps, frames and neurons, not (8, 0"),
    "fractions": (array(f"{GRID}/data", lambda d: d * 0.5), "Spikes of node 1 must have levels, i"),
    "text": (array(f"{GRID}/data", lambda d: np.full(d.shape, b"a")), "Spikes of node 1 must have"),
    "input too large": (array("input/observables/spikes/data", lambda d: d * 64),
                        "Spikes of node input must have levels 0..63, not 64"),
    "dt below zero": (attribute(GRID, "dt", -1.0),
                      "the nodes must have one timestep above 0, not -1 and 0.0001"),
    "dt not a number": (attribute(GRID, "dt", np.nan), "the nodes must have one timestep above 0"),
    "another dt": (attribute(GRID, "dt", 1e-3),
                   "the nodes must have one timestep above 0, not 0.0001 and 0.001"),
}
def one_axis(nodes, group):
    for name in ("idx", "time"):
        del nodes[f"{TIMES}/{name}"]
        nodes[f"{TIMES}/{name}"] = [0]


EVENTS = "events of node 1 must"
DAMAGED_EVENTS = {
    "neuron too large": (array(f"{TIMES}/idx", first(5)), f"{EVENTS} be of neurons 0..4, or -1"),
    "neuron below -1": (array(f"{TIMES}/idx", first(-2)), f"{EVENTS} be of neurons 0..4, or -1"),
    "index of reals": (array(f"{TIMES}/idx", lambda i: i + 0.5), f"{EVENTS} have indices of axes"),
    "time below zero": (array(f"{TIMES}/time", first(-1e-5)), f"{EVENTS} have times from 0 to "),
    "time at the end": (array(f"{TIMES}/time", first(8e-4)),
                        f"{EVENTS} have times from 0 to before 0.0008"),
    "time infinite": (array(f"{TIMES}/time", first(np.inf)), f"{EVENTS} have times from 0 to "),
    "time not a number": (array(f"{TIMES}/time", first(np.nan)), f"{EVENTS} have times from 0 "),
    "no time": (without(f"{TIMES}/time"), "truncated, or not NIR data ("),
    "fewer times": (array(f"{TIMES}/time", lambda t: t[:, 1:]), "truncated, or not NIR data (idx "),
    "one axis": (changed(one_axis), f"{EVENTS} have indices of axes frames and events"),
    "t_max of zero": (attribute(TIMES, "t_max", 0.0), f"{EVENTS} be of at least one neuron and "),
    "no neurons": (attribute(TIMES, "n_neurons", 0), f"{EVENTS} be of at least one neuron and of"),
    "too many neurons": (attribute(TIMES, "n_neurons", 1 << 40),
                         "node 1 must be of at most 134,217,728 timesteps, frames and neurons"),
}


def refusal(damage, original, path):
    path.write_bytes(damage(original))
    with pytest.raises(InvalidValue) as error:
        record.load(path, NAMES, TIMESTEPS)
    sentence, = str(error.value).splitlines()
    assert sentence.startswith(f"{path}: ") and len(sentence) < 400
    return sentence.removeprefix(f"{path}: ")


@pytest.mark.parametrize("case", DAMAGED_GRIDS)
def test_grids_that_cannot_be_used(case, tmp_path):
    original = write(tmp_path / "data.nir", observed(gridded)).read_bytes()
    damage, reason = DAMAGED_GRIDS[case]
    assert refusal(damage, original, tmp_path / "bad.nir").startswith(reason)


@pytest.mark.parametrize("case", DAMAGED_EVENTS)
def test_events_that_cannot_be_used(case, tmp_path):
    original = write(tmp_path / "data.nir", observed(events)).read_bytes()
    damage, reason = DAMAGED_EVENTS[case]
    assert refusal(damage, original, tmp_path / "bad.nir").startswith(reason)


def test_events_of_another_length_than_the_grid(tmp_path):
    given = observed(events) | {"3": gridded(NETWORK.spikes[1])}
    original = write(tmp_path / "data.nir", given).read_bytes()
    assert refusal(attribute(TIMES, "t_max", 9e-4), original, tmp_path / "bad.nir") == (
        "events of node 1 last for 0.0009, which are not 8 timesteps of 0.0001")
