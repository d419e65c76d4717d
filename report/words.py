"""Figures as people read them, each with its exact value beside it: ``<data value="0.9896">98.96
%</data>``."""

from markupsafe import Markup

__all__ = ["KINDS", "figure", "figures", "in_words", "shape"]

TIMES = " \N{MULTIPLICATION SIGN} "

KINDS = {
    "count": lambda value: f"{value:,}",
    "mean": lambda value: f"{value:,.0f}" if value >= 1000 or not value else f"{value:,.1f}",
    "share": lambda value: (f"{value:.2%}" if value >= 0.001 or not value else
                            f"{value:.4%}").replace("%", "\N{NO-BREAK SPACE}%"),
    "bits": lambda value: f"{value:.2f}",
    "ns": lambda value: f"{value:.2f}\N{NO-BREAK SPACE}ns",
    "mhz": lambda value: f"{value:.1f}\N{NO-BREAK SPACE}MHz",
    "joules": lambda value: _scaled(value, "J"),
    "kbit": lambda value: f"{value:,.0f}\N{NO-BREAK SPACE}kbit",
}
PREFIXES = ((1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"))


def in_words(value, kind="count"):
    """The text of a figure; what is not known is said to be."""
    return "unknown" if value is None else KINDS[kind](value)


def figure(value, kind="count"):
    """The text with its value, as HTML."""
    if value is None:
        return Markup('<span class="unknown">unknown</span>')
    return Markup('<data value="{}">{}</data>').format(repr(value), in_words(value, kind))


def shape(axes):
    """``16 x 14 x 14``."""
    return TIMES.join(map(str, axes))


def figures(axes):
    """The same with its values, as HTML."""
    return Markup(TIMES).join(map(figure, axes))


def _scaled(value, unit):
    for scale, prefix in PREFIXES:
        if value >= scale:
            return f"{value / scale:.3g}\N{NO-BREAK SPACE}{prefix}{unit}"
    return f"{value:g}\N{NO-BREAK SPACE}{unit}"
