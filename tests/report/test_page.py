"""The page is what the JSON says: well-formed, whole, and of nothing else."""

import json
import re

import pytest
from report_cases import COMMANDS, Page, contents, figures_of, leaves, outer, replaced

from qblif.report.page import render
from qblif.report.words import KINDS, figure, in_words

pytest.importorskip("jinja2", reason="the page needs jinja2: pip install 'qblif[report]'")


@pytest.fixture(scope="module")
def report(tiny):
    return json.loads(json.dumps(contents(tiny)))


@pytest.fixture(scope="module")
def page(report):
    return render(report)


def test_html_is_well_formed(page):
    found = Page(page)
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    assert len(set(found.ids)) == len(found.ids)
    assert not {"script", "link", "iframe", "object", "img"} & {tag for tag, _ in found.tags}
    assert not [name for _, attributes in found.tags for name in attributes if name[:2] == "on"]


def test_nothing_comes_from_elsewhere(page):
    found = Page(page)
    assert found.links and all(link[0] == "#" and link[1:] in found.ids for link in found.links)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|javascript:", page)


def test_every_svg_says_what_it_shows(page):
    figures = list(outer(page))
    assert len(figures) == 11 + 5 + 3 and page.count("<svg") > len(figures)
    for svg in figures:
        title, text = svg[0], svg[1]
        assert (svg.get("role"), title.tag, text.tag) == ("img", "title", "desc")
        assert svg.get("aria-labelledby").split() == [title.get("id"), text.get("id")]
        assert len(title.text) > 4 and len(text.text) > 10


def test_text_is_escaped(page):
    assert "a &lt;b&gt; network" in page and "<b> network" not in page
    assert "a &amp; b.safetensors" in page


def test_every_figure_is_on_the_page_and_no_other(report, page):
    assert {repr(number) for _, number in leaves(report)} == figures_of(page)


def one_each(report):
    """Of the elements of each list the path of one number, and every other number's."""
    found = {}
    for path, number in leaves(report):
        found[tuple("*" if isinstance(key, int) else key for key in path)] = path, number
    return found.values()


def test_each_figure_is_shown_where_it_changes(report):
    """No figure is there because another has the same value."""
    lost = []
    for path, number in one_each(report):
        value = 918273 if isinstance(number, int) else 0.918273
        if repr(value) not in figures_of(render(replaced(report, path, value))):
            lost.append(path)
    assert not lost


def test_it_is_the_same_each_time(report, page):
    assert render(json.loads(json.dumps(report))) == page


def test_what_was_not_run_is_said(tiny):
    text = render(contents(tiny, frames=None, neuron=None, results=None))
    said = Page(text).text
    assert said.count("Not run.") == 8
    for command, times in (("data", 4), ("rtl", 1), ("synth", 3), ("this", 1)):
        assert said.count(COMMANDS[command]) == times
    assert {"qblif report F --data DIR"} == set(re.findall(r"qblif report F --data.*", said))
    assert len(list(outer(text))) == 2


def test_levels_that_differ_are_seen(report):
    for count, style in ((0, "good"), (17, "bad")):
        text = render(replaced(report, ("accuracy", "rtl", "levels_differ"), count))
        assert f'<b class="{style}"><data value="{count}">{count}</data>' in text


@pytest.mark.parametrize("kind, value, text", [
    ("count", 2560000, "2,560,000"), ("mean", 637.25, "637.2"), ("mean", 5254.2, "5,254"),
    ("mean", 0.0, "0"), ("share", 0.98964, "98.96 %"), ("share", 0.00012, "0.0120 %"),
    ("share", 0.0, "0.00 %"), ("share", 1.0, "100.00 %"), ("bits", 1.25, "1.25"),
    ("ns", 7.756, "7.76 ns"), ("mhz", 128.93, "128.9 MHz"), ("joules", 2.98e-9, "2.98 nJ"),
    ("joules", 77e-15, "77 fJ"), ("joules", 1.25e-6, "1.25 µJ"), ("joules", 0.0, "0 J"),
    ("kbit", 813.056, "813 kbit")])
def test_figures_in_words(kind, value, text):
    assert in_words(value, kind).replace("\N{NO-BREAK SPACE}", " ") == text
    assert f'value="{value!r}"' in figure(value, kind)


def test_every_kind_of_figure_is_tried_above():
    assert len(KINDS) == 8


def test_what_is_unknown_is_said():
    assert in_words(None) == "unknown" and "unknown" in figure(None, "share")
