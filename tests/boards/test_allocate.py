from dataclasses import replace
from pathlib import Path

import pytest

from qblif.boards import allocate
from qblif.boards.allocate import Allocator
from qblif.boards.devices import BOARD_DEVICES
from qblif.boards.fit import frame_cycles, load_bytes, need, refusal, stage_cycles, weight_kbit
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import load
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan
from qblif.hw.layout.work import works_of

NETWORKS = Path(__file__).parents[2] / "networks"


def mlp(hidden=128):
    neuron = Neuron(quantiser=Quantiser(n_max=15, theta=32), v_width=16)
    return Network(
        timesteps=2, input=Input(shape=(784,), n_max=2),
        populations=[Population(name="hidden", shape=(hidden,), neuron=neuron, sum_width=15),
                     Population(name="output", shape=(10,), sum_width=17,
                                neuron=Neuron(quantiser=None, v_width=18))],
        synapses=[Dense(source="input", target="hidden", w_width=8),
                  Dense(source="hidden", target="output", w_width=8)])


def allocator(device, spec=None, **what):
    return Allocator(spec or mlp(), BOARD_DEVICES[device], **what)


def test_single_port_ram_holds_the_first_layer_at_eight_lanes():
    plan = next(allocator("up5k", link=True).plans())
    assert plan.stages[0].memory == "spram" and plan.stages[0].lanes == (8,)
    device = BOARD_DEVICES["up5k"]
    needed = need(compile(mlp(), plan), device, link=True)
    assert needed.spram == 4 and not refusal(needed, device)


def test_sixteen_lanes_would_need_twice_the_single_port_ram():
    plan, why = allocator("up5k", link=True).with_lanes(16)
    assert max(plan.stages[0].lanes) == 16 and "RAMs" in why


def test_a_large_device_takes_a_lane_a_neuron():
    plan = next(allocator("ecp5-85k", link=True, levels=True).plans())
    assert plan.stages[0].lanes == (128,)


@pytest.mark.parametrize("device", ["hx8k", "gw1nr-9"])
def test_small_devices_hold_it_with_no_lanes_at_all(device):
    found = allocator(device, link=True)
    assert not list(found.plans())
    assert "block RAMs" in found.smallest()[1]
    assert all(found.with_lanes(lanes)[1] for lanes in (1, 8, 128))


@pytest.mark.parametrize("device", ["up5k", "ecp5-45k", "ecp5-85k"])
def test_plans_fit_and_get_slower(device):
    plans = list(allocator(device, link=True).plans())
    cycles = [frame_cycles(compile(mlp(), plan)) for plan in plans]
    assert len(plans) > 3 and all(b > a for a, b in zip(cycles, cycles[1:], strict=False))
    assert all(not refusal(need(compile(mlp(), plan), BOARD_DEVICES[device], link=True),
                           BOARD_DEVICES[device]) for plan in plans)


@pytest.mark.parametrize("lanes", [1, 4, 32, 128])
def test_the_lanes_that_were_asked_for_are_as_fast_as_a_balanced_plan(lanes):
    plan, why = allocator("ecp5-85k").with_lanes(lanes)
    assert not why and max(max(stage.lanes) for stage in plan.stages) == lanes
    assert frame_cycles(compile(mlp(), plan)) <= frame_cycles(
        compile(mlp(), make_plan(mlp(), lanes=lanes)))


@pytest.mark.parametrize("name", ["mnist-cnn", "cifar-vgg"])
def test_stages_of_the_published_networks_are_about_equally_busy(name):
    trained = load(NETWORKS / f"{name}.safetensors")
    spec, activity = trained.spec, trained.activity
    plan = next(allocator("ecp5-85k", spec, activity=activity).plans())
    layout = compile(spec, plan)
    cycles = [stage_cycles(stage, works_of(spec, stage.population, activity))
              for stage in layout.stages]
    assert max(cycles) <= 1.5 * sum(cycles) / len(cycles)
    assert max(cycles) == frame_cycles(layout, activity)


def test_distributed_ram_where_there_is_some():
    def memories(device):
        spec = load(NETWORKS / "cifar-vgg.safetensors").spec
        return {option.plan.memory for options in allocator(device, spec).options
                for option in options}
    assert memories("ecp5-85k") == {"block", "packed", "mixed"}
    assert memories("hx8k") == {"block", "packed"}


