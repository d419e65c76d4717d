"""The smallest line buffers: networks run with exactly these, and deadlock with a row less."""

import numpy as np
import pytest
from mutants import mutant
from random_cases import Draw
from window_cases import CASES, network

from qblif.golden import integer
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout.build_engines import line_rows
from qblif.hw.layout.compile import Layout, compile_stage
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.layout.row_demand import rows_demanded
from qblif.hw.layout.window import Window
from qblif.sim.pysim import run_network


def graph(height, edges, columns=2, timesteps=1):
    """Maps and a read-out: ``edges`` are ``(source, target, convolution)``, in order."""
    fires = Neuron(quantiser=Quantiser(n_max=2, theta=8), v_width=12)
    source = Input(shape=(2, height, columns), n_max=2, static=False)
    nodes, synapses = {"input": source}, []
    for before, name, fields in edges:
        conv = Conv2d(source=before, target=name, **fields)
        synapses.append(conv)
        nodes.setdefault(name, Population(
            name=name, neuron=fires, sum_width=20,
            shape=conv.output_shape(nodes[before].shape, 2)))
    last = list(nodes)[-1]
    nodes["out"] = Population(name="out", shape=(2,), sum_width=20,
                              neuron=Neuron(quantiser=None, v_width=20))
    return Network(timesteps=timesteps, input=source, populations=list(nodes.values())[1:],
                   synapses=[*synapses, Dense(source=last, target="out")])


SAME, POINT, DOWN = ({"kernel": 3, "padding": 1}, {"kernel": 1},
                     {"kernel": 3, "stride": 2, "padding": 1})
RESIDUAL = [("input", "a", SAME), ("a", "b", SAME), ("b", "c", SAME), ("a", "c", POINT)]
GRAPHS = {  # With the smallest line buffers.
    "identity": (RESIDUAL, {"input->a": 3, "a->b": 3, "b->c": 3, "a->c": 3}),
    "long path": ([*RESIDUAL[:3], ("c", "d", SAME), ("a", "d", POINT)],
                  {"input->a": 3, "a->b": 3, "b->c": 3, "c->d": 3, "a->d": 4}),
    "strided block": ([("input", "a", DOWN), ("a", "b", SAME), ("input", "b", {
        "kernel": 1, "stride": 2})], {"input->a": 3, "a->b": 3, "input->b": 4}),
    "tall kernel": ([("input", "a", {"kernel": (5, 1), "padding": (2, 0)}), ("a", "b", POINT),
                     ("input", "b", POINT)], {"input->a": 5, "a->b": 1, "input->b": 3}),
}
# While b waits for the input's rows, a sends what it can compute from them.
FORCED = ([("input", "a", POINT), ("a", "b", POINT), ("input", "b", {
    "kernel": (5, 1), "padding": (2, 0)})], {"input->a": 1, "a->b": 3, "input->b": 5})
# While c waits for the last row of a, b sends what it can compute from those before.
AHEAD = ([("input", "a", {"kernel": (11, 1), "padding": (5, 0)}), ("a", "b", POINT),
          ("b", "c", POINT), ("a", "c", {"kernel": (11, 1), "padding": (5, 0)})],
         {"input->a": 6, "a->b": 1, "b->c": 6, "a->c": 6})
HEIGHT = 6


def demanded(spec, slack=0):
    return line_rows(spec, {population.name: slack for population in spec.populations})


def layout_of(spec, rows, queue=None, order="inner"):
    """A layout with these line buffers."""
    stages = tuple(StagePlan(lanes=2, queue=queue) for _ in spec.populations)
    return Layout(spec=spec, plan=Plan(stages=stages, order=order), stages=tuple(
        compile_stage(spec, population, stage, order, rows)
        for population, stage in zip(spec.populations, stages, strict=True)))


def trained_of(spec, seed=0):
    draw = np.random.default_rng(seed)
    return Trained(spec, {s.name: draw.integers(-9, 16, spec.weight_shape(s)).astype(np.int32)
                          for s in spec.synapses}, {})


def model(spec, rows, frames, **options):
    """Cycles of the model, in which a line buffer that is never released is an error."""
    levels = integer.run(trained_of(spec), frames).levels
    return count_cycles(layout_of(spec, rows, **options), frames,
                        {name: fired.numpy() for name, fired in levels.items()})


def simulate(spec, rows, frames, **options):
    """The network with these line buffers runs, and rightly."""
    trained = trained_of(spec)
    found = run_network(trained, layout_of(spec, rows, **options), frames, baked=True,
                        timeout=5_000)
    np.testing.assert_array_equal(found.classes, integer.run(trained, frames).classes)


def frames_of(spec, count=2):
    draw = np.random.default_rng(1)
    return draw.integers(0, 3, (count, spec.timesteps, spec.input.size))


@pytest.mark.parametrize("edges, expected", [*GRAPHS.values(), FORCED, AHEAD])
def test_smallest_line_buffers(edges, expected):
    assert demanded(graph(HEIGHT, edges)) == expected


