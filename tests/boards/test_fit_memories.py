"""The memories that the estimate counts, against those of the elaborated gateware."""

from collections import Counter

import pytest
from amaranth.hdl import Fragment, Shape

from qblif.boards.devices import DEVICES
from qblif.boards.fit import _link_memories, fixed_need, request_room
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.link.host_interface import HostInterface

READ_OUT = Population(name="out", shape=(3,), sum_width=14,
                      neuron=Neuron(quantiser=None, v_width=12))


def fires(n_max):
    return Neuron(quantiser=Quantiser(n_max=n_max, theta=16), v_width=12)


def memories(component):
    """How many memories of each ``(depth, width)`` a component has."""
    class Platform:
        def get_memory(self, ram):
            found[ram.depth, Shape.cast(ram.shape).width] += 1
            return ram.elaborate(None)

    found = Counter()
    Fragment.get(component, Platform())
    return found


def streaming(static, size=16):
    spec = Network(
        timesteps=4, input=Input(shape=(2, size, size), n_max=3, static=static),
        populations=[Population(name="a", shape=(20,), sum_width=14, neuron=fires(3)), READ_OUT],
        synapses=[Dense(source="input", target="a"), Dense(source="a", target="out")])
    return compile(spec, Plan(order="outer", stages=(StagePlan(lanes=5), StagePlan(lanes=1))))


@pytest.mark.parametrize("static, size", [(True, 16), (False, 16), (False, 4)])
@pytest.mark.parametrize("name", ["ecp5-85k", "up5k"])
def test_the_host_links_memories(static, size, name):
    """With those of a live stream where the network takes one."""
    layout, device = streaming(static, size), DEVICES[name]
    linked = memories(HostInterface(layout, clock_hz=12_000_000, levels=False,
                                    room=request_room(device)))
    alone = memories(NetworkCore(layout, readback=True))
    cost = _link_memories(layout.spec, layout.input, device)
    scores = layout.stages[-1].score_recorder
    assert linked - alone == Counter(cost.memories + cost.small + scores.memories + scores.small)
    assert len(linked - alone) > 4 or static


def test_a_live_stream_needs_more_blocks():
    device = DEVICES["hx8k"]
    live, still = (fixed_need(layout.spec, layout.input, device, link=True).bram
                   for layout in (streaming(static=False), streaming(static=True)))
    assert live - still == 6


@pytest.mark.parametrize("fire_lanes", [1, 2, 8])
@pytest.mark.parametrize("queue", [512, 30])
def test_the_aer_encoders_queue(fire_lanes, queue):
    """Its words have no bits of the address that number the lanes."""
    spec = Network(
        timesteps=1, input=Input(shape=(2, 8, 8), n_max=1), populations=[
            Population(name="a", shape=(128, 8, 8), sum_width=12, neuron=fires(20)), READ_OUT],
        synapses=[Conv2d(source="input", target="a", kernel=1),
                  Dense(source="a", target="out")])
    layout = compile(spec, Plan(stages=(
        StagePlan(lanes=8, fire_lanes=fire_lanes, queue=queue), StagePlan(lanes=1))))
    cost = layout.stages[0].cost
    counted = Counter(cost.memories + cost.small)
    width = 13 - fire_lanes.bit_length() + 1 + 5 * fire_lanes + 1
    assert counted[1 << queue.bit_length() - (queue == 512), width] == 1
    assert counted <= memories(NetworkCore(layout))
