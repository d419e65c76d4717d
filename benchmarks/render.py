"""The tables of the documents, from the records, and the pictures.

A table stands between ``<!-- table: NAME -->`` and ``<!-- /table -->``.  A row that is of other
sources than the latest record says so.
"""

import re

from ..golden.spec.errors import QblifError
from .measure import load_records
from .tables import PICTURES, TABLES
from .tree import ROOT

__all__ = ["PAGES", "render", "render_pages"]

PAGES = ("docs/results.md", "docs/logic.md")
MARKED = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def render(text, records):
    """``text`` with the tables of ``records``.  Raises :class:`QblifError` for an unknown table."""

    def table(match):
        begin, name, end = match.groups()
        if name not in TABLES:
            raise QblifError(f"Table must be one of {', '.join(TABLES)}, not {name!r}")
        return f"{begin}{TABLES[name](records)}{end}"
    return MARKED.sub(table, text)


def render_pages():
    """Render every page in place, and draw the pictures; returns the names of those that
    changed."""
    records, changed = load_records(), []
    for name in (*PAGES, *PICTURES):
        file = ROOT / name
        before = file.read_text() if file.is_file() else ""
        after = PICTURES[name](records) if name in PICTURES else render(before, records)
        if after != before:
            file.write_text(after)
            changed.append(name)
    return changed
