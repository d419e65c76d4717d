"""The documentation site: the Markdown of the repository as it stands, the notebooks, and two pages
that are generated, of the Python API and of the command line.

From the repository's root::

    python -m sphinx -W --keep-going -c docs/site . out/site

A link to a source file leads to the repository where ``-D source_url=https://HOST/PATH/blob/main``
says where that is, and to a copy of the file on the site where not.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.ext.napoleon import Config, NumpyDocstring

import qblif

HERE = Path(__file__).parent
HEADING, SENTENCE = re.compile(r"\w+\n-+\n"), re.compile(r"(Raises|Returns) ")
SECTIONS = Config(napoleon_custom_sections=[("Members", "params_style")])
# The notebooks' kernel finds the `qblif` command of this interpreter.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

project, release, language = "QB-LIF on FPGA", qblif.__version__, "en"
author = copyright = "The QB-LIF on FPGA contributors"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
# No file is moved or copied for the site, so that a relative link means the same on the host.
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/notebooks/*.md", "docs/site/api.md",
                    "docs/site/commands.md"]
exclude_patterns = [".*", "out", "build"]

html_theme = "furo"
html_title = project
html_static_path, html_css_files = ["static"], ["site.css"]
html_extra_path = ["index.html"]  # The start page is README.html.
html_copy_source = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3  # As the hosts of repositories make them.
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600  # Seconds a cell, on a busy machine too.
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_display_short_literal_types = True


def command_reference():
    """What every command's ``--help`` says, as Markdown, below the page's own heading."""
    text = subprocess.run(
        [sys.executable, "-m", "typer", "qblif.cli.main", "utils", "docs", "--name", "qblif"],
        check=True, capture_output=True, text=True).stdout
    text = text.partition("\n")[2]
    # The list of commands has the beginnings of their sentences; the page's contents are enough.
    return re.sub(r"^\*\*Commands\*\*.*?(?=^## )", "", text, flags=re.MULTILINE | re.DOTALL)


# What is put behind the text of a page: what the host's view of it has no use for.
APPENDED = {
    "README": (HERE / "contents.md").read_text,
    "docs/site/commands": command_reference,
}


def append(app, page, source):
    """Put its part behind the text of a page."""
    if page in APPENDED:
        source[0] += "\n" + APPENDED[page]()


def read_sections(app, what, name, obj, options, lines):
    """Turn a docstring's underlined sections into fields.

    What it says of errors and results goes before them, as napoleon takes everything that follows a
    heading for items.  Of a property it would take what stands before a colon for a type.
    """
    blocks = "\n".join(lines).split("\n\n")
    headed = [k for k, block in enumerate(blocks) if HEADING.match(block)]
    if headed:
        behind = slice(headed[0], None)
        blocks[behind] = sorted(blocks[behind], key=lambda block: not SENTENCE.match(block))
        lines[:] = NumpyDocstring("\n\n".join(blocks), SECTIONS, what=what).lines()


def link_sources(app, document):
    """Lead links to files that are no pages of the site to the API's page or to the repository."""
    links = [node for node in document.findall(nodes.Element)
             if node.get("reftype") == "myst" and node.get("refdomain") is None]
    for link in links:
        path = Path(os.path.normpath(
            Path(app.srcdir, link["refdoc"]).parent / link["reftarget"]))
        name = path.relative_to(app.srcdir).as_posix() if path.exists() else None
        if name is None:  # A page's heading, or broken: Sphinx says so.
            continue
        if name.startswith("api/"):
            new = addnodes.pending_xref("", refdomain="std", reftype="doc", refexplicit=True,
                                        reftarget="/docs/site/api", refdoc=link["refdoc"])
        elif app.config.source_url:
            new = nodes.reference("", refuri=f"{app.config.source_url}/{name}")
        elif path.is_dir():
            new = nodes.inline()
        else:
            continue
        new += link.children
        link.replace_self(new)


def setup(app):
    app.add_config_value("source_url", "", "env", str)
    app.connect("source-read", append)
    app.connect("autodoc-process-docstring", read_sections)
    app.connect("doctree-read", link_sources, priority=100)  # Before files are copied.
