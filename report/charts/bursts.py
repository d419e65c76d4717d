"""How often each level is sent: a histogram on a logarithmic axis."""

import math

from ..words import in_words
from .svg import Svg, percent

__all__ = ["draw_bursts"]

DECADES, HEIGHT, AXIS = 4, 150, 34  # From 100 % to 0.01 %.
LABELLED, EVERY = 10, 12  # Levels whose bars have numbers, and numbers along the axis.
MARGIN = 0.15  # Of the width, for the axis.


def draw_bursts(layer, index):
    levels, shares = layer["levels"], layer["shares"]
    name = layer["name"]
    most = max(range(len(levels)), key=lambda k: shares[k])
    svg = Svg(f"bursts-{index}", f"Burst levels of {name}", (
        f"Share of each level on a logarithmic axis. {in_words(layer['fire'], 'share')} of the "
        f"neuron-timesteps fire; the most frequent level is {levels[most]} with "
        f"{in_words(shares[most], 'share')}."), height=HEIGHT + AXIS, style="chart")
    for decade in range(DECADES + 1):
        y = 12 + (HEIGHT - 12) * decade / DECADES
        svg.add("line", x1=percent(MARGIN), x2="100%", y1=y, y2=y, class_="grid")
        svg.text(percent(MARGIN - 0.015), y + 4, f"{100 / 10 ** decade:g} %", "small end quiet")
    width = (1 - MARGIN) / len(levels)
    for k, (level, share, count) in enumerate(zip(levels, shares, layer["counts"], strict=True)):
        x = MARGIN + k * width
        reach = max(0.0, 1 + math.log10(share) / DECADES) if share else 0.0
        tall = (HEIGHT - 12) * reach
        svg.add("rect", x=percent(x + width * 0.1), width=percent(width * 0.8), y=HEIGHT - tall,
                height=tall, class_="bar silent" if not level else "bar",
                title=f"level {level}: {in_words(share, 'share')}, {in_words(count)} times",
                values=(level, share, count))
        if len(levels) <= LABELLED and share:
            svg.text(percent(x + width / 2), HEIGHT - tall - 4, _brief(share), "tiny middle")
        if not k % -(-len(levels) // EVERY):
            svg.text(percent(x + width / 2), HEIGHT + 15, str(level), "small middle")
    svg.text(percent(MARGIN + (1 - MARGIN) / 2), HEIGHT + 31, "level", "small middle quiet")
    return svg


def _brief(share):
    """A share in three signs or so."""
    value = 100 * share
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
