"""Float layers against their integers: every input at small size, random layers, corner values."""

from itertools import product

import numpy as np
import pytest
import torch

from qblif.golden import integer
from qblif.golden.foreign import real
from qblif.golden.foreign.exact import convert
from qblif.golden.foreign.graph import Connection, Graph, Layer, Node
from qblif.golden.foreign.readings import Reading
from qblif.golden.spec import Conv2d, Dense
from qblif.golden.spec.errors import InvalidValue

DECAYS = (1.0, 0.5, 0.75, 0.875, 0.625, 0.375, 0.25, 0.0)
KINDS = ("subtract", "zero", "none", "late", "held")


def reading(**fields):
    return Reading(**{"decay": 0.5, "gain": 1.0, "threshold": 3.0, "strict": True, "levels": 1,
                      "reset": "zero"} | fields)


def layer(weight, bias=None, k=1, synapse=None, divisor=1, shape=None, neurons=True):
    weight = np.asarray(weight, np.float64)
    name = f"population{k}" if neurons else "output"
    synapse = synapse or Dense(source="input" if k == 1 else f"population{k - 1}", target=name)
    return Layer(name=name, label=f"n{k}", shape=shape or (len(weight),),
                 connections=(Connection(synapse=synapse, weight=weight, divisor=divisor),),
                 bias=np.zeros(len(weight)) if bias is None else np.asarray(bias, np.float64),
                 node=Node(name=f"n{k}", kind="IF", r=1.0, v_threshold=1.0,
                           v_reset=0.0) if neurons else None)


def graph_of(shape, *layers):
    """The layers one behind the other; neurons of a map at the end are counted."""
    if layers[-1].node and np.prod(layers[-1].shape[1:]) > 1:
        layers += layer(np.eye(int(np.prod(layers[-1].shape))), k=len(layers) + 1, neurons=False),
    return Graph(shape, layers)


def compare(graph, readings, levels, **options):
    """The conversion, and in how many places its integer model differs."""
    converted = convert(graph, readings, len(levels), int(levels.max()), **options)
    trace = integer.run(converted.trained, levels.transpose(1, 0, 2))
    wanted = real.run(graph, readings, levels)
    ours = [trace.levels[k.name].to(torch.float64) for k in graph.layers if k.node]
    return converted, sum(int((a != b).sum()) for a, b in zip(ours, wanted, strict=True))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decay", DECAYS)
def test_every_input_of_four_timesteps(decay, kind, strict):
    # All 8**4 trains of three inputs; ties with the threshold, and membranes below 0, are frequent.
    trains = np.array(list(product(range(8), repeat=4)))
    levels = (trains.T[:, :, None] >> np.arange(3)) & 1
    graph = graph_of((3,), layer([[3, 2, -1], [1, 4, -2]], [0, 1]))
    converted, differ = compare(graph, [reading(decay=decay, reset=kind, strict=strict)], levels)
    assert (differ, converted.remarks) == (0, ())


@pytest.mark.parametrize("fields", [
    *({"strict": strict, "value": value} for strict in (False, True) for value in (-2.0, 1.0, 2.0)),
    *({"strict": False, "floor": floor, "reset": reset} for floor in (0.0, -1.0, -3.0)
      for reset in ("zero", "subtract", "none", "late"))], ids=str)
@pytest.mark.parametrize("decay", DECAYS)
def test_every_input_with_a_reset_value_or_a_floor(decay, fields):
    trains = np.array(list(product(range(8), repeat=4)))
    levels = (trains.T[:, :, None] >> np.arange(3)) & 1
    graph = graph_of((3,), layer([[3, 2, -1], [1, 4, -2], [-3, 4, 1]], [0, 1, -1]))
    converted, differ = compare(graph, [reading(decay=decay, **fields)], levels)
    assert (differ, converted.remarks) == (0, ())


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", (*KINDS, "gate"))
@pytest.mark.parametrize("synaptic", (1.0, 0.5, 0.75, 0.25, 0.0))  # Weights have 16 bits.
def test_every_input_with_a_synaptic_current(synaptic, kind, strict):
    trains = np.array(list(product(range(8), repeat=4)))
    levels = (trains.T[:, :, None] >> np.arange(3)) & 1
    graph = graph_of((3,), layer([[3, 2, -1], [1, 4, -2], [-3, 4, 1]], [0, 1, -1]))
    for decay in (1.0, 0.5, 0.875):
        converted, differ = compare(graph, [reading(
            decay=decay, synaptic=synaptic, reset=kind, strict=strict)], levels)
        assert (differ, converted.remarks) == (0, ())


