"""The integer model against the contract's equations in plain Python."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from reference import GATES, LEAKS, draw_frames, draw_network, reference, reference_step

from qblif.golden import integer, neuron
from qblif.golden.spec import (
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quadratic,
    Quantiser,
    Reset,
)
from qblif.golden.spec.artifact import Trained
from qblif.golden.spec.errors import InvalidValue


@pytest.mark.parametrize("seed", range(150))
def test_random_network(seed):
    draw = random.Random(seed)
    trained = draw_network(draw)
    frames = draw_frames(draw, trained.spec)
    trace = integer.run(trained, frames)
    for k, frame in enumerate(frames.tolist()):
        expected, scores = reference(trained, frame, draw.choice(["shift", "repeat"]))
        for name, (levels, membranes) in expected.items():
            assert trace.levels[name][:, k].tolist() == levels
            assert trace.membranes[name][:, k].tolist() == membranes
        assert trace.scores[k].tolist() == scores
        assert int(trace.classes[k]) == scores.index(max(scores))


def test_random_networks_cover_what_they_should():
    seen = set()
    for seed in range(150):
        draw = random.Random(seed)
        trained = draw_network(draw)
        spec = trained.spec
        trace = integer.run(trained, draw_frames(draw, spec))
        seen |= {f"static {spec.input.static}", f"depth {len(spec.populations)}",
                 f"counts {spec.counts}"}
        seen |= {"residual"} if len(spec.synapses) > len(spec.populations) else set()
        for population in spec.populations:
            part, v = population.neuron, trace.membranes[population.name]
            seen |= {part.leak, part.reset.kind, f"bias {population.bias_width > 0}"}
            seen |= {"top"} if bool((v == part.v_max).any()) else set()
            seen |= {"bottom"} if bool((v == part.v_min).any()) else set()
            if part.quantiser and bool((trace.levels[population.name] == part.emit_max).any()):
                seen |= {"full burst"}
    assert seen == {*LEAKS, *Reset.KINDS, "static True", "static False", "depth 1", "depth 2",
                    "counts True", "counts False",
                    "depth 3", "residual", "bias True", "bias False", "top", "bottom",
                    "full burst"}


@pytest.mark.parametrize("gate", GATES, ids=str)
@pytest.mark.parametrize("leak", LEAKS, ids=str)
@pytest.mark.parametrize("kind", Reset.KINDS)
def test_every_step_tiny(kind, leak, gate):
    for quantiser, output in (
            (Quantiser(n_max=3, theta=2), "level"), (Quantiser(n_max=20, theta=1), "binary"),
            (Quantiser(n_max=2, theta=3), "level"), (None, "level"),
            (Quantiser(n_max=4, theta=1, spacing="powers"), "level"),
            (Quantiser(n_max=3, theta=2, rounding="nearest"), "level"),
            (Quantiser(n_max=2, theta=3, spacing="powers", rounding="nearest"), "binary"),
            (Quantiser(n_max=2, theta=3, spacing="powers"), "binary")):
        check_every_step(Neuron(leak=leak, quantiser=quantiser, v_width=4, output=output,
                                reset=Reset(kind=kind, gate=gate)))


@pytest.mark.parametrize("floor", [None, 0, -1, -5, -8])
@pytest.mark.parametrize("reset", [*(Reset(kind=kind) for kind in Reset.KINDS), *(
    Reset(kind="zero", value=value) for value in (-5, -1, 1, 7))], ids=str)
def test_every_step_with_a_floor(reset, floor):
    if reset.value < (floor or 0) and floor is not None:
        with pytest.raises(InvalidValue, match=f"must be in {floor}..7, as the membrane"):
            Neuron(quantiser=None, reset=reset, v_width=4, floor=floor)
        return
    for leak in LEAKS:
        for quantiser in (Quantiser(n_max=3, theta=2), None):
            check_every_step(Neuron(leak=leak, quantiser=quantiser, v_width=4, floor=floor,
                                    reset=reset))


def check_every_step(spec):
    cases = [(v, current, fired) for v in range(-8, 8) for current in range(-20, 20)
             for fired in (False, True)]
    v, current, fired = (torch.tensor(column) for column in zip(*cases, strict=True))
    levels, membranes = neuron.step(spec, v.int(), current.int(), fired)
    assert membranes.dtype == torch.int32
    assert list(zip(levels.tolist(), membranes.tolist(), strict=True)) == [
        reference_step(spec, *case) for case in cases]
    assert bool(((membranes >= spec.v_min) & (membranes <= spec.v_max)).all())


@pytest.mark.parametrize("kind", Reset.KINDS)
@pytest.mark.parametrize("gain, low, high", [(16, 0, 4), (64, -5, 9), (0, 0, 0), (200, 127, -128)])
@pytest.mark.parametrize("bits", [3, 5, 13, 16])
def test_every_step_of_a_quadratic_leak(kind, gain, low, high, bits):
    spec = Neuron(leak=Quadratic(gain=gain, low=low, high=high, bits=bits), v_width=bits + 6,
                  quantiser=Quantiser(n_max=20, theta=1 << bits), reset=Reset(kind=kind))
    draw = random.Random(0)
    cases = [(v, draw.randint(-2 << bits, 2 << bits), draw.random() < 0.5)
             for v in range(spec.v_min, spec.v_max + 1, max(1, (1 << bits) // 50))]
    v, current, fired = (torch.tensor(c) for c in zip(*cases, strict=True))
    levels, membranes = neuron.step(spec, v.int(), current.int(), fired)
    assert list(zip(levels.tolist(), membranes.tolist(), strict=True)) == [
        reference_step(spec, *case) for case in cases]


def test_trace_shapes_and_types():
    draw = random.Random(4)
    trained = draw_network(draw)
    trace = integer.run(trained, draw_frames(draw, trained.spec, count=5))
    for population in trained.spec.populations:
        shape = (trained.spec.timesteps, 5, population.size)
        levels, membranes = trace.levels[population.name], trace.membranes[population.name]
        assert levels.shape == membranes.shape == shape
        assert (levels.dtype, membranes.dtype) == (torch.uint8, torch.int32)
    assert trace.classes.shape == (5,)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_batches_change_nothing(seed, batch):
    draw = random.Random(seed)
    trained = draw_network(draw)
    frames = draw_frames(draw, trained.spec, count=7)
    whole, parts = integer.run(trained, frames), integer.run(trained, frames, batch=batch)
    assert torch.equal(whole.classes, parts.classes)
    for name, membranes in whole.membranes.items():
        assert torch.equal(membranes, parts.membranes[name])
        assert torch.equal(whole.levels[name], parts.levels[name])


@pytest.mark.parametrize("kind", ["gate", "gate-input", "subtract", "late", "held"])
def test_every_reset_differs_from_none(kind):
    def levels(kind):
        hidden = Neuron(quantiser=Quantiser(n_max=7, theta=4), v_width=10,
                        reset=Reset(kind=kind, gate=Decay((1,))))
        spec = Network(
            timesteps=4, input=Input(shape=(1,), n_max=5),
            populations=[Population(name="h", shape=(1,), neuron=hidden, sum_width=8),
                         Population(name="o", shape=(1,), sum_width=8,
                                    neuron=Neuron(quantiser=None, v_width=10))],
            synapses=[Dense(source="input", target="h", w_width=4),
                      Dense(source="h", target="o", w_width=4)])
        weights = {"input->h": np.array([[3]]), "h->o": np.array([[1]])}
        return integer.run(Trained(spec, weights), [[2]]).levels["h"].flatten().tolist()
    assert levels("none") == [1, 3, 4, 6]
    assert levels(kind) == {"gate": [1, 1, 1, 1], "gate-input": [1, 2, 3, 3],
                            "subtract": [1, 2, 1, 2], "late": [1, 2, 1, 2],
                            "held": [1, 2, 1, 2]}[kind]


@pytest.mark.parametrize("seed", range(12))
def test_kept_frames_are_one_long_frame(seed):
    """Frames one after another, each from what the last left, are those of a network of as many
    timesteps; classes come at the end of each."""
    draw = random.Random(seed)
    trained = draw_network(draw)
    spec = replace(trained.spec, input=replace(trained.spec.input, static=False))
    frames = draw_frames(draw, spec, 4)
    long = replace(trained, spec=replace(spec, timesteps=4 * spec.timesteps))
    kept = integer.run(replace(trained, spec=spec), frames, keep=True)
    whole = integer.run(long, frames.reshape(1, -1, spec.input.size))
    for p in spec.populations:
        for found, expected in ((kept.levels, whole.levels), (kept.membranes, whole.membranes)):
            assert torch.equal(found[p.name].transpose(0, 1).flatten(0, 1), expected[p.name][:, 0])
    last = spec.populations[-1].name
    scores = kept.levels[last].int().sum(0) if spec.counts else kept.membranes[last][-1]
    assert torch.equal(kept.scores.long(), scores.long())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64, np.int64])
def test_levels_of_every_integer_type(dtype):
    draw = random.Random(1)
    trained = draw_network(draw)
    frames = draw_frames(draw, trained.spec)
    found = integer.run(trained, np.asarray(frames).astype(dtype))
    assert torch.equal(found.scores, integer.run(trained, frames).scores)
    with pytest.raises(InvalidValue, match=r"^Input levels must be in 0\.\."):
        integer.run(trained, np.full(frames.shape, 200, dtype))


@pytest.mark.parametrize("keep", [True, False])
def test_no_frames(keep):
    trained = draw_network(random.Random(0))
    spec = replace(trained.spec, input=replace(trained.spec.input, static=False))
    found = integer.run(replace(trained, spec=spec),
                        np.zeros((0, spec.timesteps, spec.input.size), int), keep=keep)
    assert found.scores.shape == (0, spec.populations[-1].size)
    assert found.levels[spec.populations[0].name].shape == (
        spec.timesteps, 0, spec.populations[0].size)


def test_a_static_input_is_not_kept():
    trained = draw_network(random.Random(0))
    spec = replace(trained.spec, input=replace(trained.spec.input, static=True))
    with pytest.raises(InvalidValue, match="^Frames of a static input are not kept"):
        integer.run(replace(trained, spec=spec), np.zeros((1, spec.input.size), int), keep=True)
