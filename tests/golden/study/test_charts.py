import xml.etree.ElementTree as ET

import numpy as np
import pytest

from qblif.golden.study.charts import COLOURS, draw_curves, draw_operations

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module", autouse=True)
def needs_matplotlib():
    pytest.importorskip("matplotlib", reason="the pictures need matplotlib: the extra plot")


def paths(text):
    return ET.fromstring(text).iter(f"{SVG}path")


def coordinates(path):
    return np.array(path.get("d").replace("M", " ").replace("L", " ").split(),
                    float).reshape(-1, 2)


def strokes(text, colour):
    """Points of each open path of this colour."""
    return [coordinates(path) for path in paths(text)
            if f"stroke: {colour.lower()}" in path.get("style", "")
            and "L" in path.get("d") and "z" not in path.get("d").lower()]


def lines(text):
    """Points of each row's line, by its colour: the first longest, as the legend's own come last,
    and bars are straight."""
    return {colour: max(found, key=len) for colour in COLOURS
            if (found := [one for one in strokes(text, colour) if not is_bar(one)])}


def is_bar(points):
    """Straight across or along: only an error bar's, or the legend's."""
    return not np.ptp(points, axis=0).all() and len(points) == 2


def bars_of(text, colour):
    return [one for one in strokes(text, colour) if is_bar(one)]


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


OPERATIONS = {"N_max 4, price 0": [(100, 0.5), (140, 0.7)], "N_max 4, price 0.1": [(60, 0.4)],
              "learned, price 0": [(200, 0.55)]}


def test_points_of_one_name_are_joined():
    """Means over seeds, on one scale."""
    drawn = lines(draw_operations(OPERATIONS))
    fixed = drawn[COLOURS[0]]  # (120, 60 %) and (60, 40 %), in this order.
    assert fixed.shape == (2, 2) and fixed[0, 0] > fixed[1, 0] and fixed[0, 1] < fixed[1, 1]
    text = "".join(ET.fromstring(draw_operations(OPERATIONS)).itertext())
    assert "N_max 4" in text and "learned" in text and "price" not in text


def test_bars_are_from_the_least_to_the_most():
    drawn = lines(draw_operations(OPERATIONS))[COLOURS[0]]
    bars = bars_of(draw_operations(OPERATIONS), COLOURS[0])
    across = next(bar for bar in bars if np.ptp(bar[:, 0]) > 0)
    along = next(bar for bar in bars if np.ptp(bar[:, 1]) > 0)
    unit = (drawn[0] - drawn[1]) / (60, 20)  # Of an operation, of a percent.
    assert np.allclose(np.ptp(across[:, 0]) / unit[0], 40, atol=1e-3)
    assert np.allclose(np.ptp(along[:, 1]) / -unit[1], 20, atol=1e-3)


def test_the_stairs_are_the_front():
    """A row that another beats with fewer operations is below them."""
    text = draw_operations(OPERATIONS)
    stairs, = (path for path in paths(text) if "stroke: #aaaaaa" in path.get("style", ""))
    corners = coordinates(stairs)
    fixed = lines(text)[COLOURS[0]]
    right = max(corners[:, 0])
    assert np.allclose(corners, [fixed[1], [fixed[0, 0], fixed[1, 1]], fixed[0],
                                 [right, fixed[0, 1]], [right, fixed[0, 1]]], atol=1e-3)
