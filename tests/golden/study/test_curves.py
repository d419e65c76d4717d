import xml.etree.ElementTree as ET

import numpy as np
import pytest

from qblif.golden.study.curves import COLOURS, draw_curves

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module", autouse=True)
def needs_matplotlib():
    pytest.importorskip("matplotlib", reason="the pictures need matplotlib: the extra plot")


def lines(text):
    """Points of each row's line, by its colour."""
    found = {}
    for path in ET.fromstring(text).iter(f"{SVG}path"):
        style, d = path.get("style", ""), path.get("d")
        for colour in COLOURS:
            if f"stroke: {colour.lower()}" in style and "L" in d and "z" not in d.lower():
                numbers = d.replace("M", " ").replace("L", " ").split()
                points = np.array(numbers, float).reshape(-1, 2)
                if len(points) > len(found.get(colour, [])):  # Not the legend's own two points.
                    found[colour] = points
    return found


def test_a_line_is_the_mean_over_seeds():
    seeds = [[0.1, 0.5, 0.6], [0.3, 0.7, 0.8]]
    drawn = lines(draw_curves({"a": seeds, "b": [[0.0, 0.2, 0.4]]}))
    a, b = drawn[COLOURS[0]], drawn[COLOURS[1]]
    assert a.shape == b.shape == (3, 2) and np.allclose(a[:, 0], b[:, 0])
    # One scale, upside down: heights above b's 0 in steps of b's 0.2.
    step = b[0, 1] - b[1, 1]
    assert np.allclose((b[0, 1] - a[:, 1]) / step, [1, 3, 3.5], atol=1e-4)
    assert np.allclose((b[0, 1] - b[:, 1]) / step, [0, 1, 2], atol=1e-4)


def test_the_legend_has_the_last_epochs_mean():
    text = draw_curves({"QB-LIF": [[0.1, 0.5], [0.3, 0.6]]})
    assert "QB-LIF  55.0 %" in "".join(ET.fromstring(text).itertext())


def test_the_same_figures_are_the_same_text():
    rows = {"a": [[0.1, 0.5]], "b": [[0.2, 0.3]]}
    assert draw_curves(rows) == draw_curves(rows)
