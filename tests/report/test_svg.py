"""Marks as text: coordinates, paths and what must be escaped."""

from xml.etree import ElementTree

import pytest

from qblif.report.charts.svg import Svg, colour, number, percent, steps, ticks


def test_what_is_written_is_escaped():
    svg = Svg("a", "<&>", '"b" & <c>', height=10)
    svg.add("text", "x < y & z", title="<i>", class_='"', values=(1, 0.5, -3))
    found = ElementTree.fromstring(str(svg.__html__()))
    title, text, mark = found
    assert (title.text, text.text) == ("<&>", '"b" & <c>')
    assert (mark[0].text, mark[0].tail) == ("<i>", "x < y & z")
    assert mark.attrib == {"class": '"', "data-values": "1 0.5 -3"}
    assert (found.get("width"), found.get("height"), found.get("viewBox")) == ("100%", "10", None)


def test_a_box_scales():
    found = ElementTree.fromstring(str(Svg("a", "b", "c", box=(360, 90.5)).__html__()))
    assert (found.get("viewBox"), found.get("width")) == ("0 0 360 90.5", None)


@pytest.mark.parametrize("value, text", [
    (3, "3"), (3.0, "3"), (0.125, "0.12"), (1.5, "1.5"), (100.0, "100"), ("50%", "50%")])
def test_coordinates(value, text):
    assert number(value) == text


def test_shares_of_the_width():
    assert (percent(0.5), percent(1), percent(1 / 3)) == ("50%", "100%", "33.33%")


def test_steps():
    assert steps([0.0, 0.0, 0.5, 1.0]) == "M0 1V1H1H2V0.5H3V0H4V1Z"
    assert steps([1.0], 20.0) == "M0 20V0H1V20Z"


@pytest.mark.parametrize("most, found", [
    (1000, [0, 200, 400, 600, 800, 1000]), (989, [0, 200, 400, 600, 800]),
    (27600, [0, 10000, 20000]), (6.6, [0, 2, 4, 6]), (1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    (0, [0]), (0.05, [0, 0.01, 0.02, 0.03, 0.04, 0.05])])
def test_ticks(most, found):
    assert ticks(most) == found


def test_colours_come_again():
    assert (colour(0), colour(8, "neurons")) == ("k0 engine", "k0 neurons")
