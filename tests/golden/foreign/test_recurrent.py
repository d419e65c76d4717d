"""Neurons with weights to themselves, from a NIR graph: as snnTorch's exporter nests them, and as a
cycle of the graph; every spike by snnTorch's equations."""

import numpy as np
import pytest
from recurrent_cases import Recurrent

from qblif.golden.foreign import nir_graph, own, real
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked, readings
from qblif.golden.foreign.record import Record
from qblif.golden.spec.errors import InvalidValue

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

def read(made, nested=True):
    return nir_graph.build_graph(*made.graph(nir, nested))


CASES = [dict(alpha=alpha, beta=beta, reset=reset) for alpha in (None, 0.5) for beta in (0.5, 0.75)
         for reset in ("subtract", "zero", "none")]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_every_spike(case):
    made = Recurrent(case, **CASES[case], bias=bool(case % 2))
    asked = Asked(reset=CASES[case]["reset"], delay=True)
    imported = import_network(read(made), "snntorch", asked, None,
                              Record(made.input, made.spikes))
    assert imported.equal and all(spikes.any() for spikes in made.spikes)
    spec = imported.converted.trained.spec
    assert "population1->population1" in [s.name for s in spec.synapses if spec.recurrent(s)]


def test_the_recording_tells_the_reset():
    made = Recurrent(3, alpha=0.5, beta=0.5, reset="zero")
    imported = import_network(read(made), "snntorch", Asked(), None,
                              Record(made.input, made.spikes))
    assert imported.equal and "reset gate" in imported.reading


def test_nested_and_as_a_cycle_are_the_same():
    made = Recurrent(5, alpha=0.5, beta=0.5, reset="none")
    nested, cycle = read(made), read(made, nested=False)
    for one, other in zip(nested.layers, cycle.layers, strict=True):
        assert (one.bias == other.bias).all()
        for here, there in zip(one.connections, other.connections, strict=True):
            assert here.synapse == there.synapse and (here.weight == there.weight).all()
    assert (nested.layers[0].connections[1].weight == made.back).all()
    made_of, = readings("snntorch", nested.nodes, Asked(reset="none", delay=True)).values()
    levels = real.run(nested, made_of, made.input)
    assert all((a.numpy() == b).all() for a, b in zip(levels, made.spikes, strict=True))


def test_the_weights_back_matter():
    made = Recurrent(0, **CASES[0])
    record = Record(made.input, made.spikes)
    made.back = np.roll(made.back, 1, axis=0)
    imported = import_network(read(made), "snntorch", Asked(reset="subtract", delay=True), None,
                              record)
    assert not imported.equal


def test_weights_of_other_sizes_are_refused():
    made = Recurrent(0, **CASES[0])
    made.back = made.back[:, :3]
    with pytest.raises(InvalidValue, match="Node 1.w_rec has a weight of 4x3, which does not fit "
                       "the 4 before it"):
        read(made)


def test_two_loops_on_the_same_neurons_add_up():
    made = Recurrent(0, **CASES[0])
    nodes, edges = made.graph(nir, nested=False)
    half = np.trunc(made.back / 2)
    nodes |= {"w_rec": nir.Affine(half, made.bias), "again": nir.Linear(made.back - half)}
    two = nir_graph.build_graph(nodes, [*edges, ("lif", "again"), ("again", "lif")])
    for one, other in zip(two.layers, read(made).layers, strict=True):
        assert (one.bias == other.bias).all()
        for here, there in zip(one.connections, other.connections, strict=True):
            assert here.synapse == there.synapse and (here.weight == there.weight).all()


def test_loops_that_norse_does_not_write_are_refused():
    made = Recurrent(0, **CASES[0])
    with pytest.raises(InvalidValue, match="Node 1.lif has weights to itself, which Norse's "
                       "exporter does not write; qblif.from_torch takes its LIFRecurrentCell"):
        readings("norse", read(made).nodes, Asked())


def test_bursts_grow_through_their_own_weights():
    """Rockpool's and Sinabs' levels are unbounded: the widths hold what a loop can reach."""
    made = Recurrent(2, alpha=None, beta=0.5, reset="subtract")
    made.first, made.back = np.ones((4, 5)), 2 * np.eye(4)
    chain = read(made)
    reading = next(iter(readings("sinabs", chain.nodes, Asked(reset="subtract")).values()))
    levels = [found.numpy().astype(np.int64) for found in real.run(chain, reading, made.input)]
    found = import_network(chain, "sinabs", Asked(reset="subtract"), None, Record(made.input,
                                                                                 tuple(levels)))
    bound = found.converted.trained.spec.populations[0].neuron.quantiser.n_max
    assert found.equal and 1 < levels[0].max() <= bound < 20


def test_export_and_back(tmp_path):
    made = Recurrent(1, **CASES[1])
    trained = import_network(read(made), "snntorch", Asked(reset="zero", delay=True), None,
                             Record(made.input, made.spikes)).converted.trained
    own.write(trained, tmp_path / "net.nir")
    again = own.read(tmp_path / "net.nir")
    assert again.spec == trained.spec and again.weights_digest == trained.weights_digest
