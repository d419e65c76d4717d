"""The estimate of LUTs, against what was placed by the records of docs/results.md."""

import json
import shlex
from pathlib import Path

import pytest

from qblif.api.network import load
from qblif.boards.devices import DEVICES
from qblif.boards.fit import need
from qblif.boards.planning import plan_for
from qblif.hw.layout.compile import compile
from qblif.hw.logic.layout import LogicLayout

RECORDS = Path(__file__).parents[2] / "benchmarks" / "records"
PLACED = {name: record for name, record in (
    (path.stem, json.loads(path.read_text())) for path in sorted(RECORDS.glob("*-synth*.json")))}
DOUBT = 0.15  # Of what is placed, as docs/architecture.md says.


@pytest.mark.parametrize("name", PLACED)
def test_luts_are_near_those_placed(name):
    record = PLACED[name]
    command, file, *options = shlex.split(record["command"])[1:]
    assert command == "synth" and record["figures"]["lut"] > 0
    trained = load(Path(file).stem)
    assert trained.spec.digest == record["figures"]["network_digest"]
    layout = compile(trained.spec, plan_for(trained, options[options.index("--lanes") + 1]))
    found = need(layout, DEVICES[record["figures"]["device"]])
    assert [list(stage.plan.lanes) for stage in layout.stages] == record["figures"]["lanes"]
    assert abs(found.lut / record["figures"]["lut"] - 1) <= DOUBT


def test_luts_of_logic_are_near_those_placed():
    figures = json.loads((RECORDS / "logic-256.json").read_text())["figures"]
    trained = load("mnist-logic")
    assert trained.weights_digest == figures["weights_digest"]
    assert abs(LogicLayout(trained, pixels=True).luts / figures["lut"] - 1) <= DOUBT


def test_networks_of_every_kind_are_among_them():
    assert {"mnist-mlp-synth-4", "mnist-mlp-synth-128", "mnist-cnn-synth", "cifar-vgg-synth"
            } <= PLACED.keys()
