import json
from dataclasses import asdict, replace

import pytest

from qblif.api.network import load
from qblif.boards.allocate import FILL
from qblif.boards.devices import DEVICES
from qblif.boards.fit import frame_cycles, need
from qblif.boards.planning import plan_for
from qblif.golden.spec.errors import InvalidValue
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import make_plan


def test_a_number_one_a_stage_or_either_as_text(tiny):
    trained = tiny[0]
    assert plan_for(trained, 4) == plan_for(trained, "4") == make_plan(trained.spec, lanes=4)
    for lanes in ("4,2", [4, 2], (4, 2)):
        assert plan_for(trained, lanes) == make_plan(trained.spec, lanes=[4, 2])
    assert plan_for(trained, 4, burst="repeat").stages[0].burst == "repeat"


def test_a_device_gets_the_fastest_plan_that_fits_it(tiny):
    small, large = (plan_for(tiny[0], device) for device in ("hx8k", "ecp5-85k"))
    assert max(small.stages[0].lanes) <= max(large.stages[0].lanes)
    assert large != make_plan(tiny[0].spec, lanes=1)


def test_a_share_of_a_device():
    trained = load("cifar-vgg")
    device = DEVICES["ecp5-85k"]
    found = [plan_for(trained, f"ecp5-85k{share}") for share in ("", f":{FILL}", ":0.2", ":.5")]
    luts, cycles = zip(*((need(layout, device).lut / device.lut,
                          frame_cycles(layout, trained.activity))
                         for layout in (compile(trained.spec, plan) for plan in found)),
                       strict=True)
    assert found[0] == found[1] and luts[2] <= 0.2 < luts[0] <= FILL < luts[3] <= 0.5
    assert cycles[2] > cycles[0] > cycles[3]


@pytest.mark.parametrize("share, said", [
    ("half", "^Share of ecp5-85k's LUTs must be a number, not 'half'$"),
    ("0", r"^Share of ecp5-85k's LUTs must be in 0\.01\.\.1, not 0\.0$"),
    ("1.1", r"^Share of ecp5-85k's LUTs must be in 0\.01\.\.1, not 1\.1$"),
    ("nan", "^Share of ecp5-85k's LUTs must be in ")])
def test_no_such_share(tiny, share, said):
    with pytest.raises(InvalidValue, match=said):
        plan_for(tiny[0], f"ecp5-85k:{share}")


def test_several_events_at_once(residual):
    spec = residual[0].spec
    plan = plan_for(residual[0], "6x2,3,4x4,5")
    assert [stage.ports for stage in plan.stages] == [2, 1, 4, 1]
    assert [stage.lanes for stage in plan.stages] == [(6,), (3,), (4,), (5,)]
    assert plan == make_plan(spec, lanes=[6, 3, 4, 5], ports=[2, 1, 4, 1])
    one = make_plan(spec, lanes=[6, 3, 4, 5])
    assert plan.stages[1] == one.stages[1] and one == plan_for(residual[0], "6x1,3,4x1,5")


def test_words_of_several_events_are_shorter():
    """So more of them wait for their update passes, which take more fire lanes."""
    trained = load("cifar-vgg")
    plans = [plan_for(trained, f"{','.join([f'8x{ports}'] * 5)},1") for ports in (1, 2, 4)]
    assert [[stage.buffers for stage in plan.stages] for plan in plans] == [
        [3, 2, 1, 1, 1, 1], [4, 3, 2, 2, 2, 1], [4, 4, 3, 3, 3, 1]]
    assert [plan.stages[0].fire_lanes for plan in plans] == [1, 1, 2]


@pytest.mark.parametrize("lanes, said", [
    ("6x3,3,4,5", "^Ports must be one of 1, 2, 4, not 3$"),
    ("6x0,3,4,5", "^Ports must be one of 1, 2, 4, not 0$"),
    ("32x2", "^Ports must be 1, or of 4 stages, one a population, not of 1$"),
    ("0x2,3,4,5", r"^Lanes must be in 1\.\.1024, not 0$"),
    ("6x2,3", "^Lanes must be 1 number or 4, one a population, not 2$"),
    ("6x,3,4,5", "^Lanes must be a number, or one a stage like 128,10 or 4x2,16, not '6x,3,4,5'$"),
    ("x2,3,4,5", "^Lanes must be a number, or one a stage"),
    ("6x2x2,3,4,5", "^Lanes must be a number, or one a stage"),
])
def test_ports_that_cannot_be(residual, lanes, said):
    with pytest.raises(InvalidValue, match=said):
        plan_for(residual[0], lanes)


def test_a_dense_stage_has_one_port(tiny):
    with pytest.raises(InvalidValue, match="^Population hidden has one port, as every dense stage, "
                                           "not 2$"):
        plan_for(tiny[0], "4x2,1")


@pytest.mark.parametrize("lanes", ["many", "8,", "2.5", ""])
def test_other_text(tiny, lanes):
    with pytest.raises(InvalidValue, match="^Lanes must be a number, or one a stage like 128,10 or "
                                           f"4x2,16, not {lanes!r}$"):
        plan_for(tiny[0], lanes)


def test_the_plan_of_a_bitstream(residual, tmp_path):
    trained, layout, _ = residual
    path = tmp_path / "build.json"
    report = {"network_digest": trained.spec.digest, "plan": asdict(layout.plan)["stages"],
              "order": "outer"}
    path.write_text(json.dumps(report))
    assert plan_for(trained, str(path)) == replace(layout.plan, order="outer")

    damaged = "^.*build.json: damaged, or not the build.json of a bitstream$"
    for text in ("", "[]", "{}", json.dumps(report | {"plan": [{"lanes": [0]}]}),
                 json.dumps(report | {"plan": [{"width": 3}]})):
        path.write_text(text)
        with pytest.raises(InvalidValue, match=damaged):
            plan_for(trained, str(path))
    path.write_text(json.dumps(report | {"network_digest": "0" * 16}))
    with pytest.raises(InvalidValue, match=f"is of network 0+, not {trained.spec.digest}$"):
        plan_for(trained, str(path))
    with pytest.raises(InvalidValue, match="none.json: No such file or directory$"):
        plan_for(trained, str(tmp_path / "none.json"))
