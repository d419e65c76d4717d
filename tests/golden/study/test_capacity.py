import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from qblif.golden import integer
from qblif.golden.activity import activity
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.golden.spec.artifact import Trained
from qblif.golden.study import capacity
from qblif.golden.study.capacity import choose, harder, options, reduced
from qblif.golden.study.meter import Meter

PAIRS = np.array([*itertools.product(range(16), range(16))])


def two_parts(**quantiser):
    """Class 2 where the second input is not 0, else class 0 where the first is at least 8.

    So "size" needs N_max = 8, and "there" needs 1.
    """
    fires = Neuron(quantiser=Quantiser(n_max=quantiser.pop("n_max", 15), theta=16, **quantiser),
                   v_width=12)
    spec = Network(
        timesteps=1, input=Input(shape=(2,), n_max=15), populations=[
            Population(name="size", shape=(1,), neuron=fires, sum_width=12),
            Population(name="there", shape=(1,), neuron=fires, sum_width=12),
            Population(name="out", shape=(3,), neuron=Neuron(quantiser=None, v_width=14),
                       sum_width=12, bias_width=5)],
        synapses=[Dense(source="input", target="size"), Dense(source="input", target="there"),
                  Dense(source="size", target="out"), Dense(source="there", target="out")])
    weights = {"input->size": [[16, 0]], "input->there": [[0, 16]],
               "size->out": [[1], [0], [0]], "there->out": [[0], [0], [100]]}
    trained = Trained(spec, {name: np.array(w, np.int32) for name, w in weights.items()},
                      {"out": np.array([0, 8, -8], np.int32)})
    return Meter(trained, PAIRS, np.where(PAIRS[:, 1] > 0, 2, PAIRS[:, 0] < 8))


@pytest.mark.parametrize("every", [256, 0], ids=["complete", "greedy"])
@pytest.mark.parametrize("mode", ["shift", "repeat"])
@pytest.mark.parametrize("spacing, n_max", [("uniform", 15), ("powers", 8)])
def test_each_population_gets_what_it_needs(every, mode, spacing, n_max, monkeypatch):
    monkeypatch.setattr(capacity, "EVERY", every)
    choice = choose(two_parts(n_max=n_max, spacing=spacing), 0.0, mode)
    assert choice.before.n_max == (n_max, n_max) and choice.before.accuracy == 1
    assert choice.chosen.accuracy == 1 and choice.complete == bool(every)
    assert choice.chosen.n_max[0] == 8 and choice.single.n_max == (8, 8)
    if mode == "repeat":
        assert choice.chosen.n_max == (8, 1)
        assert choice.chosen.total(mode) < choice.single.total(mode)
    else:  # A power of two is one digit, as is 1.
        assert choice.chosen.total(mode) <= choice.single.total(mode)


def test_a_goal_is_met_with_the_best_accuracy():
    meter = two_parts()
    free = choose(meter, 100.0, "repeat", goal=0.8).chosen
    before = meter.measure((15, 15))
    assert free.total("repeat") <= 0.8 * before.total("repeat")
    assert free.right == max(p.right for p in meter.measurements.values()
                             if p.total("repeat") <= 0.8 * before.total("repeat"))
    far = choose(meter, 0.0, "repeat", goal=0.01).chosen
    assert far.n_max == (8, 1)


def test_binary_network():
    with pytest.raises(ValueError, match="^Every hidden population has one level"):
        choose(two_parts(n_max=1), 1.0)
    meter = two_parts()
    population = meter.hidden[0]
    binary = replace(population, neuron=replace(population.neuron, output="binary"))
    assert options(population) == tuple(range(1, 16)) and options(binary) == (15,)


def test_options_of_powers():
    assert options(two_parts(n_max=16, spacing="powers").hidden[0]) == (1, 2, 4, 8, 16)


def with_neurons(trained, **fields):
    """The network with other neurons in its hidden populations."""
    spec = trained.spec
    return replace(trained, spec=replace(spec, populations=(*(
        replace(p, neuron=replace(p.neuron, **fields)) for p in spec.populations[:-1]),
        spec.populations[-1])))


