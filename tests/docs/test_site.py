"""The documentation site is built without a warning, and everything that it links to exists."""

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest

import qblif
from qblif.cli.main import app

addnodes = pytest.importorskip("sphinx.addnodes", reason="the site needs the docs extra")
nodes = pytest.importorskip("docutils.nodes", reason="the site needs the docs extra")
pytest.importorskip("furo", reason="the site needs the docs extra")
pytest.importorskip("myst_nb", reason="the site needs the docs extra")

ROOT = Path(__file__).parents[2]
HOST = "https://example.org/qblif/blob/main"


def build(out, *options):
    """Build the site without running the notebooks; what Sphinx says, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs/site",
         "-D", "nb_execution_mode=off", *options, ".", str(out)],
        cwd=ROOT, capture_output=True, text=True)
    return done.stderr, done.returncode


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    assert build(out, "-D", f"source_url={HOST}") == ("", 0)
    return out


class Page(HTMLParser):
    """Links and anchors of a page."""

    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(file.read_text())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors.add(attributes.get("id"))
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]


def broken_links(folder):
    """``page: link`` of what leads nowhere within the site."""
    pages = {file: Page(file) for file in folder.rglob("*.html")}
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchors = pages[target].anchors if target in pages else set()
            if not target.exists() or parts.fragment and parts.fragment not in anchors:
                yield f"{file.relative_to(folder)}: {link}"


def test_links(site):
    assert list(broken_links(site)) == []


def test_finds_broken_links(tmp_path):
    (tmp_path / "a.html").write_text('<a id="x" href="b.html">b</a><a href="b.html#y">y</a>'
                                     '<a href="#x">x</a><a href="#z">z</a><img src="c.svg">')
    (tmp_path / "b.html").write_text("<p id='z'></p>")
    assert list(broken_links(tmp_path)) == ["a.html: b.html#y", "a.html: #z", "a.html: c.svg"]


def test_every_document_is_a_page(site):
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/notebooks/*.md")]
    assert len(documents) > 20
    for file in documents:
        assert (site / file.relative_to(ROOT)).with_suffix(".html").exists(), file
    assert "README.html" in (site / "index.html").read_text()


def test_links_to_sources(site):
    links = {link for file in site.rglob("*.html") for link in Page(file).links
             if link.startswith(HOST)}
    names = {link.removeprefix(f"{HOST}/") for link in links}
    assert {"golden/neuron.py", "hw/layout/compile.py", "benchmarks/records"} <= names
    assert not [name for name in names if not (ROOT / name).exists() or name.startswith("api/")]
    assert not (site / "_downloads").exists()
    assert '<a class="reference internal" href="docs/site/api.html">' in (
        site / "README.html").read_text()


def test_every_public_name_is_on_the_page_of_the_api(site):
    anchors = Page(site / "docs/site/api.html").anchors
    assert {f"qblif.{name}" for name in qblif.__all__} - anchors == {"qblif.__version__"}


def test_roles_of_public_docstrings_lead_somewhere(site):
    text = (site / "docs/site/api.html").read_text()
    for name in ("qblif.Trained", "qblif.golden.training.config.TrainConfig",
                 "qblif.hw.layout.compile.Layout", "qblif.boards.flow.tools.SynthError"):
        assert f'href="#{name}"' in text, name
    assert ":class:" not in text and ":func:" not in text


def test_every_command_is_on_its_page(site):
    page = (site / "docs/site/commands.html").read_text()
    text = re.sub(r"<[^>]*>", "", page)
    assert page.count("<h1>") == 1 and "\nCommands:" not in text
    for command in app.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        assert f"$ qblif {name} [OPTIONS]" in text, name


@pytest.fixture(scope="module")
def conf():
    """The site's configuration as a module."""
    spec = importlib.util.spec_from_file_location("site_conf", ROOT / "docs/site/conf.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("url", ["", HOST])
def test_links_without_and_with_a_host(conf, url):
    """To a file, a folder, a file of the API, and a heading."""
    document = nodes.Element()
    for make, target in ((addnodes.download_reference, "../golden/neuron.py"),
                         (addnodes.pending_xref, "../benchmarks/records"),
                         (addnodes.download_reference, "../api/network.py"),
                         (addnodes.pending_xref, "#heading")):
        document += make("", nodes.Text(target), reftype="myst", refdomain=None,
                         reftarget=target, refdoc="docs/next")
    conf.link_sources(SimpleNamespace(srcdir=ROOT, config=SimpleNamespace(source_url=url)),
                      document)
    file, folder, api, heading = document.children
    if url:
        assert [file["refuri"], folder["refuri"]] == [f"{HOST}/golden/neuron.py",
                                                      f"{HOST}/benchmarks/records"]
    else:
        assert isinstance(file, addnodes.download_reference) and type(folder) is nodes.inline
    assert (api["reftype"], api["reftarget"]) == ("doc", "/docs/site/api")
    assert heading["reftarget"] == "#heading"
    assert document.astext().split() == [
        "../golden/neuron.py", "../benchmarks/records", "../api/network.py", "#heading"]


def test_sentences_come_before_sections(conf):
    lines = ["It does.", "", "Parameters", "----------", "a : int", "    One.", "b", "    Two.",
             "", "Raises :class:`ValueError` for 0", "and 1.", ""]
    conf.read_sections(None, "function", "f", None, None, lines)
    assert [line for line in lines if line] == [
        "It does.", "Raises :class:`ValueError` for 0", "and 1.",
        ":param a: One.", ":type a: int", ":param b: Two."]


def test_a_docstring_without_sections_stays(conf):
    lines = ["Shape: rows and columns.", "", "Raises an error.", "", "And more.", ""]
    expected = list(lines)
    conf.read_sections(None, "property", "f", None, None, lines)
    assert lines == expected
