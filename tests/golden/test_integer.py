"""The integer model against the contract's equations in plain Python, one neuron after another."""

import random

import numpy as np
import pytest
import torch

from qblif.golden import integer, neuron
from qblif.golden.integer import argmax, weighted_sum
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
from qblif.golden.spec.burst import digits

LEAKS = [Decay(), Decay((0,)), Decay((1,)), Decay((3,)), Decay((1,), (3,)), Decay((2, 4)),
         Decay((2, 2), (1,))]
GATES = [Decay((0,)), Decay(), Decay((1,)), Decay((1, 2)), Decay((2, 2), (1,))]


# The reference: Python's integers, and the equations of docs/contract.md.

def decay(shifts, x):
    return x - sum(x >> k for k in shifts.subtract) + sum(x >> k for k in shifts.add)


def clip(x, low, high):
    return min(max(x, low), high)


def leak(spec, v):
    if isinstance(spec, Decay):
        return decay(spec, v)
    x = clip(v >> spec.bits - 3, -128, 127)
    return v + (spec.gain * (x - spec.low) * (x - spec.high) * 2**spec.bits >> 12)


def reference_step(spec, v, current, fired):
    """One neuron, one timestep: ``(level, v)``."""
    low, high = -(1 << spec.v_width - 1), (1 << spec.v_width - 1) - 1
    if spec.reset.kind == "gate-input" and fired:
        current = decay(spec.reset.gate, current)
    v = clip(leak(spec.leak, v) + current, low, high)
    if spec.reset.kind == "gate" and fired:
        v = clip(decay(spec.reset.gate, v), low, high)
    if spec.quantiser is None:
        return 0, v
    level = clip(v // spec.quantiser.theta, 0, spec.quantiser.n_max)
    if spec.quantiser.spacing == "powers" and level:
        level = 2 ** (len(f"{level:b}") - 1)
    if spec.reset.kind == "subtract":
        v -= level * spec.quantiser.theta
    if spec.reset.kind == "zero" and level:
        v = 0
    return min(level, 1) if spec.output == "binary" else level, v


def reference_current(trained, population, index, levels, mode):
    """The bias plus every event's weight, one digit at a time."""
    total = int(trained.biases[population.name][index]) if population.bias_width else 0
    for synapse in trained.spec.synapses_to(population.name):
        for source, level in enumerate(levels[synapse.source]):
            for digit in digits(level, mode):
                weight = int(trained.weights[synapse.name][index, source]) << digit.shift
                total += -weight if digit.negative else weight
    return total


def reference(trained, frame, mode="shift"):
    """All that one frame makes of a network: levels, membranes ``[name][timestep]``, the class."""
    spec = trained.spec
    v = {p.name: [0] * p.size for p in spec.populations}
    level = {p.name: [0] * p.size for p in spec.populations}
    trace = {p.name: ([], []) for p in spec.populations}
    for t in range(spec.timesteps):
        now = {"input": frame if spec.input.static else frame[t]}
        for population in spec.populations:
            name = population.name
            steps = [reference_step(population.neuron, v[name][k],
                                    reference_current(trained, population, k, now, mode),
                                    level[name][k] > 0) for k in range(population.size)]
            level[name], v[name] = [s[0] for s in steps], [s[1] for s in steps]
            now[name] = level[name]
            trace[name][0].append(level[name])
            trace[name][1].append(v[name])
    last = v[spec.populations[-1].name]
    return trace, last.index(max(last))


# Random networks.

def draw_neuron(draw, last):
    v_width = draw.randint(3, 12)  # Sums reach a few hundred: narrow membranes saturate.
    theta = draw.randint(1, max(1, (1 << v_width - 1) // draw.choice([2, 4, 8])))
    return Neuron(leak=draw.choice(LEAKS), v_width=v_width,
                  quantiser=None if last else Quantiser(n_max=draw.randint(1, 20), theta=theta),
                  reset=Reset(kind=draw.choice(list(Reset.KINDS)), gate=draw.choice(GATES)))


def draw_network(draw):
    depth = draw.randint(1, 3)
    source = Input(shape=(draw.randint(1, 6),), n_max=draw.randint(1, 20),
                   static=draw.random() < 0.5)
    populations = [Population(name=f"p{k}", shape=(draw.randint(1, 6),), sum_width=20,
                              neuron=draw_neuron(draw, k == depth - 1),
                              bias_width=draw.choice([0, 5])) for k in range(depth)]
    names = ["input", *(p.name for p in populations)]
    synapses = [Dense(source=a, target=b, w_width=6)
                for a, b in zip(names, names[1:], strict=False)]
    if depth > 1 and draw.random() < 0.4:
        synapses.append(Dense(source="input", target=names[-1], w_width=4))
    spec = Network(timesteps=draw.randint(1, 6), input=source, populations=populations,
                   synapses=synapses)

    def tensor(shape, width):
        size = int(np.prod(shape))
        low, high = -(1 << width - 1), (1 << width - 1) - 1
        return np.array([draw.randint(low, high) for _ in range(size)], np.int32).reshape(shape)
    return Trained(spec, {s.name: tensor(spec.weight_shape(s), s.w_width) for s in synapses},
                   {p.name: tensor((p.size,), p.bias_width) for p in populations if p.bias_width})


def draw_frames(draw, spec, count=3):
    shape = (count, spec.input.size) if spec.input.static else (count, spec.timesteps,
                                                                spec.input.size)
    density = draw.choice([0, 0.3, 1])
    flat = [draw.randint(0, spec.input.n_max) if draw.random() < density else 0
            for _ in range(int(np.prod(shape)))]
    return np.array(flat).reshape(shape)


@pytest.mark.parametrize("seed", range(150))
def test_random_network(seed):
    draw = random.Random(seed)
    trained = draw_network(draw)
    frames = draw_frames(draw, trained.spec)
    trace = integer.run(trained, frames)
    for k, frame in enumerate(frames.tolist()):
        expected, label = reference(trained, frame, draw.choice(["shift", "repeat"]))
        for name, (levels, membranes) in expected.items():
            assert trace.levels[name][:, k].tolist() == levels
            assert trace.membranes[name][:, k].tolist() == membranes
        assert int(trace.classes[k]) == label


def test_random_networks_cover_what_they_should():
    seen = set()
    for seed in range(150):
        draw = random.Random(seed)
        trained = draw_network(draw)
        spec = trained.spec
        trace = integer.run(trained, draw_frames(draw, spec))
        seen |= {f"static {spec.input.static}", f"depth {len(spec.populations)}"}
        seen |= {"residual"} if len(spec.synapses) > len(spec.populations) else set()
        for population in spec.populations:
            part, v = population.neuron, trace.membranes[population.name]
            seen |= {part.leak, part.reset.kind, f"bias {population.bias_width > 0}"}
            seen |= {"top"} if bool((v == part.v_max).any()) else set()
            seen |= {"bottom"} if bool((v == part.v_min).any()) else set()
            if part.quantiser and bool((trace.levels[population.name] == part.emit_max).any()):
                seen |= {"full burst"}
    assert seen == {*LEAKS, *Reset.KINDS, "static True", "static False", "depth 1", "depth 2",
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
            (Quantiser(n_max=2, theta=3, spacing="powers"), "binary")):
        spec = Neuron(leak=leak, quantiser=quantiser, v_width=4, reset=Reset(kind=kind, gate=gate),
                      output=output)
        cases = [(v, current, fired) for v in range(-8, 8) for current in range(-20, 20)
                 for fired in (False, True)]
        v, current, fired = (torch.tensor(column) for column in zip(*cases, strict=True))
        levels, membranes = neuron.step(spec, v, current, fired)
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


# One network by hand.

def chain(weights, *, n_max=20, timesteps=2, static=True, v_width=12, **fields):
    """A read-out alone, with the given weights."""
    weights = np.array(weights, np.int32)
    out = Population(name="out", shape=(len(weights),), sum_width=30,
                     neuron=Neuron(quantiser=None, v_width=v_width, **fields))
    spec = Network(timesteps=timesteps, input=Input(shape=(weights.shape[1],), n_max=n_max,
                                                    static=static),
                   populations=[out], synapses=[Dense(source="input", target="out", w_width=16)])
    return Trained(spec, {"input->out": weights})


def test_read_out_by_hand():
    trace = integer.run(chain([[2, -1], [0, 3]], leak=Decay((1,))), [[5, 3], [0, 1]])
    assert trace.membranes["out"].tolist() == [[[7, 9], [-1, 3]], [[11, 14], [-1, 5]]]
    assert trace.classes.tolist() == [1, 1] and not bool(trace.levels["out"].any())


def test_membrane_saturates_once_and_stays():
    trace = integer.run(chain([[60], [-60]], timesteps=3, v_width=8), [[2]])
    assert trace.membranes["out"][:, 0].tolist() == [[120, -120], [127, -128], [127, -128]]


def test_timesteps_have_their_own_frames():
    trace = integer.run(chain([[1, 10]], static=False), [[[1, 0], [0, 2]]])
    assert trace.membranes["out"].flatten().tolist() == [1, 21]


def test_empty_frame_is_class_zero():
    assert integer.run(chain([[1], [2], [3]]), [[0]]).classes.tolist() == [0]


def test_tie_goes_to_the_lowest_index():
    trace = integer.run(chain([[1], [4], [4], [4]]), [[1], [3]])
    assert trace.classes.tolist() == [1, 1]


@pytest.mark.parametrize("row, label", [
    ([0, 0], 0), ([-1, -1, -2], 0), ([5, 7, 7], 1), ([-8, -9, -8], 0), ([1], 0), ([1, 2, 3, 3], 2)])
def test_argmax(row, label):
    assert argmax(torch.tensor([row])).tolist() == [label]


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


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64])
def test_any_integer_type_of_levels(dtype):
    trace = integer.run(chain([[300, -1]]), np.array([[20, 7]], dtype))
    assert trace.membranes["out"].flatten().tolist() == [2047, 2047]
    trace = integer.run(chain([[100, -1]], timesteps=1), np.array([[20, 7]], dtype))
    assert trace.membranes["out"].flatten().tolist() == [1993]


# It must notice.

def test_every_changed_weight_changes_the_trace():
    weights = [[3, -5, 7], [0, 1, -2]]
    before = integer.run(chain(weights), [[1, 2, 3]])
    for row in range(2):
        for column in range(3):
            other = [list(r) for r in weights]
            other[row][column] += 1
            after = integer.run(chain(other), [[1, 2, 3]])
            assert not torch.equal(before.membranes["out"], after.membranes["out"])


@pytest.mark.parametrize("kind", ["gate", "gate-input", "subtract"])
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
                            "subtract": [1, 2, 1, 2]}[kind]


