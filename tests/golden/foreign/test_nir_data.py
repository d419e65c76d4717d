"""Recordings in NIR's data format: grids and events."""

import numpy as np
import pytest
from nir_data_cases import (
    NAMES,
    NETWORK,
    TIMESTEPS,
    events,
    gridded,
    nir,
    observed,
    write,
)
from recurrent_cases import Recurrent

from qblif.golden.foreign import nir_graph, record
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked
from qblif.golden.spec.errors import InvalidValue

h5py = pytest.importorskip("h5py", reason="NIR files need nir: pip install 'qblif[nir]'")


@pytest.mark.parametrize("form, options", [
    (gridded, {}), (events, {}), (events, {"kind": np.float32}), (events, {"shift": 0.999}),
    (events, {"valued": True}), (events, {"dt": 0.1}), (events, {"dt": 0.1, "kind": np.float32})])
def test_the_same_recording(form, options, tmp_path):
    file, npz = NETWORK.write(nir, tmp_path)
    path = write(tmp_path / "data.nir", observed(form, **options))
    wanted, found = record.load(npz), record.load(path, NAMES, TIMESTEPS)
    for one, other in zip((wanted.input, *wanted.spikes), (found.input, *found.spikes),
                          strict=True):
        np.testing.assert_array_equal(one, other)
    assert import_network(nir_graph.read(file), "spikingjelly", Asked(), None, found).equal


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 0.1, 1 / 3, 1.0, 7.0])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_every_timestep_is_found_again(dt, kind, tmp_path):
    """Multiples of a timestep are not exact, and dividing by it rounds again."""
    levels = np.eye(200, dtype=int)[:, None]
    path = write(tmp_path / "data.nir", {"input": events(levels, dt, kind)})
    np.testing.assert_array_equal(record.load(path, ["input"], 200).input, levels)


@pytest.mark.parametrize("valued", [False, True])
def test_levels_above_one(valued, tmp_path):
    levels = np.random.default_rng(0).integers(0, 4, (5, 6, 7))
    path = write(tmp_path / "data.nir", {"input": gridded(levels),
                                         "1": events(levels, valued=valued)})
    found = record.load(path, ["input", "1"])
    np.testing.assert_array_equal(found.input, levels)
    np.testing.assert_array_equal(found.spikes[0], levels)


def test_a_grid_says_the_timesteps_of_events(tmp_path):
    given = observed(events) | {"3": gridded(NETWORK.spikes[1])}
    found = record.load(write(tmp_path / "data.nir", given), NAMES)
    np.testing.assert_array_equal(found.spikes[0], NETWORK.spikes[0])


def test_a_node_within_a_graph(tmp_path):
    """nir 1.0.8 writes the outer nodes again in place of the inner ones: moved by hand."""
    made = Recurrent(1, alpha=None, beta=0.5, reset="none")
    path = write(tmp_path / "data.nir", {"input": gridded(made.input), "3": gridded(made.spikes[1]),
                                         "1": gridded(made.spikes[0])})
    with h5py.File(path, "r+") as file:
        inner = file["nodes"].create_group("graph")
        inner.attrs["__type__"] = "NIRGraphData"
        file.move("nodes/1", "nodes/graph/nodes/lif")
        file.move("nodes/graph", "nodes/1")
    graph = nir_graph.build_graph(*made.graph(nir))
    names = [graph.input_name, *(node.name for node in graph.nodes)]
    assert names == ["input", "1.lif", "3"]
    assert import_network(graph, "snntorch", Asked(), None, record.load(path, names)).equal


def test_a_dot_in_a_node_s_own_name(tmp_path):
    levels = np.random.default_rng(1).integers(0, 2, (5, 6, 7))
    path = write(tmp_path / "data.nir", {"input": gridded(levels), "1.lif": gridded(levels)})
    np.testing.assert_array_equal(record.load(path, ["input", "1.lif"]).spikes[0], levels)


def test_events_alone_need_the_timesteps(tmp_path):
    path = write(tmp_path / "data.nir", observed(events))
    with pytest.raises(InvalidValue, match="NIR data of events alone have no number of timesteps: "
                       "say it with --timesteps$"):
        record.load(path, NAMES)
