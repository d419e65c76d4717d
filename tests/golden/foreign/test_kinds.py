"""Every kind of network that other frameworks write, one by one: equal to the spike by the
framework's equations, or refused with its reason.  docs/import.md has the count."""

import re
from pathlib import Path

import numpy as np
import pytest
from foreign_cases import make
from kinds_cases import GEOMETRIES, MORE, NAMED, Stack
from refused_cases import MODULES, NODES
from torch_cases import model_of

from qblif.golden import integer
from qblif.golden.foreign import nir_graph, record
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked
from qblif.golden.foreign.torch_model import convert_model
from qblif.golden.spec.errors import InvalidValue

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

DENSE = NAMED | MORE
NO_FILE = [name for name in DENSE  # Their exporter ends with an error, or leaves what matters out.
           if " soft" in name and "CUBA" not in name or " scalar" in name]
SNN = {"beta": 0.5, "threshold": 4.0, "reset": "subtract", "delay": True}
CONVOLUTIONS = {"snntorch": SNN, "sinabs": {
    "alpha": 1.0, "norm": False, "threshold": 16.0, "subtract": True, "most": 3},
    "spikingjelly": {"tau": 2.0, "threshold": 4.0, "hard": True, "decay_input": False}}


def network_of(name):
    framework, parameters, bias = DENSE[name]
    cuba = "syn" in parameters or "syn_rate" in parameters or (
        framework in ("snntorch", "spikingjelly") and "alpha" in parameters)
    low = -3 if "floor" in parameters else -1
    return make(framework, seed=1, timesteps=6, bias=bias, low=low, cuba=cuba, **parameters)


def test_there_are_59_kinds():
    assert len(NAMED) + len(CONVOLUTIONS) == 59


@pytest.mark.parametrize("name", DENSE)
def test_every_spike(name, tmp_path):
    """By its file and a recording alone, or, where there is no file, by its modules; a tau of 8
    needs more bits than there are to be proven exact, so that these are rounded, and compared."""
    network = network_of(name)
    assert all(spikes.any() for spikes in network.spikes)
    if name in NO_FILE:
        trained = convert_model(model_of(network), (6,), 6, approximate="tau 8" in name)
        trace = integer.run(trained, network.input.transpose(1, 0, 2).astype(int))
        for k, theirs in enumerate(network.spikes, 1):
            np.testing.assert_array_equal(trace.levels[f"population{k}"], theirs)
        return
    file, spikes = network.write(nir, tmp_path)
    graph = nir_graph.read(file)
    assert import_network(graph, network.framework, Asked(), None, record.load(spikes)).equal


def test_the_timestep_of_spikingjelly_is_in_r(tmp_path):
    file, _ = network_of("spikingjelly LIFNode dt of 1 ms").write(nir, tmp_path)
    found = import_network(nir_graph.read(file), "spikingjelly", Asked(reset="zero"), 6)
    assert "decay 0.5, input gain 1" in found.reading


@pytest.mark.parametrize("geometry, framework", [
    *((geometry, "snntorch") for geometry in GEOMETRIES),
    ("conv", "spikingjelly"), ("conv, SumPool2d", "sinabs")])
def test_every_geometry(geometry, framework):
    made = Stack(geometry, framework, CONVOLUTIONS[framework], seed=1)
    assert all(spikes.any() for spikes in made.spikes)
    assert all((spikes == 0).any() for spikes in made.spikes[:-1])
    input, *spikes = (levels.reshape(4, 6, -1).astype(np.int64)
                      for levels in (made.input, *made.spikes))
    found = import_network(nir_graph.build_graph(*made.graph(nir)), framework, Asked(), None,
                           record.Record(input, tuple(spikes)))
    assert found.equal and not found.converted.remarks


@pytest.mark.parametrize("name", NODES)
def test_files_that_are_refused(name):
    nodes, reason, framework = NODES[name]
    names = [*map(str, range(len(nodes)))]
    with pytest.raises(InvalidValue, match=reason):
        graph = nir_graph.build_graph(dict(zip(names, nodes, strict=True)),
                                      list(zip(names, names[1:], strict=False)))
        import_network(graph, framework, Asked(), 4)


@pytest.mark.parametrize("name", MODULES)
def test_modules_that_are_refused(name):
    model, shape, reason = MODULES[name]
    with pytest.raises(InvalidValue, match=reason):
        convert_model(model(), shape, 3)


def test_the_document_counts_them():
    text = (Path(__file__).parents[3] / "docs/import.md").read_text()
    exact = len(NAMED) + len(MORE) + len(GEOMETRIES) + 2
    assert re.search(rf"\b59 of 59\b.*\b{exact}\b.*\b{len(NODES) + len(MODULES)}\b", text, re.S)
