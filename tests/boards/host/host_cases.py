"""Two networks of one shape, and the model of a board that holds either."""

import numpy as np

from qblif.boards.host.host import Host
from qblif.golden import integer
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.board_model import BoardModel

PLAN = Plan(stages=(StagePlan(lanes=4, fire_lanes=2), StagePlan(lanes=3)))


def network(seed=0, inputs=30, static=True):
    spec = Network(
        timesteps=2, input=Input(shape=(inputs,), n_max=3, static=static),
        populations=[
            Population(name="hidden", shape=(9,), sum_width=16, bias_width=7, neuron=Neuron(
                quantiser=Quantiser(n_max=3, theta=64), v_width=14)),
            Population(name="out", shape=(3,), sum_width=14,
                       neuron=Neuron(quantiser=None, v_width=14))],
        synapses=[Dense(source="input", target="hidden"), Dense(source="hidden", target="out")])
    draw = np.random.default_rng(seed)
    return Trained(spec, {"input->hidden": draw.integers(-60, 60, (9, inputs), np.int32),
                          "hidden->out": draw.integers(-60, 60, (3, 9), np.int32)},
                   {"hidden": draw.integers(-60, 60, 9, np.int32)})


FIRST, SECOND = network(1), network(2)
FRAMES = np.random.default_rng(0).integers(0, 4, (4, 30))
SEEN = {}
SCORES = {id(n): integer.run(n, FRAMES).scores.numpy() for n in (FIRST, SECOND)}
CLASSES = {id(n): integer.run(n, FRAMES).classes.numpy() for n in (FIRST, SECOND)}


def board(*networks, damage=None):
    networks = networks or (FIRST, SECOND)
    return BoardModel(networks, compile(networks[0].spec, PLAN), damage, scores=SEEN)


def quick(port, tries=8):
    return Host(port, timeout=0.001, tries=tries)
