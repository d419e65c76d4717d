"""The compiled layout: computed once, of plain numbers, with a digest that tells layouts apart."""

import dataclasses
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from qblif.boards.allocate import Allocator
from qblif.boards.devices import DEVICES
from qblif.boards.host.host import Host
from qblif.boards.host.line import HostError
from qblif.golden import integer
from qblif.golden.spec.artifact import Trained, load
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.layout.plan import Plan, make_plan
from qblif.hw.link.plan_registers import plan_from_registers, plan_registers
from qblif.hw.link.protocol import SynapseRegister
from qblif.sim.bench import prepare
from qblif.sim.board_model import BoardModel
from qblif.sim.pysim import run_network

NETWORKS = Path(__file__).parents[3] / "networks"


def test_it_is_frozen(tiny):
    _, layout, _ = tiny
    for part in (layout, layout.stages[0], layout.engines[0], layout.stages[0].load_banks[0]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            part.name = "other"


def test_another_number_of_stages(tiny):
    trained, layout, _ = tiny
    with pytest.raises(ValueError, match="^Plan must have 2 stages, not 1$"):
        compile(trained.spec, Plan(stages=layout.plan.stages[:1]))


def test_layout_of_another_network(tiny, residual):
    trained, layout, frames = tiny
    text = f"^Layout is of network {residual[1].spec.digest}, but the weights are of "
    for simulate in (run_network, partial(prepare, simulator="icarus", out_dir="never")):
        with pytest.raises(ValueError, match=text):
            simulate(trained, residual[1], frames)


def test_load_banks_are_the_gatewares_ports(residual):
    """Weights engine by engine, then the biases: as many write enables as the layout has banks."""
    _, layout, _ = residual
    core = NetworkCore(layout)
    for stage in core.stages:
        banks = stage.layout.load_banks
        ports = [*stage.engines, stage.population]
        assert [len(port.write) for port in ports[:-1]] == [
            sum(bank.owner == engine.name for bank in banks) for engine in stage.layout.engines]
        assert len(ports[-1].write) == sum(bank.kind == "biases" for bank in banks)
        for engine, port in zip(stage.layout.engines, ports, strict=False):
            assert len(port.write_data) == max(bank.width for bank in engine.load_banks)


def test_description_is_json_and_the_digest_follows_it(residual):
    trained, layout, _ = residual
    assert json.loads(json.dumps(layout.describe())) == layout.describe()
    assert compile(trained.spec, layout.plan).digest == layout.digest
    seen = {layout.digest}
    stage = layout.plan.stages[1]
    for change in ({"lanes": (2,)}, {"fire_lanes": 1, "lanes": (6,)}, {"burst": "repeat"},
                   {"quantiser": "ladder"}, {"memory": "packed"}, {"queue": 64}, {"ports": 1},
                   {"buffers": 1}, {"slack": 3}):
        stages = [*layout.plan.stages]
        stages[1] = replace(stage, **change)
        seen.add(compile(trained.spec, Plan(stages=tuple(stages))).digest)
    seen.add(compile(trained.spec, replace(layout.plan, order="outer")).digest)
    assert len(seen) == 11
    other = replace(trained.spec, timesteps=3)
    assert compile(other, layout.plan).digest not in seen


@pytest.mark.parametrize("order", ["inner", "outer"])
@pytest.mark.parametrize("change", [
    {}, {"burst": "repeat"}, {"quantiser": "ladder"}, {"memory": "mixed"}, {"queue": 33},
    {"ports": 4}, {"buffers": 4}, {"slack": 0}])
def test_a_host_lays_it_out_as_the_board_did(residual, change, order):
    trained, layout, _ = residual
    plan = Plan(stages=tuple(replace(stage, **change) for stage in layout.plan.stages),
                order=order)
    layout = compile(trained.spec, plan)
    registers = [plan_registers(layout, stage, engine) for stage, engine, _ in layout.synapses]
    assert compile(trained.spec, plan_from_registers(registers)) == layout
    assert Host(BoardModel([trained], layout)).identify().layout(trained.spec) == layout


@pytest.mark.parametrize("register, value, text", [
    (SynapseRegister.BURST, 2, "Burst must be a number below 2, not 2"),
    (SynapseRegister.MEMORY, 9, "Memory must be a number below 4, not 9"),
    (SynapseRegister.ORDER, 2, "Order must be a number below 2, not 2"),
    (SynapseRegister.PORTS, 3, "Ports must be one of 1, 2, 4, not 3"),
    (SynapseRegister.BUFFERS, 0, r"Buffers must be in 1\.\.4, not 0"),
    (SynapseRegister.SLACK, 65, r"Slack must be in 0\.\.64, not 65"),
    (SynapseRegister.STAGE, 3, "Stage 3 does not follow stage -1"),
    (SynapseRegister.LANES, 0, "Lanes must be in 1..1024, not 0")])
def test_registers_of_no_plan(tiny, register, value, text):
    _, layout, _ = tiny
    registers = plan_registers(layout, layout.stages[0], layout.engines[0]) | {register: value}
    with pytest.raises(ValueError, match=f"^{text}$"):
        plan_from_registers([registers])


def test_a_board_with_another_layout_is_refused(tiny):
    """Its plan is the same, but it was generated by a program that laid it out in another way."""
    trained, layout, _ = tiny
    other = compile(trained.spec, make_plan(trained.spec, lanes=2))
    identity = replace(Host(BoardModel([trained], layout)).identify(), layout_digest=other.digest)
    with pytest.raises(HostError, match=f"^The board has layout {other.digest}, this program makes "
                                        f"{layout.digest} of its plan: build the bitstream again$"):
        identity.layout(trained.spec)


def test_cycles_of_a_board_are_those_of_its_own_plan():
    """The host expects the cycles of the board's own layout, whatever the allocator chose: with
    one buffer of completed words a stage waits where with more it does not."""
    published = load(NETWORKS / "mnist-cnn.safetensors")
    trained = Trained(replace(published.spec, timesteps=2), published.weights, published.biases)
    plan = next(Allocator(trained.spec, DEVICES["ecp5-25k"], published.activity).plans())
    assert max(stage.buffers for stage in plan.stages) > 1
    assert max(stage.ports for stage in plan.stages) > 1
    layout = compile(trained.spec, plan)
    found = Host(BoardModel([trained], layout)).identify().layout(trained.spec)

    frames = np.random.default_rng(0).integers(0, 3, (1, 784)) * (
        np.random.default_rng(1).random((1, 784)) < 0.2)
    levels = {name: value.numpy() for name, value in integer.run(trained, frames).levels.items()}
    cycles = [count_cycles(one, frames, levels).latency[0] for one in (
        layout, found, compile(trained.spec, Plan(stages=tuple(
            replace(stage, buffers=1) for stage in plan.stages))))]
    assert cycles[0] == cycles[1] < cycles[2]