@pytest.mark.parametrize("seed", range(60))
def test_random_layers(seed):
    draw = np.random.default_rng(seed)
    strict, kind = bool(draw.integers(2)), str(draw.choice(KINDS))
    burst = not strict and kind in ("subtract", "zero")
    unit = 2.0 ** -int(draw.integers(0, 4))
    made = reading(decay=float(draw.choice(DECAYS[:5])), gain=float(draw.choice([1, 0.5, 0.125])),
                   strict=strict, reset=kind, levels=[1, 3, None][draw.integers(3)] if burst else 1,
                   threshold=float(draw.integers(3, 12)) * unit,
                   synaptic=[None, 0.5, 0.75][draw.integers(3)],
                   value=float(draw.integers(-5, 3)) * unit if kind == "zero" else 0.0,
                   floor=None if strict or draw.integers(2) else -float(draw.integers(5, 9)) * unit)
    graph = graph_of((7,),
                     layer(draw.integers(-3, 6, (5, 7)) * unit, draw.integers(-2, 3, 5) * unit),
                     layer(draw.integers(-3, 6, (4, 5)) * unit, k=2))
    levels = draw.integers(0, 3, (3, 60, 7))
    converted, differ = compare(graph, [made, made], levels)
    assert (differ, converted.remarks) == (0, ())


def test_strict_needs_its_device():
    """Without the constant that a strict threshold takes from the bias, spikes differ."""
    graph = graph_of((1,), layer([[1]]))
    levels = np.ones((4, 1, 1), np.int64)
    strict, plain = (convert(graph, [reading(decay=1.0, strict=s, threshold=2.0,
                                             reset="subtract")], 4).trained for s in (True, False))
    spikes = [integer.run(t, levels.transpose(1, 0, 2)).levels["population1"].flatten().tolist()
              for t in (strict, plain)]
    assert spikes == [[0, 0, 1, 0], [0, 1, 0, 1]]


@pytest.mark.parametrize("divisor", [1, 4])
@pytest.mark.parametrize("strict", [False, True])
def test_convolution_and_pool(divisor, strict):
    draw = np.random.default_rng(3)
    first = Conv2d(source="input", target="population1", kernel=(3, 1), stride=(1, 2),
                   padding=(1, 0))
    second = Conv2d(source="population1", target="population2", kernel=(2, 2), pool=(2, 2))
    graph = graph_of(
        (2, 5, 8),
        layer(draw.integers(-2, 4, (3, 2, 3, 1)), [0, 1, 0], synapse=first, shape=(3, 5, 4)),
        layer(draw.integers(-2, 4, (4, 3, 2, 2)), [1, 0, 2, 0], 2, second, divisor, (4, 1, 1)))
    levels = draw.integers(0, 2, (4, 50, 80))
    converted, differ = compare(graph, [reading(strict=strict)] * 2, levels)
    assert (differ, converted.remarks) == (0, ())


@pytest.mark.parametrize("shape", [None, (5, 2, 1)])
def test_spikes_of_the_last_layer_are_counted(shape):
    draw = np.random.default_rng(4)
    if shape is None:
        only = layer(draw.integers(-1, 4, (5, 6)))
    else:
        synapse = Conv2d(source="input", target="population1", kernel=(2, 1))
        only = layer(draw.integers(-1, 4, (5, 2, 2, 1)), synapse=synapse, shape=shape)
    graph = graph_of((6,) if shape is None else (2, 3, 1), only)
    trained = convert(graph, [reading()], 8).trained
    trace = integer.run(trained, draw.integers(0, 2, (30, 8, 6)))
    counts = trace.levels["population1"].sum(0, dtype=torch.int64)
    assert counts.any() and torch.equal(trace.scores.long(), counts)
    assert torch.equal(trace.classes, counts.argmax(-1))
    assert len(trained.spec.populations) == (1 if shape is None else 2)


