"""Graphs: chains are read whatever their nodes are called and in what order; all else is refused by
name."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from qblif.golden.foreign import nir_graph, real
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked, readings
from qblif.golden.foreign.record import Record
from qblif.golden.spec.errors import InvalidValue

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")


def full(shape, value=1.0):
    return np.full(shape, value, np.float32)


def neurons(shape, threshold=4.0):
    return nir.IF(r=full(shape), v_threshold=full(shape, threshold), v_reset=full(shape, 0))


def conv(weight, **fields):
    return nir.Conv2d(**{"input_shape": None, "weight": np.float32(weight), "stride": 1,
                         "padding": 0, "dilation": 1, "groups": 1,
                         "bias": np.zeros(len(weight), np.float32)} | fields)


def pool(kind, kernel, stride=None, padding=(0, 0)):
    return kind(kernel_size=np.array(kernel), stride=np.array(stride or kernel),
                padding=np.array(padding))


def graph(*nodes, shape=(3,), edges=None, out=1):
    names = ["input", *map(str, range(len(nodes))), "output"]
    everything = [nir.Input(np.array(shape)), *nodes, nir.Output(np.array([out]))]
    return dict(zip(names, everything, strict=True)), edges or list(
        zip(names, names[1:], strict=False))


DENSE = nir.Linear(full((2, 3)))
CUBA = nir.CubaLI(tau_syn=full(2), tau_mem=full(2), r=full(2), v_leak=full(2, 0))


def cuba(tau_syn):
    return nir.CubaLIF(tau_syn=full(2, tau_syn), tau_mem=full(2), r=full(2), v_leak=full(2, 0),
                       v_threshold=full(2), v_reset=full(2, 0))


LOOP = [("input", "0"), ("0", "1"), ("1", "0"), ("1", "output")]
MIXED = nir.IF(r=full(3), v_threshold=np.float32([4, 8, 8]), v_reset=full(3, 0))

REFUSED = {
    "recurrent": (graph(DENSE, neurons(2), edges=LOOP),
                  "^Node 0 has a weight of 2x3, which does not fit the 2 before it$"),
    "lost": (graph(DENSE, neurons(2), edges=[("input", "0"), ("0", "output")]),
             "^No edges lead from the input to 1$"),
    "dead end": (graph(DENSE, neurons(2), edges=[("input", "0"), ("0", "output"), ("0", "1")]),
                 "^No edges lead to the output from 1$"),
    "no such node": (graph(DENSE, edges=[("input", "7")]), "^Edge input to 7 names a node that"),
    "synaptic current": (graph(DENSE, CUBA), "^Node 1 is a CubaLI, which is a leaky read-out"),
    "tau_syn 0": (graph(DENSE, cuba(0)), "^Node 1 must have a tau_syn above 0, not 0$"),
    "tau_syn nan": (graph(DENSE, cuba(np.nan)), "^Node 1 has no tau_syn$"),
    "delay": (graph(DENSE, nir.Delay(full(2)), neurons(2)), "^Node 1 is a Delay, which delays"),
    "scale": (graph(nir.Scale(full(4)), DENSE, neurons(2)),
              "^Node 0 scales 4 places, which must be those before it, 3, and at most 4096"),
    "two synapses": (graph(DENSE, nir.Linear(full((4, 3))), neurons(4)),
                     "^Node 1 has a weight of 4x3, which does not fit the 2 before it$"),
    "no synapse": (graph(neurons(3)), "^Node 0 has no Linear, Affine or Conv2d between it and "),
    "input of zero": (graph(DENSE, neurons(2), shape=(3, 0)),
                      "^Input must have a shape of integers above 0, not 3 0$"),
    "input without shape": (graph(DENSE, neurons(2), shape=()),
                            "^Input must have a shape of integers above 0, not none$"),
    "input of fractions": (graph(DENSE, neurons(2), shape=(3.5,)),
                           "^Input must have a shape of integers above 0, not 3.5$"),
    "edge twice": (graph(DENSE, neurons(2), edges=[
        ("input", "0"), ("0", "1"), ("0", "1"), ("1", "output")]), "^Edge 0 to 1 is there twice$"),
    "from the output": (graph(DENSE, neurons(2), edges=[
        ("input", "0"), ("0", "1"), ("1", "output"), ("output", "0")]),
        "^Edge output to 0 leads to the input or from the output$"),
    "to the input": (graph(DENSE, neurons(2), edges=[
        ("input", "0"), ("0", "1"), ("1", "output"), ("1", "input")]),
        "^Edge 1 to input leads to the input or from the output$"),
    "loop of weights": (graph(DENSE, nir.Flatten(np.array([2]), 0, -1), neurons(2), edges=[
        ("input", "0"), ("0", "1"), ("1", "0"), ("1", "2"), ("2", "output")]),
        "^Node [01] leads back to itself without neurons between$"),
    "no neurons": (graph(DENSE), "^Graph must have neurons"),
    "misfit": (graph(DENSE, neurons(2), nir.Linear(full((2, 5))), neurons(2)),
               "^Node 2 has a weight of 2x5, which does not fit the 2 before it"),
    "thresholds": (graph(DENSE, MIXED), "^Node 1 has 3 thresholds, but 2 neurons$"),
    "threshold 0": (graph(DENSE, neurons(2, 0.0)), "^Node 1 must have a v_threshold above 0"),
    "not finite": (graph(nir.Linear(full((2, 3), np.nan)), neurons(2)),
                   "^Node 0 must have a weight of finite numbers"),
    "overlapping pool": (graph(pool(nir.AvgPool2d, (2, 2), (1, 1)), shape=(16,)),
                         "^Node 0 is a pool, which needs a map"),
    "dilation": (graph(conv(full((1, 1, 3, 3)), dilation=0), shape=(1, 5, 5)),
                 "^Node 0 must have a dilation above 0, not 0"),
    "three axes": (graph(conv(full((1, 3, 3))), shape=(1, 5, 5)),
                   "^Node 0 must be a Conv2d of a weight with four axes, not 3"),
    "same with a stride": (graph(conv(full((1, 1, 2, 2)), padding="same", stride=2),
                                 shape=(1, 5, 5)),
                           "^Node 0 pads to the same size, which needs a stride of 1"),
    "channels": (graph(conv(full((1, 2, 3, 3))), shape=(1, 5, 5)),
                 "^Node 0 has a weight of 1x2x3x3, which does not fit the 1x5x5"),
    "kernel too large": (graph(conv(full((1, 1, 7, 7))), shape=(1, 5, 5)),
                         "has a kernel of 7x7, larger than its pooled and padded source"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_name(case):
    (nodes, edges), reason = REFUSED[case]
    with pytest.raises(InvalidValue, match=reason):
        nir_graph.build_graph(nodes, edges)


def test_a_graph_within_the_graph_is_part_of_the_chain():
    inner = nir.NIRGraph(*graph(DENSE, neurons(2)), type_check=False)
    whole = nir_graph.build_graph(*graph(inner, nir.Linear(full((4, 2))), neurons(4)))
    assert [node.name for node in whole.nodes] == ["0.1", "2"]
    two = nir.NIRGraph(nodes={"a": nir.Input(np.array([3])), "b": nir.Input(np.array([3])),
                              "c": nir.Output(np.array([3]))}, edges=[("a", "c")],
                       type_check=False)
    with pytest.raises(InvalidValue, match="^Graph 0 must have one Input node, not 2"):
        nir_graph.build_graph(*graph(two))


@pytest.mark.parametrize("shape", [(3,), (1, 3), (12, 3)])
def test_batch_or_time_before_the_inputs(shape):
    chain = nir_graph.build_graph(*graph(DENSE, neurons(2), shape=shape))
    assert chain.input_shape == (3,)


@pytest.mark.parametrize("kind", ["AvgPool2d", "SumPool2d"])
def test_convolutions_against_torch(kind, tmp_path):
    """conv, IF, pool, conv, IF, pool, flatten, linear, IF: written, read, and run by both."""
    draw = np.random.default_rng(0)
    factor = 4 if kind == "AvgPool2d" else 1
    first, second = draw.integers(-1, 4, (4, 2, 3, 1)), draw.integers(-1, 3, (6, 2, 3, 3))
    last = draw.integers(-1, 3, (5, 6 * 2 * 2))
    bias = draw.integers(-1, 2, 4)
    make = getattr(nir, kind)
    nodes, edges = graph(
        conv(first, input_shape=(8, 15), padding=(1, 0), stride=(1, 2), bias=np.float32(bias)),
        neurons((4, 8, 8), 3), pool(make, (2, 2)),
        conv(second, input_shape=(4, 4), padding="same", groups=2), neurons((6, 4, 4), 4),
        pool(make, (2, 2)), nir.Flatten(np.array([6, 2, 2]), 0, -1),
        nir.Linear(np.float32(last)), neurons(5, 5), shape=(1, 2, 8, 15))
    nir.write(tmp_path / "net.nir", nir.NIRGraph(nodes, edges, type_check=False))
    input = (draw.random((4, 6, 2, 8, 15)) < 0.4).astype(float)

    def summed(maps):
        return functional.avg_pool2d(maps, 2) * (4 / factor)
    layers = [
        lambda s: functional.conv2d(s, torch.tensor(first).double(), torch.tensor(bias).double(),
                                    stride=(1, 2), padding=(1, 0)),
        lambda s: functional.conv2d(summed(s), torch.tensor(second).double(), padding=1, groups=2),
        lambda s: summed(s).flatten(1) @ torch.tensor(last).double().T]
    now, spikes = torch.tensor(input), []
    for synapse, threshold in zip(layers, (3, 4, 5), strict=True):
        v, trace = 0.0, []
        for events in now:
            v = v + synapse(events)
            trace.append((v >= threshold).double())
            v = v - threshold * trace[-1]
        now = torch.stack(trace)
        spikes.append(now.flatten(2).long().numpy())
    assert all(s.any() for s in spikes)
    recorded = Record(input.reshape(4, 6, -1).astype(np.int64), tuple(spikes))
    found = import_network(nir_graph.read(tmp_path / "net.nir"), "sinabs",
                           Asked(reset="subtract", levels=1), record=recorded)
    assert found.equal and found.converted.remarks == ()
    assert [p.shape for p in found.converted.trained.spec.populations] == [
        (4, 8, 8), (6, 4, 4), (5,)]


def test_sum_is_no_average():
    """A pool that averages and one that sums differ, so that neither can be taken for the other."""
    spikes = []
    for kind in (nir.AvgPool2d, nir.SumPool2d):
        chain = nir_graph.build_graph(*graph(pool(kind, (2, 2)), conv(full((1, 1, 1, 1))),
                                             neurons((1, 2, 2), 1), shape=(1, 4, 4)))
        made, = readings("nir", chain.nodes, Asked(dt=1.0)).values()
        levels = (np.random.default_rng(1).random((3, 20, 16)) < 0.5).astype(int)
        spikes.append(real.run(chain, made, levels)[0])
    assert not torch.equal(*spikes)


def test_readings_of_nir_itself():
    chain = nir_graph.build_graph(*graph(DENSE, nir.LIF(
        tau=full(2, 0.02), r=full(2, 2), v_leak=full(2, 0), v_threshold=full(2, 3),
        v_reset=full(2, 0))))
    with pytest.raises(InvalidValue, match="^A NIR file has no timestep, so reading it"):
        readings("nir", chain.nodes, Asked())
    (made,), = readings("nir", chain.nodes, Asked(dt=0.01)).values()
    assert (made.decay, made.gain, made.strict, made.reset) == (0.5, 1.0, True, "zero")
    with pytest.raises(InvalidValue, match="^Node 1 has a tau of 0.02 and an r of 2, which would"):
        readings("nir", chain.nodes, Asked(dt=0.05))


@pytest.mark.parametrize("name, asked, reason", [
    ("brian", {}, "^Framework must be one of snntorch, .*, nir, not 'brian'"),
    ("norse", {"reset": "none"}, "^Reset of norse must be one of zero, subtract, not 'none'"),
    ("norse", {"levels": 3}, "^Levels of norse must be 1, not 3"),
    ("norse", {"delay": True}, "^A reset delay is an option of snnTorch's neurons"),
])
def test_what_a_framework_does_not_have(name, asked, reason):
    chain = nir_graph.build_graph(*graph(DENSE, neurons(2)))
    with pytest.raises(InvalidValue, match=reason):
        readings(name, chain.nodes, Asked(**asked))


@pytest.mark.parametrize("asked, reason", [
    ({"reset": "hard"}, "^Reset must be one of subtract, zero, none, not 'hard'"),
    ({"levels": 0}, "^Levels must be at least 1, not 0"),
    ({"dt": 0.0}, "^Timestep must be in 1e-12..1000000.0, not 0.0"),
    ({"dt": float("nan")}, "^Timestep must be in"),
])
def test_what_nobody_has(asked, reason):
    with pytest.raises(InvalidValue, match=reason):
        Asked(**asked)
