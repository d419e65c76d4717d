"""The network behind its command processor, in Amaranth's simulator."""

import itertools

import numpy as np
import pytest
from amaranth.back import rtlil
from host_interface_cases import EVENTS, PLAN, compare, load, network, powered, run

from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.link.board_core import BoardCore
from qblif.hw.link.host_interface import HostInterface
from qblif.hw.link.protocol import RUN_FIRST, RUN_LAST, Register, Status


@pytest.mark.parametrize("static, fires", [(True, False), (False, False), (False, True)])
def test_two_networks_one_after_the_other(static, fires):
    first, second = network(1, static, fires), network(2, static, fires)
    draw = np.random.default_rng(0)
    frames = draw.integers(0, 3, (3, 7) if static else (3, 2, 7))
    frames[1] = 0
    host = powered(first)
    for trained in (first, second):
        host.load(trained)
        compare(host, trained, frames)
    assert host.line.repeated == 0
    last = np.asarray(frames[-1])
    events = np.count_nonzero(last)
    found = host.activity(first.spec)["input->hidden"]
    assert found["events"] == events <= found["words"]


def test_maps_with_a_residual_edge(residual):
    trained, plan, frames = residual
    host = powered(trained, plan)
    host.load(trained)
    compare(host, trained, frames[:2])
    identity = host.identify()
    assert identity.lanes == [[6], [3], [4], [5]]
    assert identity.layout(trained.spec) == plan
    assert host.activity(trained.spec)["input->a"]["events"] == np.count_nonzero(frames[1])


def test_without_levels():
    trained = network(1)
    host = powered(trained, levels=False)
    assert not host.identify().levels


def test_more_populations_than_spaces():
    fires = Neuron(quantiser=Quantiser(n_max=1, theta=4), v_width=6)
    names = [f"p{k}" for k in range(126)]
    spec = Network(
        timesteps=1, input=Input(shape=(1,), n_max=1), populations=[
            Population(name=name, shape=(1,), sum_width=5, neuron=fires) for name in names],
        synapses=[Dense(source=source, target=name, w_width=2)
                  for source, name in itertools.pairwise(["input", *names])])
    layout = compile(spec, Plan(stages=(StagePlan(lanes=1),) * 126))
    with pytest.raises(ValueError, match=r"^Populations behind the host link must be in 1\.\.125, "
                                         "not 126$"):
        HostInterface(layout, clock_hz=12_000_000)


def test_no_multiplier():
    core = BoardCore(compile(network(1).spec, PLAN), clock_hz=12_000_000, baud=921_600)
    text = rtlil.convert(core, emit_src=False)
    assert "cell $add" in text
    for cell in ("$mul", "$div", "$mod", "$pow", "$divfloor", "$modfloor"):
        assert f"cell {cell} " not in text


def test_pins_of_a_run():
    """``armed``, ``busy``, ``label`` and ``label_valid`` while a frame comes in two parts."""
    trained = network(1)
    host = powered(trained)
    linked = host.line.port.linked
    seen = []

    async def watch(ctx):
        async for _, _, *pins in ctx.tick().sample(
                linked.armed, linked.busy, linked.label_valid, linked.label):
            if not seen or seen[-1] != tuple(pins):
                seen.append(tuple(pins))
    host.line.port._simulator.add_testbench(watch, background=True)
    host.trained = trained

    def pins():
        host.identify()
        host.line.port.read(1)  # Some cycles in which nothing is asked.
        return seen[-1][:3]
    assert pins() == (0, 0, 0)
    assert load(host) == Status.OK and pins() == (1, 0, 0)
    assert run(host) == Status.OK and pins() == (1, 0, 1)
    label = seen[-1][3]
    assert label == host.registers(Register.LABEL, 1)[0]
    assert run(host, EVENTS[:2], RUN_FIRST) == Status.OK
    assert pins() == (1, 1, 0), "busy until the frame's last part, and no class until then"
    assert run(host, EVENTS[2:], RUN_LAST) == Status.OK and pins() == (1, 0, 1)
