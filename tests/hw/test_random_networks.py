"""Random networks in Amaranth's simulator, against the integer model, to the last bit, and where
nothing is stalled against the cycle model, to the cycle.

One case is one network with its plan, frames and stalls, drawn from one seed: see
:mod:`random_cases`.
"""

from dataclasses import replace

import numpy as np
import pytest
from random_cases import (
    CASES,
    Draw,
    burst_of,
    check_against_golden,
    draw_frames,
    draw_neuron,
    draw_recurrence,
    draw_stage,
)

from qblif.golden.spec import Dense, Input, Network, Population
from qblif.golden.spec.artifact import Trained, sum_range
from qblif.golden.training.export import signed_width
from qblif.hw.layout.memories import MEMORIES
from qblif.hw.layout.plan import Plan


def draw_layer(draw, name, source, last):
    """A population with its synapse and integers; its sums get their width in the end."""
    size, w_width = draw.size(), draw.integer(2, 8)
    high = (1 << w_width - 1) - 1
    low = draw.one_of([-high - 1, -high // 3, -high - 1])  # Now and then mostly positive.
    weights = draw.random.integers(low, high + 1, (size, source.size)).astype(np.int32)
    bias_width = draw.integer(2, 8) if draw.chance(0.4) else 0
    reach = 1 + np.abs(weights).mean() * source.emit_max * np.sqrt(source.size) / 2
    neuron = draw_neuron(draw, last, reach)
    synapse = Dense(source=source.name, target=name, w_width=w_width)
    bias = draw.random.integers(-(1 << bias_width - 1), 1 << bias_width - 1, size) \
        if bias_width else None
    return Population(name=name, shape=(size,), neuron=neuron, bias_width=bias_width,
                      sum_width=30), synapse, weights, bias


def draw_network(draw):
    source = Input(shape=(draw.size(),), n_max=draw.integer(1, draw.one_of([20, 63])),
                   static=draw.chance(0.5))
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
    draw_recurrence(draw, spec["populations"], spec["synapses"], weights)
    network = Network(**spec)
    spec["populations"] = [replace(p, sum_width=signed_width(*sum_range(network, weights, p)))
                           for p in spec["populations"]]
    return Trained(Network(**spec), weights, biases)


def draw_plan(draw, spec):
    """Any lanes, dividing or not, more than neurons or fewer; any fire lanes that divide them."""
    burst = draw.one_of(["shift", "repeat"])
    stages = []
    for population in spec.populations:
        lanes = [draw.integer(1, min(80, population.size + 3))
                 for _ in spec.synapses_to(population.name)]
        last = population is spec.populations[-1]
        fire = 1 if last else draw.one_of([f for f in (1, 2, 4, 8) if lanes[0] % f == 0])
        lanes = tuple(fire * -(-count // fire) for count in lanes)
        memory = draw.one_of(MEMORIES) if draw.chance(0.3) else "block"
        stages.append(draw_stage(draw, population, lanes, fire, memory=memory,
                                 burst=burst_of(spec, population, lanes, burst)))
    return Plan(stages=tuple(stages), order=draw.one_of(["inner", "inner", "outer"]))


@pytest.mark.parametrize("number", range(CASES // 2))
def test_random_networks(number):
    draw = Draw.case("test_random_networks", number)
    trained = draw_network(draw)
    check_against_golden(draw, trained, draw_plan(draw, trained.spec),
                         draw_frames(draw, trained.spec))