def test_last_layer_without_neurons_is_summed():
    draw = np.random.default_rng(5)
    weight, bias = draw.integers(-4, 5, (3, 5)) / 4, [0.5, 0, -0.25]
    graph = graph_of((6,), layer(draw.integers(-1, 4, (5, 6))),
                     layer(weight, bias, 2, neurons=False))
    trained = convert(graph, [reading()], 4).trained
    trace = integer.run(trained, draw.integers(0, 2, (30, 4, 6)))
    sums = trace.levels["population1"].double().sum(0) @ torch.tensor(weight).T + 4 * torch.tensor(
        bias)
    assert torch.equal(trace.membranes["output"][-1] / 4, sums)


def test_no_field_is_wider_than_it_must_be():
    converted, _ = compare(graph_of((2,), layer([[1, 1]])), [reading(decay=1.0, strict=False)],
                           np.ones((1, 1, 2), np.int64))
    population = converted.trained.spec.populations[0]
    assert (population.neuron.quantiser.theta, population.sum_width, population.bias_width,
            population.neuron.v_width) == (3, 3, 0, 3)


def test_threshold_between_membranes():
    graph, levels = graph_of((2,), layer([[1, 2]])), np.ones((3, 1, 2), np.int64)
    for strict, threshold in product((False, True), (2.3, 2.9, 3.0000001)):
        _, differ = compare(graph, [reading(decay=1.0, threshold=threshold, strict=strict)], levels)
        assert differ == 0
    converted, differ = compare(graph, [reading(decay=1.0, threshold=2.3, reset="subtract")],
                                levels)
    assert differ == 0
    assert converted.remarks[0].startswith("n1: the leak of 1, as 1, with a threshold of 2.3, ")


@pytest.mark.parametrize("fields, weight, phrase", [
    ({}, 0.1, "^Node n1 has weights, .* not all multiples of 2..-16; .* off by at most .*e-06"),
    ({"threshold": 2e6}, 1e6, "^Node n1 does not fit .*: Weight width must be in 2..16, not 21"),
    ({"threshold": 2.0**26}, 1, "^Node n1 does not fit .*: Threshold must be in 1..16777216"),
])
def test_refusals_and_approximations(fields, weight, phrase):
    graph, levels = graph_of((2,), layer([[weight, weight]])), np.ones((3, 1, 2), np.int64)
    with pytest.raises(InvalidValue, match=phrase):
        compare(graph, [reading(**fields)], levels)
    converted, _ = compare(graph, [reading(**fields)], levels, approximate=True)
    assert converted.remarks


def test_stated_error_holds():
    """The remark's bound against the real membrane, where the leak rounds."""
    draw = np.random.default_rng(6)
    graph = graph_of((4,), layer(draw.integers(-5000, 9000, (3, 4))))
    for decay, synaptic, strict in product((0.5, 0.875, 0.625, 0.9, 0.99), (None, 0.75, 0.9),
                                           (False, True)):
        made = reading(decay=decay, synaptic=synaptic, strict=strict, threshold=8000.0,
                       reset="none")
        levels = draw.integers(0, 2, (20, 100, 4))
        converted, _ = compare(graph, [made], levels)
        remark, = converted.remarks
        bound = float(remark.split("at most ")[1].split()[0])
        trained = converted.trained
        theta = trained.spec.populations[0].neuron.quantiser.theta
        ours = integer.run(trained, levels.transpose(1, 0, 2)).membranes["population1"][-1] / theta
        v = held = 0.0
        for events in levels:
            held = (synaptic or 0) * held + events @ graph.layers[0].connections[0].weight.T
            v = decay * v + held
        worst = np.abs(ours.numpy() - v / 8000).max()
        assert 0 < worst <= bound * 1.06  # The remark has two digits.


def test_levels_without_bound_take_what_the_weights_allow():
    bursts = {"levels": None, "strict": False, "reset": "subtract", "decay": 1.0}
    for weight, n_max in ((4, 3), (30, 21), (100, 63)):
        graph = graph_of((2,), layer([[weight, weight]]))
        converted = convert(graph, [reading(**bursts)], 3)
        assert converted.trained.spec.populations[0].neuron.quantiser.n_max == n_max
        assert bool(converted.remarks) == (weight == 100)


def test_no_more_than_the_clipped_levels_go_on():
    bursts = reading(levels=None, strict=False, reset="subtract", decay=1.0)
    graph = graph_of((2,), layer([[100, 100]]), layer([[1]], k=2))
    first, second = convert(graph, [bursts] * 2, 3).trained.spec.populations
    assert (first.emit_max, second.sum_width) == (63, 7)