@pytest.mark.parametrize("edges, expected", GRAPHS.values())
def test_slack_is_added(edges, expected):
    slack = demanded(graph(HEIGHT, edges), slack=2)
    assert slack == {synapse: rows + 2 for synapse, rows in expected.items()}


@pytest.mark.parametrize("timesteps, order", [(1, "inner"), (2, "inner"), (2, "outer")])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_row_less_deadlocks(name, timesteps, order):
    """In each line buffer alone, whatever is in the frames; with exactly these rows it runs."""
    spec = graph(HEIGHT, GRAPHS[name][0], timesteps=timesteps)
    rows = demanded(spec)
    frames = frames_of(spec, 1) * (timesteps == 1)
    assert len(model(spec, rows, frames, order=order).last) == len(frames)
    for synapse in rows:
        fewer = rows | {synapse: rows[synapse] - 1}
        if fewer[synapse]:
            with pytest.raises(RuntimeError, match=f"^Line buffer of {synapse} is never released"):
                model(spec, fewer, frames, order=order)


def test_a_row_less_deadlocks_in_simulation():
    spec, synapse = graph(HEIGHT, GRAPHS["strided block"][0]), "input->b"
    rows, frames, trained = demanded(spec), frames_of(spec, 1), trained_of(spec)
    simulate(spec, rows, frames)
    with pytest.raises(AssertionError, match="^no end after 600 cycles: "):
        run_network(trained, layout_of(spec, rows | {synapse: rows[synapse] - 1}), 0 * frames,
                    baked=True, timeout=600)


@pytest.mark.parametrize("edges", [FORCED[0], AHEAD[0]])
def test_rows_that_are_forced(edges):
    spec = graph(HEIGHT, edges)
    simulate(spec, demanded(spec), frames_of(spec, 1), queue=12)
    assert len(model(spec, demanded(spec), frames_of(spec, 3)).last) == 3


def test_rows_that_only_queues_would_hold():
    """The model, which has no queue where it does not know when a transfer is taken, says so."""
    spec = graph(HEIGHT, AHEAD[0], timesteps=2)
    assert len(model(spec, demanded(spec), frames_of(spec)).last) == 2
    with pytest.raises(RuntimeError, match="^Line buffer of b->c is never released; "):
        model(spec, demanded(spec) | {"b->c": 1}, frames_of(spec))


@pytest.mark.parametrize("source, channels, fields", CASES)
def test_a_chain_needs_its_windows_rows(source, channels, fields):
    spec = network(source, channels, fields)
    assert demanded(spec) == {"input->b": Window.of(spec, spec.synapses[0], 1).least_rows}
    chain = graph(HEIGHT, [("input", "a", SAME), ("a", "b", DOWN), ("b", "c", {"kernel": (2, 1)})])
    assert demanded(chain) == {"input->a": 3, "a->b": 3, "b->c": 2}


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_grows_with_the_height(name):
    found = [demanded(graph(height, GRAPHS[name][0])) for height in (8, 16, 32, 64)]
    assert found[1:] == found[:1] * 3


def draw_graph(draw):
    """Maps of one size, each with the one before it and with some of the others as sources."""
    names, edges = ["input"], []
    for name in "abc"[:draw.integer(2, 3)]:
        sources = [names[-1], *(before for before in names[:-1] if draw.chance(0.5))]
        for source in sources:
            pad = draw.one_of([0, 0, 1, 1, 2])
            edges.append((source, name, {"kernel": (2 * pad + 1, 1), "padding": (pad, 0)}))
        names.append(name)
    return graph(draw.integer(2, 5), edges, columns=draw.integer(1, 2),
                 timesteps=draw.integer(1, 2))


@pytest.mark.parametrize("number", range(3))
def test_random_graphs_run_with_the_smallest_line_buffers(number):
    """And with the shortest queues, and silent frames as well as others."""
    draw = Draw.case("layout/test_row_demand", number)
    spec = draw_graph(draw)
    frames = frames_of(spec, 2) * np.array([1, 0])[:, None, None]
    simulate(spec, demanded(spec), frames, queue=12, order=draw.one_of(["inner", "outer"]))


@pytest.mark.parametrize("number", range(60))
def test_the_model_of_random_graphs_never_waits_for_ever(number):
    spec = draw_graph(Draw.case("layout/test_row_demand", 1000 + number))
    frames = frames_of(spec, 2)
    assert len(model(spec, demanded(spec), frames).last) == 2


@pytest.mark.parametrize("old, new", [
    ("- firsts + 1", "- firsts"),
    ("np.maximum(last, sent)", "last"),
    ("np.maximum(last, sent)", "sent"),
])
def test_a_broken_rule_is_found(old, new):
    broken = mutant(rows_demanded, old, new)
    same = []
    for edges, _ in (*GRAPHS.values(), FORCED):
        spec = graph(HEIGHT, edges)
        windows = {s.name: Window.of(spec, s, 1) for s in spec.synapses[:-1]}
        same.append(broken(spec, windows, {p.name: 0 for p in spec.populations}) == demanded(spec))
    assert not all(same)
