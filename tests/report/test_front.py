"""The picture of a sweep: places, fronts and ticks."""

import re
from xml.etree import ElementTree

import pytest

from qblif.report.charts.front import _Axis, draw_front, draw_fronts

ACCURACY = {"name": "accuracy", "unit": "share of the images", "more_is_better": True}
LUTS = {"name": "luts", "unit": "", "more_is_better": False}
FMAX = {"name": "fmax", "unit": "MHz", "more_is_better": True}


def sweep_of(objectives, *rows):
    """A sweep whose rows are figures, and whether the point is on the front."""
    return {"objectives": objectives, "points": [
        {"parameters": {"lanes": k}, "front": row[-1],
         "figures": dict(zip((o["name"] for o in objectives), row, strict=False))}
        for k, row in enumerate(rows)]}


SWEEP = sweep_of([ACCURACY, LUTS], (0.9, 1000, True), (0.8, 800, True), (0.8, 900, False),
                 (0.95, 2000, True))


def marks(svg):
    found = ElementTree.fromstring(str(svg.__html__()))
    return {circle.get("data-values"): circle for circle in found.iter("circle")}, found


def test_places_and_values():
    circles, _ = marks(draw_front(SWEEP, LUTS, ACCURACY))
    assert set(circles) == {"1000 0.9", "800 0.8", "900 0.8", "2000 0.95"}
    x = {values: float(c.get("cx")) for values, c in circles.items()}
    y = {values: float(c.get("cy")) for values, c in circles.items()}
    assert x["800 0.8"] < x["900 0.8"] < x["1000 0.9"] < x["2000 0.95"]
    assert y["800 0.8"] == y["900 0.8"] > y["1000 0.9"] > y["2000 0.95"]  # Upwards is less.
    middle = (x["2000 0.95"] + x["800 0.8"]) / 2
    assert x["1000 0.9"] - x["800 0.8"] == pytest.approx((middle - x["800 0.8"]) / 3, abs=0.02)
    assert [c.get("class") for c in circles.values()].count("point best") == 3
    assert circles["900 0.8"].get("class") == "point"
    assert circles["900 0.8"][0].text == "lanes 2; accuracy 80 %, LUTs 900"


@pytest.mark.parametrize("across, along, corners", [
    (LUTS, ACCURACY, ["800 0.8", "1000 0.9", "2000 0.95"]),
    (FMAX, LUTS, ["90 1000", "50 500"])])
def test_the_line_goes_through_the_front_of_the_two(across, along, corners):
    sweep = SWEEP if across is LUTS else sweep_of(
        [FMAX, LUTS], (50, 500, True), (40, 600, True), (90, 1000, True), (60, 1100, True))
    circles, found = marks(draw_front(sweep, across, along))
    path, = (p.get("d") for p in found.iter("path"))
    places = re.findall(r"[MH]([\d.]+)[ V]([\d.]+)", path)
    assert [tuple(map(float, place)) for place in places] == [
        (float(circles[c].get("cx")), float(circles[c].get("cy"))) for c in corners]


def test_ticks():
    assert _Axis([100, 3000]).ticks() == [100, 200, 500, 1000, 2000]
    assert _Axis([10, 10 ** 6]).ticks() == [10, 100, 1000, 10 ** 4, 10 ** 5, 10 ** 6]
    assert _Axis([100, 399]).ticks() == [100, 200, 300, 400]
    assert _Axis([0, 3000]).ticks() == [0, 1000, 2000, 3000]  # No logarithm of nothing.
    narrow = _Axis([627.31, 627.36])
    assert [narrow.label("energy", t) for t in narrow.ticks()] == [
        "627.32", "627.34", "627.36"]
    share = _Axis([0.871, 0.929])
    assert [share.label("accuracy", t) for t in share.ticks()] == ["88 %", "90 %", "92 %"]
    assert _Axis([5, 5]).ticks() and _Axis([]).ticks()


@pytest.mark.parametrize("objectives, pictures", [
    ([LUTS], 1), ([ACCURACY, LUTS], 1), ([ACCURACY, LUTS, FMAX], 3)])
def test_every_pair_is_drawn(objectives, pictures):
    rows = [(0.9, 1000, 50, True)[3 - len(objectives):], (0.8, 800, 60, True)[3 - len(objectives):]]
    for sweep in (sweep_of(objectives, *rows), sweep_of(objectives)):
        text = draw_fronts(sweep)
        found = ElementTree.fromstring(text)
        drawn = [svg for svg in found.iter() if svg.tag.endswith("svg") and svg.get("viewBox")]
        assert len(drawn) == pictures + 1
        assert text.count("<circle") == pictures * len(sweep["points"])
        assert "<script" not in text and "href" not in text
