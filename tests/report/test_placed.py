"""What a report says of a placed design, against its cells and its paths."""

import pytest
from report_cases import FLOORPLAN, PLACED

from qblif.report.placed import component_of, describe_floorplan, describe_placed, describe_timing


@pytest.mark.parametrize("instance, component", [
    ("hidden.engine_input.synapse", "hidden engine"),
    ("hidden.population.output", "hidden neurons"),
    ("hidden", "hidden neurons"), ("core.linked.network.out.engine_hidden", "out engine"),
    ("", "the rest"), ("frames", "the rest"), ("core.receiver", "the rest")])
def test_component_of_an_instance(tiny, instance, component):
    assert component_of(instance, tiny[0].spec) == component


def test_placed_cells_add_up(tiny):
    spec = tiny[0].spec
    found = describe_placed(spec, PLACED, FLOORPLAN, "qblif synth")
    assert found["total"] == {"lut": 31, "ff": 43, "bram": 2, "dsp": 0}
    for kind, total in found["total"].items():
        assert sum(part[kind] for part in found["components"]) == total
    assert [part["name"] for part in found["components"]] == [
        "hidden engine", "hidden neurons", "out engine", "out neurons", "the rest"]


def test_floorplan_in_tiles(tiny):
    spec = tiny[0].spec
    plan = describe_floorplan(spec, FLOORPLAN | {"grid": [255, 100]})
    assert (plan["side"], plan["most"]) == (4, 30)
    assert plan["components"][0] == {"name": "hidden engine", "cells": 32,
                                     "tiles": [[1, 1, 30], [10, 7, 2]]}
    assert plan["components"][1]["tiles"] == [[2, 1, 7], [2, 2, 5]]
    small = describe_floorplan(spec, FLOORPLAN | {"grid": [12, 9], "cells": [], "path": []})
    assert (small["side"], small["most"], small["components"]) == (1, 0, [])


def test_timing(tiny):
    found = describe_timing(tiny[0].spec, PLACED, FLOORPLAN)
    assert found["slack"] == {"bin_ns": 6.606 / 4, "counts": [1, 29, 3, 0]}
    path = found["path"]
    assert (path["source"]["component"], path["sink"]["component"]) == (
        "hidden engine", "out neurons")
    assert (path["ns"], path["routing_ns"], path["logic_ns"]) == (5.15, 3.875, 1.275)
    assert (path["luts"], path["carry_bits"], len(path["steps"])) == (1, 1, 6)
    assert describe_timing(tiny[0].spec, PLACED | {"path": None}, FLOORPLAN)["path"] is None