@pytest.mark.parametrize("kind", ["gate", "subtract", "zero"])
@pytest.mark.parametrize("which", ["tiny", "residual"])
def test_meter_equals_the_integer_model(kind, which, request):
    trained, _, frames = request.getfixturevalue(which)
    trained = with_neurons(trained, reset=Reset(kind=kind))
    labels = np.arange(len(frames)) % 3
    meter = Meter(trained, frames, labels)
    meter.batch = 5
    sets = [options(p) for p in meter.hidden]
    draw = np.random.default_rng(3)
    for n_max in [tuple(int(draw.choice(s)) for s in sets) for _ in range(12)]:
        point, lower = meter.measure(n_max), reduced(trained, n_max)
        trace = integer.run(lower, frames)
        assert point.right == int((trace.classes.numpy() == labels).sum())
        found = activity(lower.spec, {"input": frames} | {
            name: levels.numpy() for name, levels in trace.levels.items()})
        assert point.total("shift") == pytest.approx(sum(a["operations"] for a in found.values()))
        if which == "tiny":
            sizes = {s.name: lower.spec.source(s.target).size for s in lower.spec.synapses}
            assert point.total("repeat") == pytest.approx(
                sum(a["repeat_digits"] * sizes[name] for name, a in found.items()))


def test_reduced_is_the_network_with_clipped_levels(residual):
    trained, _, frames = residual
    assert reduced(trained, (6, 6, 6)).weights_digest  # Widths as they are, or narrower.
    n_max = (2, 6, 3)
    lower = reduced(replace(trained, notes={"seed": 1}), n_max)
    assert [p.emit_max for p in lower.spec.populations] == [2, 6, 3, 0]
    assert lower.notes == {"seed": 1}
    for old, new in zip(trained.spec.populations, lower.spec.populations, strict=True):
        assert new.sum_width <= old.sum_width and new.neuron.v_width <= old.neuron.v_width
    wide = replace(trained, spec=replace(trained.spec, populations=tuple(
        replace(old, neuron=replace(old.neuron, quantiser=new.neuron.quantiser))
        for old, new in zip(trained.spec.populations, lower.spec.populations, strict=True))))
    with_wide, with_narrow = integer.run(wide, frames), integer.run(lower, frames)
    full = integer.run(trained, frames)
    for name in with_wide.levels:
        assert torch.equal(with_wide.levels[name], with_narrow.levels[name])
        assert torch.equal(with_wide.membranes[name], with_narrow.membranes[name])
    # A gate closes on any burst, so what is behind no other lowered population is only clipped.
    assert torch.equal(with_narrow.levels["a"], full.levels["a"].clamp(max=2))


@pytest.mark.parametrize("points", [0.0, 5.0, 20.0])
@pytest.mark.parametrize("mode", ["shift", "repeat"])
def test_budget_and_best_single_by_brute_force(tiny, points, mode):
    trained, _, frames = tiny
    labels = integer.run(trained, frames).classes.numpy()
    labels[::7] = (labels[::7] + 1) % 3
    choice = choose(Meter(trained, frames, labels), points, mode)
    allowed = {}
    for n in range(1, 6):
        lower = reduced(trained, (n,))
        trace = integer.run(lower, frames)
        right = int((trace.classes.numpy() == labels).sum())
        if right >= choice.before.right - points / 100 * len(frames):
            levels = {name: levels.numpy() for name, levels in trace.levels.items()}
            found = activity(lower.spec, {"input": frames} | levels)
            key = "digits" if mode == "shift" else "repeat_digits"
            allowed[n] = sum(found[s.name][key] * lower.spec.source(s.target).size
                             for s in lower.spec.synapses)
    assert choice.single.n_max == choice.chosen.n_max
    assert choice.single.total(mode) == pytest.approx(min(allowed.values()))
    assert choice.single.right >= choice.before.right - points / 100 * len(frames)
    assert choice.measured == 5 and choice.complete


def test_harder_images():
    images = np.random.default_rng(0).integers(0, 256, (6, 9, 9), np.uint8)
    notes = {"config": {"rotate": 20.0, "shift": 1.0, "epochs": 3}}
    changed = harder(images, notes, seed=1)
    assert changed.dtype == np.uint8 and changed.shape == images.shape
    assert (changed != images).any((1, 2)).all()
    np.testing.assert_array_equal(changed, harder(images, notes, seed=1))
    with pytest.raises(ValueError, match="^The network's file names no changes"):
        harder(images, {})
