"""Networks as NIR files and back."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
from reference import draw_network

from qblif.golden.foreign import nir_graph, own
from qblif.golden.foreign.check import check_own
from qblif.golden.foreign.readings import Asked
from qblif.golden.spec.artifact import load
from qblif.golden.spec.errors import InvalidValue

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")


def check_round_trip(trained, path):
    own.write(trained, path)
    back = own.read(path)
    assert back.spec == trained.spec and back.weights_digest == trained.weights_digest
    assert back.notes == trained.notes and back.activity == trained.activity
    return nir.read(path)  # With the package's own check of types.


@pytest.mark.parametrize("name", ["mnist-mlp", "mnist-cnn", "cifar-vgg"])
def test_networks_that_ship(name, request, tmp_path):
    trained = load(request.config.rootpath / f"networks/{name}.safetensors")
    graph = check_round_trip(trained, tmp_path / "net.nir")
    assert len(graph.nodes) > len(trained.spec.populations) + len(trained.spec.synapses)
    assert own.unseen(trained.spec)[0].startswith("levels above 1")


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed, tmp_path):
    """Every axis of the neuron, residual edges and several timesteps."""
    trained = draw_network(random.Random(seed))
    graph = check_round_trip(trained, tmp_path / "net.nir")
    for synapse in trained.spec.synapses:
        np.testing.assert_array_equal(graph.nodes[synapse.name].weight,
                                      trained.weights[synapse.name])


def test_wide_integers_keep_every_bit(tmp_path):
    trained = draw_network(random.Random(0))
    population = replace(trained.spec.populations[0], bias_width=28)
    spec = replace(trained.spec, populations=(population, *trained.spec.populations[1:]))
    bias = np.full(population.size, (1 << 27) - 1, np.int32)
    check_round_trip(replace(trained, spec=spec, biases=trained.biases | {population.name: bias}),
                     tmp_path / "net.nir")


def edited(path, **changes):
    """The file with other metadata."""
    graph = nir.read(path)
    about = json.loads(graph.metadata["qblif"]) | changes
    nir.write(path, nir.NIRGraph(graph.nodes, graph.edges, {"qblif": json.dumps(about)}))


def test_edits_are_refused(tmp_path):
    trained = draw_network(random.Random(1))
    path = tmp_path / "net.nir"
    own.write(trained, path)
    graph = nir.read(path)
    name = trained.spec.synapses[0].name
    for change, phrase in ((1, "weights were edited"), (0.5, "must have a weight of integers"),
                           (np.nan, "must have a weight of integers"),
                           (2.0**40, "must have a weight of integers")):
        weight = graph.nodes[name].weight.copy()
        weight[0, 0] += -change if weight[0, 0] > 0 else change
        nodes = graph.nodes | {name: replace(graph.nodes[name], weight=weight)}
        nir.write(path, nir.NIRGraph(nodes, graph.edges, graph.metadata))
        with pytest.raises(InvalidValue, match=phrase):
            own.read(path)


@pytest.mark.parametrize("changes, phrase", [
    ({"version": 2}, "its metadata must be of version 1, not 2"),
    ({"spec": {}}, "Network lacks its field 'timesteps'"),
    ({"spec": []}, "Network must be described by an object"),
    ({"notes": 3}, "Notes must be a dict"),
    ({"weights_digest": "0"}, "the weights were edited"),
])
def test_other_metadata_are_refused(changes, phrase, tmp_path):
    path = tmp_path / "net.nir"
    own.write(draw_network(random.Random(2)), path)
    edited(path, **changes)
    with pytest.raises(InvalidValue, match=phrase):
        own.read(path)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "net.nir"
    graph = nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3), np.float32)))
    for metadata, phrase in (({}, "not one that qblif wrote"), ({"qblif": "{"}, "are not JSON"),
                             ({"qblif": "{}"}, "its metadata lack 'version'")):
        nir.write(path, nir.NIRGraph(graph.nodes, graph.edges, metadata))
        with pytest.raises(InvalidValue, match=phrase):
            own.read(path)
    nir.write(path, nir.Linear(np.ones((2, 3), np.float32)))
    for read in (own.read, nir_graph.read):
        with pytest.raises(InvalidValue, match="truncated, or not a NIR file"):
            read(path)


def test_nothing_is_left_to_choose():
    trained = draw_network(random.Random(3))
    assert check_own(trained, Asked()).converted.trained is trained
    for asked, timesteps in ((Asked(reset="zero"), None), (Asked(), 3)):
        with pytest.raises(InvalidValue, match="there is nothing to choose"):
            check_own(trained, asked, timesteps)
