import pytest
from amaranth.back import rtlil

from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan


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


@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 11])
@pytest.mark.parametrize("burst", ["shift", "repeat"])
@pytest.mark.parametrize("kind, theta, n_max", [
    ("gate", 64, 15), ("subtract", 50, 20), ("gate-input", 64, 7), ("none", 37, 3)])
def test_no_multiplier(kind, theta, n_max, burst, lanes):
    spec = network(theta, n_max, kind)
    text = rtlil.convert(NetworkCore(compile(spec, make_plan(spec, lanes=lanes, burst=burst))),
                         emit_src=False)
    assert "cell $add" in text or "cell $sub" in text
    for cell in ("$mul", "$div", "$mod", "$pow", "$divfloor", "$modfloor"):
        assert f"cell {cell} " not in text
