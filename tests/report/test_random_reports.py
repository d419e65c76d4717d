"""Reports of random networks: maps, loops, several synapses, silent frames; each figure of the JSON
is on its page, and what is measured in two ways is equal."""

import json

import numpy as np
import pytest
from random_cases import Draw, draw_frames
from report_cases import COMMANDS, figures_of, leaves, outer
from test_random_graphs import draw_graph, draw_plan

from qblif.golden import integer
from qblif.hw.layout.compile import compile
from qblif.report.collect import Frames, collect
from qblif.report.neuron import describe_neuron
from qblif.report.page import render

CASES = 12


@pytest.mark.parametrize("number", range(CASES))
def test_random_reports(number):
    draw = Draw.case("test_random_reports", number)
    trained = draw_graph(draw)
    layout = compile(trained.spec, draw_plan(draw, trained.spec))
    frames = draw_frames(draw, trained.spec)
    trace = integer.run(trained, frames)
    report = json.loads(json.dumps(collect(
        trained, layout, title="random", device="ecp5-85k", commands=COMMANDS,
        frames=Frames(frames, trace.classes.numpy(), "draws")), allow_nan=False))
    page = render(report)
    assert {repr(figure) for _, figure in leaves(report)} == figures_of(page)
    assert len(list(outer(page))) == len(report["bursts"]["layers"]) + 5
    assert report["accuracy"]["rungs"][-1]["share"] == 1
    for stage in report["cycles"]["stages"]:
        assert 0 < stage["cycles"] <= report["cycles"]["latency"]["most"]
    for population in trained.spec.populations:
        index = draw.integer(0, population.size - 1)
        for number, frame in enumerate(frames):
            found = describe_neuron(trained, frame, f"{population.name}/{index}")
            np.testing.assert_array_equal(
                found["levels"], trace.levels[population.name][:, number, index])
            thresholds = [threshold["membrane"] for threshold in found["thresholds"]]
            if not thresholds:  # A read-out.
                continue
            kind = population.neuron
            fired = np.array(kind.quantiser.levels)[
                np.searchsorted(thresholds, found["charged"], side="right")]
            emitted = np.minimum(fired, 1) if kind.output == "binary" else fired
            np.testing.assert_array_equal(emitted, found["levels"])
