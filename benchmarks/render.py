"""The tables of the documents, from the records.

A table stands between ``<!-- table: NAME -->`` and ``<!-- /table -->``.  A row that is of other
sources than the latest record says so.
"""

import re

from ..golden.spec.errors import QblifError
from .measure import load_records
from .tables import TABLES
from .tree import ROOT

__all__ = ["PAGES", "render", "render_pages"]

PAGES = ("docs/results.md",)
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
    """Render every page in place; returns the names of those that changed."""
    records, changed = load_records(), []
    for name in PAGES:
        page = ROOT / name
        before = page.read_text()
        after = render(before, records)
        if after != before:
            page.write_text(after)
            changed.append(name)
    return changed
