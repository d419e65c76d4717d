"""A small network behind its host interface in Amaranth's simulator, its loads and its frames."""

import numpy as np

from qblif.boards.host.host import Host
from qblif.boards.host.requests import load_checksum, load_requests
from qblif.golden import integer
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout.compile import Layout, compile
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.link.host_interface import HostInterface
from qblif.hw.link.protocol import RUN_FIRST, RUN_LAST, Command, Status, pack_events
from qblif.sim.pysim_port import PysimPort

PLAN = Plan(stages=(StagePlan(lanes=4, fire_lanes=2), StagePlan(lanes=2)))


def network(seed, static=True, fires=False):
    spec = Network(
        timesteps=2, input=Input(shape=(7,), n_max=2, static=static),
        populations=[
            Population(name="hidden", shape=(5,), sum_width=12, bias_width=6, neuron=Neuron(
                quantiser=Quantiser(n_max=3, theta=16), v_width=12)),
            Population(name="out", shape=(3,), sum_width=12,
                       neuron=Neuron(quantiser=Quantiser(n_max=3, theta=32) if fires else None,
                                     v_width=12))],
        synapses=[Dense(source="input", target="hidden"), Dense(source="hidden", target="out")])
    draw = np.random.default_rng(seed)
    return Trained(spec, {"input->hidden": draw.integers(-60, 60, (5, 7), np.int32),
                          "hidden->out": draw.integers(-60, 60, (3, 5), np.int32)},
                   {"hidden": draw.integers(-30, 30, 5, np.int32)})


def powered(trained, plan=PLAN, patience=10_000, **options):
    layout = plan if isinstance(plan, Layout) else compile(trained.spec, plan)
    linked = HostInterface(layout, clock_hz=4_000_000, **options)
    return Host(PysimPort(linked, patience), timeout=50, tries=1)


def compare(host, trained, frames):
    """Classes, scores, levels and cycles of the frames, against the models."""
    found = host.run(trained, frames, levels=True, scores=True)
    layout = host.identify().layout(trained.spec)
    expected = integer.run(trained, frames)
    np.testing.assert_array_equal(found.classes, expected.classes.numpy())
    np.testing.assert_array_equal(found.scores, expected.scores.numpy())
    assert list(found.levels) == [p.name for p in trained.spec.firing]
    for name, values in found.levels.items():
        np.testing.assert_array_equal(values, expected.levels[name].numpy())
    levels = {name: tensor.numpy() for name, tensor in expected.levels.items()}
    cycles = [count_cycles(layout, frames[k:k + 1], {
        name: values[:, k:k + 1] for name, values in levels.items()}).latency[0]
        for k in range(len(frames))]
    np.testing.assert_array_equal(found.cycles, cycles)


def load(host, drop=None, wrong=0, words=None):
    """A load in which something may be wrong; returns the status of its end."""
    identity = host.identify()
    runs = list(load_requests(host.trained, identity.layout(host.trained.spec)))
    host.line.exchange(Command.BEGIN)
    for k, (place, data) in enumerate(runs):
        if k != drop:
            assert host.line.exchange(Command.WRITE, data, **place)[0] == Status.OK
    return host.line.exchange(Command.END, words=words or identity.words,
                              checksum=load_checksum(runs) ^ wrong)[0]


EVENTS = pack_events([[1, 0, 2, 0, 0, 1, 2]], 2)


def run(host, data=EVENTS, flags=RUN_FIRST | RUN_LAST):
    return host.line.exchange(Command.RUN, data, flags=flags)[0]
