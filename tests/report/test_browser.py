"""The page in a browser: nothing runs over at 400 and at 1,400 pixels, nothing is fetched, nothing
is cut off on paper; skipped, with the reason, where playwright or Chromium is not installed."""

import json
import shutil

import pytest
from report_cases import contents, leaves, shipped

from qblif.report.run import write_report

sync_api = pytest.importorskip("playwright.sync_api",
                               reason="needs playwright: pip install playwright")
pytest.importorskip("jinja2", reason="the page needs jinja2: pip install 'qblif[report]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)

# Everything that is wider than the window, or whose text is not seen or lies beyond its picture.
OVERFLOW = """() => {
  const wide = document.documentElement.scrollWidth - window.innerWidth
  const beyond = [...document.querySelectorAll("svg text")].filter(text => {
    const own = text.getBoundingClientRect()
    const svg = text.ownerSVGElement.getBoundingClientRect()
    return own.width === 0 || own.left < svg.left - 2 || own.right > svg.right + 2
      || own.top < svg.top - 3 || own.bottom > svg.bottom + 3
  }).map(text => text.textContent)
  return [wide, beyond]
}"""
SIZES = """() => [...document.querySelectorAll("svg.chart text, svg.graph text, p, td, small, dd")]
  .map(e => [parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM ? e.getScreenCTM().a : 1),
             e.textContent])"""
COLOURS = """() => [document.body, document.querySelector("h1")].map(
  e => getComputedStyle(e)).map(s => [s.backgroundColor, s.color])"""
FIGURES = """() => [...document.querySelectorAll("data")].map(e => e.value).concat(
  [...document.querySelectorAll("[data-values]")].flatMap(e => e.dataset.values.split(/\\s+/)))"""
HIDDEN = """() => [...document.querySelectorAll("details td")].filter(
  e => !e.checkVisibility({contentVisibilityAuto: true})).length"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs Chromium: it is Debian's package chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


SHIPPED = {"mnist-mlp": "32", "cifar-resnet20": "ecp5-85k:0.65"}
MOST_BYTES = 3 << 20


@pytest.fixture(scope="module", params=["tiny", "residual", *SHIPPED])
def written(request, tmp_path_factory):
    folder, name = tmp_path_factory.mktemp("report"), request.param
    if name in SHIPPED:
        write_report(folder, shipped(name, SHIPPED[name]))
    else:
        case = request.getfixturevalue(name)
        write_report(folder, contents(case) if name == "tiny" else contents(
            case, neuron=None, results=None))
    return folder / "report.html"


def visit(browser, file, **options):
    page = browser.new_page(java_script_enabled=True, **options)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    return page, asked


@pytest.mark.parametrize("width", [400, 1400])
def test_fits_the_window(browser, written, width):
    page, asked = visit(browser, written, viewport={"width": width, "height": 900})
    assert asked == [written.as_uri()]
    assert page.evaluate(OVERFLOW) == [0, []]
    assert [found for found in page.evaluate(SIZES) if found[0] < 9.5] == []
    page.close()


def test_every_figure_is_the_jsons(browser, written):
    report = json.loads((written.parent / "report.json").read_text())
    page, _ = visit(browser, written)
    assert set(page.evaluate(FIGURES)) == {repr(number) for _, number in leaves(report)}
    assert written.stat().st_size <= MOST_BYTES
    page.close()


def test_paper_is_light_and_shows_all_figures(browser, written):
    page, _ = visit(browser, written, viewport={"width": 720, "height": 900}, color_scheme="dark")
    assert page.evaluate(COLOURS)[0][0] == "rgb(18, 22, 27)"
    assert page.evaluate(HIDDEN) > 0
    page.emulate_media(media="print")
    assert page.evaluate(COLOURS) == [["rgb(255, 255, 255)", "rgb(0, 0, 0)"],
                                      ["rgba(0, 0, 0, 0)", "rgb(0, 0, 0)"]]
    assert page.evaluate(OVERFLOW)[0] == 0 and page.evaluate(HIDDEN) == 0
    page.close()


def test_notices_what_runs_over(browser, written, tmp_path):
    text = written.read_text().replace("<h1>", '<h1 style="width: 900px">')
    (tmp_path / "wide.html").write_text(text)
    page, _ = visit(browser, tmp_path / "wide.html", viewport={"width": 400, "height": 900})
    assert page.evaluate(OVERFLOW)[0] > 0
    page.close()


def test_reads_the_same_without_scripts(browser, written):
    report = json.loads((written.parent / "report.json").read_text())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(written.as_uri())
    assert page.title() == f"{report['title']}: report"
    assert page.get_by_role("heading", name="Cycles", exact=True).is_visible()
    assert page.get_by_role("img", name="The network's graph").is_visible()
    context.close()