# Input that is refused.

@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 4), (5, 3, 1), (5, 2, 3)])
def test_wrong_shape_of_static_frames(shape):
    with pytest.raises(ValueError, match=r"^Input frames must have shape \(3,\), not \("):
        integer.run(chain([[1, 2, 3]]), np.zeros(shape, int))


@pytest.mark.parametrize("shape", [(5, 3), (5, 1, 3), (5, 3, 2), (2, 3)])
def test_wrong_shape_of_timed_frames(shape):
    with pytest.raises(ValueError, match=r"^Input frames must have shape \(2, 3\), not \("):
        integer.run(chain([[1, 2, 3]], static=False), np.zeros(shape, int))


@pytest.mark.parametrize("level", [-1, 6, 255])
def test_level_out_of_range(level):
    with pytest.raises(ValueError, match=r"^Input levels must be in 0\.\.5, not "):
        integer.run(chain([[1, 2]], n_max=5), [[0, level]])


def test_levels_that_are_no_integers():
    with pytest.raises(TypeError, match=r"^Input levels must be integers, not torch.float64$"):
        integer.run(chain([[1, 2]]), np.array([[0.5, 1.0]]))


def test_no_frames():
    trace = integer.run(chain([[1, 2]]), np.zeros((0, 2), int))
    assert trace.classes.shape == (0,) and trace.membranes["out"].shape == (2, 0, 1)


