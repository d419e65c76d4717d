"""Sweeps over networks as logic, and over any field of a recipe."""

import itertools

from sweep_cases import run, write_space

from qblif.golden.spec.artifact import load
from qblif.hw.logic.layout import LogicLayout
from qblif.sweep import evaluate as measured


def test_any_field_of_a_recipe_varies_and_logic_is_searched(digits, tmp_path, monkeypatch):
    seen, train = [], measured.train

    def noted(config, images):
        seen.append((config.input_thresholds, config.fan_in, config.learn_thresholds))
        return train(config, images)

    monkeypatch.setattr(measured, "train", noted)
    space = write_space(tmp_path, f"""
        logic = true
        data = "{digits}"
        objectives = ["accuracy", "luts", "energy"]
        [parameters]
        input_thresholds = [[], [100], [60, 180]]
        fan_in = [3, [3, 4]]
        learn_thresholds = [false]
        row = [1, 3]
        [train]
        recipe = "mnist-logic"
        hidden = [5]
        epochs = 1
        batch = 20
        """)
    found = run(space, tmp_path / "out")
    assert len(found["points"]) == 12 and not found["refused"]
    assert {(t, f) for t, f, _ in seen} == set(itertools.product(
        [(), (100,), (60, 180)], [3, (3, 4)])) and len(seen) == 6
    luts = set()
    for point in found["points"]:
        parameters, figures = point["parameters"], point["figures"]
        trained_with = {name: value for name, value in parameters.items() if name != "row"}
        networks = [load(file) for file in (tmp_path / "out/networks").glob("*.safetensors")]
        net, = (n for n in networks if n.notes["config"] | trained_with == n.notes["config"])
        assert figures["luts"] == LogicLayout(net, pixels=True).luts
        assert figures["accuracy"] == net.notes["validation"]["float"][-1]
        luts.add(figures["luts"])
    assert len(luts) > 2
    # The same sweep again measures nothing.
    assert run(space, tmp_path / "out") == found and len(seen) == 6


def test_logic_is_placed_as_logic(digits, tmp_path, monkeypatch):
    class Placed:
        lut, bram, fmax_mhz = 70, 0, 188.0

    tops = []
    monkeypatch.setattr("qblif.boards.flow.synth.synthesise",
                        lambda verilog, top, **_: tops.append((top, len(verilog.read_text())))
                        or Placed)
    space = write_space(tmp_path, f"""
        logic = true
        data = "{digits}"
        objectives = ["fmax"]
        [parameters]
        row = [1, 3]
        [train]
        recipe = "mnist-logic"
        hidden = [5]
        fan_in = [3, 4]
        """)
    found = run(space, tmp_path / "out")["points"]
    assert [point["figures"] for point in found] == [{"fmax": 188.0}] * 2
    assert {top for top, _ in tops} == {"qblif_logic"} and len({size for _, size in tops}) == 2
