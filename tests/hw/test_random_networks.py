"""Random networks in Amaranth's simulator, against the integer model, to the last bit, and where
nothing is stalled against the cycle model, to the cycle.

One example is one network with its plan, frames and stalls, drawn from one seed.  A failure prints
that seed; ``QBLIF_SEED=N pytest tests/hw/test_random_networks.py -k replay`` runs it alone.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from qblif.golden import integer
from qblif.golden.artifact import Trained, sum_range
from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.hw.cycles import count_cycles
from qblif.hw.plan import Plan, StagePlan
from qblif.sim.pysim import run_network

LEAKS = [Decay(), Decay((1,)), Decay((3,)), Decay((0,)), Decay((1,), (3,)), Decay((2, 4))]
GATES = [Decay((0,)), Decay(), Decay((1,)), Decay((3,)), Decay((1, 2))]
GROUPS = 8  # Test functions, so that pytest-xdist can share them out.
EXAMPLES = 26  # A test function: 208 networks in all.

profile = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
                   print_blob=True, suppress_health_check=list(HealthCheck))


class Draw:
    """Random choices under one seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def integer(self, low, high):
        return int(self.random.integers(low, high + 1))

    def one_of(self, items):
        return items[self.integer(0, len(items) - 1)]

    def chance(self, probability):
        return bool(self.random.random() < probability)

    def size(self):
        """Mostly small, up to 70."""
        return self.integer(1, 70) if self.chance(0.2) else self.integer(1, 16)


def draw_neuron(draw, last, reach):
    """Any neuron; its membrane is narrow enough to saturate in one case of three."""
    needed = int(reach).bit_length() + 3
    v_width = draw.integer(3, needed) if draw.chance(0.33) else needed + 2
    theta = draw.integer(1, min((1 << v_width - 1) - 1, max(1, int(reach) // draw.integer(1, 8))))
    if draw.chance(0.6):
        theta = 1 << theta.bit_length() - 1
    return Neuron(leak=draw.one_of(LEAKS), v_width=v_width,
                  quantiser=None if last else Quantiser(n_max=draw.integer(1, 20), theta=theta),
                  reset=Reset(kind=draw.one_of(Reset.KINDS), gate=draw.one_of(GATES)))


def draw_layer(draw, name, source, last):
    """A population with its synapse and integers, no wider than they need."""
    size, w_width = draw.size(), draw.integer(2, 8)
    high = (1 << w_width - 1) - 1
    low = draw.one_of([-high - 1, -high // 3, -high - 1])  # Now and then mostly positive.
    weights = draw.random.integers(low, high + 1, (size, source.size)).astype(np.int32)
    bias_width = draw.integer(2, 8) if draw.chance(0.4) else 0
    reach = 1 + np.abs(weights).mean() * source.n_max * np.sqrt(source.size) / 2
    neuron = draw_neuron(draw, last, reach)
    synapse = Dense(source=source.name, target=name, w_width=w_width)
    fields = {"name": name, "shape": (size,), "neuron": neuron, "bias_width": bias_width}
    wide = Population(**fields, sum_width=30)
    spec = Network(timesteps=1, input=Input(shape=(source.size,), n_max=source.n_max),
                   populations=[Population(**fields | {"neuron": Neuron(quantiser=None, v_width=9)},
                                           sum_width=30)],
                   synapses=[Dense(source="input", target=name, w_width=w_width)])
    low, top = sum_range(spec, {f"input->{name}": weights}, wide)
    width = max(2, max(top, -low - 1, 1).bit_length() + 1)
    bias = draw.random.integers(-(1 << bias_width - 1), 1 << bias_width - 1, size) \
        if bias_width else None
    return Population(**fields, sum_width=width), synapse, weights, bias


def draw_network(draw):
    source = Input(shape=(draw.size(),), n_max=draw.integer(1, 20), static=draw.chance(0.5))
    spec = {"timesteps": draw.integer(1, 8), "input": source, "populations": [], "synapses": []}
    weights, biases = {}, {}
    depth = draw.one_of([1, 2, 2, 3, 3, 4])
    for index in range(depth):
        population, synapse, w, bias = draw_layer(draw, f"p{index}", source, index == depth - 1)
        spec["populations"].append(population)
        spec["synapses"].append(synapse)
        weights[synapse.name] = w
        if bias is not None:
            biases[population.name] = bias.astype(np.int32)
        source = population
    return Trained(Network(**spec), weights, biases)


def draw_plan(draw, spec):
    """Any lanes, dividing or not, more than neurons or fewer; any fire lanes that divide them."""
    burst = draw.one_of(["shift", "repeat"])
    stages = []
    for population in spec.populations:
        lanes = draw.integer(1, min(80, population.size + 3))
        last = population.neuron.quantiser is None
        fire = 1 if last else draw.one_of([f for f in (1, 2, 4, 8) if lanes % f == 0])
        sliced = last or population.neuron.quantiser.shift is not None and draw.chance(0.5)
        stages.append(StagePlan(lanes=lanes, fire_lanes=fire, burst=burst,
                                quantiser="slice" if sliced else "ladder"))
    return Plan(stages=tuple(stages))


def draw_frames(draw, spec):
    """A few frames, sparse to full, one of them possibly empty."""
    shape = (spec.input.size,) if spec.input.static else (spec.timesteps, spec.input.size)
    frames = draw.random.integers(0, spec.input.n_max + 1, (draw.integer(1, 3), *shape))
    frames = frames * (draw.random.random(frames.shape) < draw.one_of([0.1, 0.4, 1.0]))
    if draw.chance(0.3):
        frames[draw.integer(0, len(frames) - 1)] = 0
    return frames


def check(seed):
    draw = Draw(seed)
    trained = draw_network(draw)
    plan = draw_plan(draw, trained.spec)
    frames = draw_frames(draw, trained.spec)
    stalls = {} if draw.chance(0.5) else {"i_stall": draw.integer(0, 3), "o_stall":
                                          draw.integer(0, 40), "ready_first": draw.chance(0.5)}
    note(f"seed {seed}: {trained.spec}\n{plan}\n{stalls}")
    golden = integer.run(trained, frames)
    rtl = run_network(trained, plan, frames, baked=draw.chance(0.7), seed=seed, **stalls)
    for name, expected in golden.membranes.items():
        np.testing.assert_array_equal(rtl.levels[name], golden.levels[name], f"{seed} {name}")
        np.testing.assert_array_equal(rtl.membranes[name], expected, f"{seed} {name}")
    np.testing.assert_array_equal(rtl.classes, golden.classes, f"{seed}")
    if not stalls:
        model = count_cycles(trained.spec, plan, frames,
                             {name: levels.numpy() for name, levels in golden.levels.items()})
        np.testing.assert_array_equal(rtl.starts - rtl.starts[0], model.first - model.first[0])
        np.testing.assert_array_equal(rtl.results - rtl.starts[0], model.last - model.first[0])
    return trained, plan, golden


@pytest.mark.parametrize("group", range(GROUPS))
def test_random_networks(group):
    @profile
    @given(st.integers(0, (1 << 32) - 1))
    @example(group)
    def networks(number):
        # Unlike groups: derandomised, each would draw the same numbers.
        check(number * GROUPS + group)

    networks()


def test_replay():
    seed = os.environ.get("QBLIF_SEED")
    if seed is None:
        pytest.skip("QBLIF_SEED names the seed of a network to replay")
    check(int(seed))