# Weighted sums, exact in whichever format they run.

def exact_sums(weights, levels):
    return [[sum(w * s for w, s in zip(row, frame, strict=True)) for row in weights]
            for frame in levels]


@pytest.mark.parametrize("limit, sources, exact_in_float32", [
    (127, 60, True), (32767, 25, True), (32767, 26, False), (32767, 2000, False)])
def test_weighted_sum(limit, sources, exact_in_float32):
    draw = random.Random(sources)
    weights = [[limit - draw.randint(0, 1) for _ in range(sources)],
               [draw.randint(-limit, limit) for _ in range(sources)], [-limit] * sources]
    levels = [[20] * sources, [19 + draw.randint(0, 1) for _ in range(sources)],
              [draw.randint(0, 20) for _ in range(sources)]]
    found = weighted_sum(torch.tensor(weights), torch.tensor(levels), 20)
    assert found.dtype == torch.int32 and found.tolist() == exact_sums(weights, levels)
    assert (limit * sources * 20 < 1 << 24) == exact_in_float32


def test_weighted_sum_that_float32_would_round():
    weights, levels = torch.tensor([[1 << 20, 1]]), torch.tensor([[16, 1]])
    single = (levels.float() @ weights.float().T).to(torch.int32)
    assert single.tolist() == [[1 << 24]]
    assert weighted_sum(weights, levels, 16).tolist() == [[(1 << 24) + 1]]


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32])
def test_weighted_sum_of_the_most_negative_weight(dtype):
    lowest = torch.iinfo(dtype).min if dtype != torch.int32 else -(1 << 26)
    weights = torch.full((1, 1), lowest, dtype=dtype)
    assert weighted_sum(weights, torch.tensor([[20]]), 20).tolist() == [[20 * lowest]]


def test_weighted_sum_at_the_limit():
    largest = torch.tensor([[(1 << 31) - 1], [-(1 << 31) + 1]])
    assert weighted_sum(largest, torch.tensor([[1]]), 1).tolist() == [[(1 << 31) - 1,
                                                                      -(1 << 31) + 1]]


@pytest.mark.parametrize("weights, n_max", [
    ([[-(1 << 31)]], 1), ([[1 << 30]], 2), ([[1 << 29, -(1 << 29)]], 2)])
def test_weighted_sum_past_the_limit(weights, n_max):
    with pytest.raises(ValueError, match="^Weighted sums reach 2147483648, which is more than"):
        weighted_sum(torch.tensor(weights), torch.zeros(1, len(weights[0]), dtype=torch.int32),
                     n_max)