@pytest.mark.parametrize("device, longest", [("ecp5-85k", 32), ("hx8k", 512)])
def test_encoders_of_maps_have_short_fifos_where_there_is_distributed_ram(device, longest):
    spec = load(NETWORKS / "cifar-vgg.safetensors").spec
    plans = [plan for plan, _ in map(allocator(device, spec).with_lanes, (1, 8, 64))]
    assert longest == max(stage.timing.queue for plan in plans
                          for stage in compile(spec, plan).stages[:-1])


@pytest.mark.parametrize("name", ["mnist-mlp", "mnist-cnn", "cifar-vgg"])
def test_block_rams_are_spared_where_few_luts_do(name, monkeypatch):
    """Equally fast; each block RAM for fewer LUTs than it is worth."""
    trained, device = load(NETWORKS / f"{name}.safetensors"), BOARD_DEVICES["ecp5-85k"]
    what = {"spec": trained.spec, "activity": trained.activity}
    plan = next(allocator("ecp5-85k", **what).plans())
    monkeypatch.setattr(allocate, "BLOCK_RAM_WORTH", 0)
    cheapest = next(allocator("ecp5-85k", **what).plans())
    sparing, fewest_luts = (need(compile(trained.spec, p), device) for p in (plan, cheapest))
    spared, more = fewest_luts.bram - sparing.bram, sparing.lut - fewest_luts.lut
    assert spared > 0 and 0 <= more <= 32 * spared
    assert [s.lanes for s in plan.stages] == [s.lanes for s in cheapest.stages]


@pytest.mark.parametrize("name", ["mnist-mlp", "mnist-cnn"])
def test_block_rams_are_not_spared_beyond_the_luts(name, monkeypatch):
    """With room for the fewest LUTs alone, those are taken, whatever a block RAM is worth."""
    trained, device = load(NETWORKS / f"{name}.safetensors"), BOARD_DEVICES["ecp5-85k"]
    found = allocator("ecp5-85k", trained.spec, activity=trained.activity)
    monkeypatch.setattr(allocate, "BLOCK_RAM_WORTH", 0)
    options = found.solve(4000)
    found.most_luts = found._need(options).lut
    monkeypatch.setattr(allocate, "BLOCK_RAM_WORTH", 1000)
    assert found._need(found.fits(4000)).lut == found.most_luts
    found.most_luts -= 1
    assert found.fits(4000) is None
    assert found._need(found.solve(4000)).lut == found.most_luts + 1
    found.most_luts = device.lut
    assert found._need(found.fits(4000)).bram < found._need(options).bram


def test_a_plan_may_seem_a_little_too_large():
    """The estimate of LUTs is not exact: :data:`qblif.boards.fit.LUT_DOUBT`."""
    found = allocator("ecp5-85k")
    options = found.solve(4000)
    for luts, fits in ((round(found._need(options).lut / 1.05), True),
                       (round(found._need(options).lut / 1.15), False)):
        small = Allocator(mlp(), replace(found.device, lut=luts))
        assert bool(small.fits(4000)) is fits


def test_fewer_events_at_once_where_block_ram_is_scarce():
    trained = load(NETWORKS / "mnist-cnn.safetensors")
    spec, activity = trained.spec, trained.activity
    plans = {name: next(allocator(name, spec, activity=activity).plans()).stages
             for name in ("ecp5-25k", "ecp5-85k")}
    added = {name: sum(stage.ports * stage.lanes[0] for stage in stages)
             for name, stages in plans.items()}
    assert added["ecp5-25k"] < added["ecp5-85k"]
    assert max(stage.ports for stage in plans["ecp5-85k"]) > 1


def test_options_that_there_are():
    """Several ports in streaming stages only, and never of single-port RAM."""
    spec = load(NETWORKS / "mnist-cnn.safetensors").spec
    *maps, last = allocator("up5k", spec).options
    for options in maps:
        found = {(option.plan.memory, option.plan.ports) for option in options}
        assert found == {("spram", 1), *((memory, ports) for memory in ("block", "packed")
                                         for ports in (1, 2, 4))}
    assert {option.plan.ports for option in last} == {1}


def test_weight_sizes():
    assert weight_kbit(mlp()) == (784 * 128 + 128 * 10) * 8 / 1000
    assert load_bytes(compile(mlp(), make_plan(mlp(), lanes=8))) == 784 * 128 + 1280


def test_frame_cycles_of_the_published_network():
    trained = load(NETWORKS / "mnist-mlp.safetensors")
    activity = trained.activity
    plan = make_plan(trained.spec, lanes=32, activity=activity)
    digits = activity["input->hidden1"]["digits"]
    assert frame_cycles(compile(trained.spec, plan), activity) == pytest.approx(4 * digits + 1)
