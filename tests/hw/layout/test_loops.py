"""Engines of loops: timesteps one at a time, and what may not be in one."""

import pytest

from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan


def population(name, shape, fires=True):
    quantiser = Quantiser(n_max=3, theta=4) if fires else None
    return Population(name=name, shape=shape, sum_width=20, neuron=Neuron(
        quantiser=quantiser, reset=Reset(kind="none"), v_width=20))


def layout(*extra, between=None):
    """A map, then two flat populations, the second of which leads back to the first."""
    synapses = [Conv2d(source="input", target="map", kernel=2), Dense(source="map", target="a"),
                Dense(source="map", target="b"),
                between or Dense(source="a", target="b"), Dense(source="b", target="out"), *extra]
    spec = Network(timesteps=3, input=Input(shape=(1, 3, 3), n_max=3), synapses=synapses,
                   populations=[population("map", (2, 2, 2)), population("a", (4,)),
                                population("b", (4,)), population("out", (2,), fires=False)])
    return compile(spec, make_plan(spec, lanes=4))


def sets(found):
    return {engine.name: engine.sets for stage in found.stages for engine in stage.engines
            if stage.name in "ab"}


def test_within_a_loop_engines_take_a_timestep_at_a_time():
    back = Dense(source="b", target="a")
    assert sets(layout()) == {"map->a": 3, "map->b": 3, "a->b": 3}
    found = layout(back)
    assert sets(found) == {"map->a": 3, "map->b": 3, "a->b": 1, "b->a": 1}
    assert [e.name for e in found.engines if e.recurrent] == ["b->a"]


def test_streaming_engines_are_refused_in_a_loop():
    groups = Conv2d(source="a", target="b", kernel=1, groups=2)
    assert layout(between=groups)
    with pytest.raises(ValueError, match="Synapse a->b is part of a loop, in which b must not be a "
                       "map or have a convolution in groups"):
        layout(Dense(source="b", target="a"), between=groups)
