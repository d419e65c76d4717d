"""Words that the glossary replaced stay out of code and documents, and the documents' links lead
somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("boards", "cli", "docs", "golden", "hw", "sim", "tests")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]

# Regular expressions, and what to write instead.  A space also matches a line break.
BANNED = {
    "cannot stand still": "cannot deadlock",
    "sets a beat out": "issues a vector",
    "what is of which": "which ... belongs to",
    "digit visits all that it reaches": "steps through its fan-out",
    "was not to be had": "unavailable",
    "were not to be had": "unavailable",
    "passed forward": "bypassed",
    "[Ff]ire pass": "update pass",
    "leaves zeros behind": "clears",
}


def texts():
    """``(path, text)`` of every source and document but this one."""
    sources = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")
               if path.suffix in (".py", ".md", ".svg", ".v", ".cpp")]
    for path in sorted([*sources, *ROOT.glob("*.md")]):
        if path != Path(__file__):
            yield path.relative_to(ROOT), path.read_text()


def places(phrase, path, text):
    """``path:line: what stands there`` wherever ``phrase`` matches."""
    pattern = phrase.replace(" ", r"[\s#]+")
    return [f"{path}:{1 + text.count(chr(10), 0, match.start())}: {' '.join(match[0].split())}"
            for match in re.finditer(pattern, text)]


@pytest.mark.parametrize("phrase", BANNED)
def test_is_gone(phrase):
    found = [place for path, text in texts() for place in places(phrase, path, text)]
    assert not found, f"write {BANNED[phrase]!r} instead"


def test_finds_a_phrase_across_lines():
    text = "Fine.\n# Why it cannot stand\n# still.\n"
    assert places("cannot stand still", "a.py", text) == ["a.py:2: cannot stand # still"]


def anchors(text):
    """The fragments that lead to a document's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path, text):
    """Links of the document at ``path`` to a file or a heading that does not exist."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^    .*$", "", text, flags=re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, fragment = target.partition("#")
        file = path.parent / name if name else path
        if "://" not in target and not (
                file.exists() and (not fragment or fragment in anchors(file.read_text()))):
            yield target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links(path):
    assert list(broken_links(path, path.read_text())) == []


def test_finds_broken_links():
    text = ("[a](none.py) [b](glossary.md#files) [c](glossary.md#none) [d](https://arxiv.org)\n\n"
            "    [in code](none.py)\n\n[e](#f)\n")
    assert list(broken_links(ROOT / "docs" / "next.md", text)) == ["none.py", "glossary.md#none",
                                                                   "#f"]
