"""Random networks as logic, against the integer model: every level, score and class, and the clock
in which each result comes."""

from dataclasses import replace

import numpy as np
import pytest
from random_cases import Draw, draw_frames
from test_random_graphs import draw_graph
from test_random_networks import draw_network

from qblif.golden import integer
from qblif.golden.spec.artifact import Trained
from qblif.hw.logic.layout import LogicLayout
from qblif.hw.logic.weighted_sums import METHODS
from qblif.sim.logic import run_logic

CASES = 104


class Small(Draw):
    """Networks of which every neuron is a circuit."""

    def size(self):
        return self.integer(1, 9)


def forward(trained, timesteps):
    """The network without its recurrent synapses, for so many timesteps."""
    spec = trained.spec
    kept = [s for s in spec.synapses if not spec.recurrent(s)]
    return Trained(replace(spec, synapses=kept, timesteps=timesteps),
                   {s.name: trained.weights[s.name] for s in kept}, trained.biases)


def by_channel(draw, trained):
    """The network with thresholds for each channel of some populations."""
    thetas, populations = {}, []
    for population in trained.spec.populations:
        quantiser = population.neuron.quantiser
        own = quantiser and population.neuron.leak.kind != "quadratic" and draw.chance(0.5)
        if own:
            found = draw.random.integers(1, quantiser.theta + 1, population.channels)
            found[draw.integer(0, population.channels - 1)] = quantiser.theta
            thetas[population.name] = found.astype(np.int32)
        populations.append(replace(population, thetas=bool(own)))
    return replace(trained, spec=replace(trained.spec, populations=populations), thetas=thetas)


def entries(layout, frames, gaps):
    """The clocks in which so many frames enter: a period begins with a frame, and only its first
    clocks take any."""
    found, clock, phase = [], 0, 0
    while len(found) < frames:
        valid = clock not in gaps
        if valid and phase < layout.slots:
            found.append(clock)
        if valid or phase:
            phase = (phase + 1) % layout.period
        clock += 1
    return np.array(found)


@pytest.mark.parametrize("number", range(CASES))
def test_random_logic(number):
    draw = Small.case("test_random_logic", number)
    trained = forward(draw_network(draw), draw.integer(1, 3)) if draw.chance(0.7) else \
        forward(draw_graph(draw), 1)
    trained = by_channel(draw, trained)
    method, adders = METHODS[number % 2], draw.integer(1, 4)
    interleaved = trained.spec.timesteps > 1 and draw.chance(0.5)
    print(f"{trained.spec}\n{method}, {adders} adders, interleaved: {interleaved}")
    frames = np.concatenate([draw_frames(draw, trained.spec) for _ in range(3)])
    gaps = {draw.integer(0, 8) for _ in range(draw.integer(0, 3))}
    layout = LogicLayout(trained, method, adders, interleaved=interleaved)
    golden, rtl = integer.run(trained, frames), run_logic(layout, frames, gaps)
    for population in trained.spec.firing:
        np.testing.assert_array_equal(rtl.levels[population.name], golden.levels[population.name])
    np.testing.assert_array_equal(rtl.scores, golden.scores)
    np.testing.assert_array_equal(rtl.classes, golden.classes)
    np.testing.assert_array_equal(rtl.entered, entries(layout, len(frames), gaps))
    np.testing.assert_array_equal(rtl.valid, rtl.entered + layout.latency)
