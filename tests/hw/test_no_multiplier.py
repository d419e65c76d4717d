import pytest
from amaranth.back import rtlil

from qblif.golden.spec import (
    Conv2d,
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quantiser,
    Reset,
)
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.passes import ORDERS
from qblif.hw.layout.plan import Plan, StagePlan, make_plan


def network(theta, n_max, kind):
    hidden = Neuron(leak=Decay((2,), (4,)), quantiser=Quantiser(n_max=n_max, theta=theta),
                    reset=Reset(kind=kind, gate=Decay((1,))), v_width=14)
    return Network(
        timesteps=3, input=Input(shape=(13,), n_max=n_max),
        populations=[
            Population(name="hidden", shape=(11,), neuron=hidden, sum_width=16, bias_width=6),
            Population(name="out", shape=(5,), neuron=Neuron(quantiser=None, v_width=14),
                       sum_width=16)],
        synapses=[Dense(source="input", target="hidden"), Dense(source="hidden", target="out")])


def maps():
    """Maps with strides, padding, pooling, groups and a residual edge, and a read-out."""
    fires = Neuron(quantiser=Quantiser(n_max=7, theta=64), v_width=14)
    return Network(
        timesteps=3, input=Input(shape=(3, 7, 9), n_max=7, static=False), populations=[
            Population(name="a", shape=(6, 4, 5), neuron=fires, sum_width=16),
            Population(name="b", shape=(6, 4, 5), neuron=fires, sum_width=16, bias_width=6),
            Population(name="out", shape=(5,), neuron=Neuron(quantiser=None, v_width=14),
                       sum_width=16)],
        synapses=[Conv2d(source="input", target="a", kernel=3, stride=2, padding=1),
                  Conv2d(source="a", target="b", kernel=3, padding=1, groups=2),
                  Conv2d(source="input", target="b", kernel=1, stride=2),
                  Conv2d(source="b", target="out", kernel=(2, 2), pool=2),
                  Dense(source="input", target="out")])


def check(spec, plan):
    text = rtlil.convert(NetworkCore(compile(spec, plan)), emit_src=False)
    assert "cell $add" in text or "cell $sub" in text
    for cell in ("$mul", "$div", "$mod", "$pow", "$divfloor", "$modfloor"):
        assert f"cell {cell} " not in text


@pytest.mark.parametrize("ports", [1, 2, 4])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("lanes", [1, 4, 6])
def test_no_multiplier_in_the_streaming_engine(lanes, order, ports):
    stage = StagePlan(lanes=lanes, ports=ports, buffers=2)
    check(maps(), Plan(order=order, stages=(stage, stage, StagePlan(lanes=(lanes, 2)))))


@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 11])
@pytest.mark.parametrize("burst", ["shift", "repeat"])
@pytest.mark.parametrize("kind, theta, n_max", [
    ("gate", 64, 15), ("subtract", 50, 20), ("gate-input", 64, 7), ("none", 37, 3)])
def test_no_multiplier(kind, theta, n_max, burst, lanes):
    spec = network(theta, n_max, kind)
    check(spec, make_plan(spec, lanes=lanes, burst=burst))
