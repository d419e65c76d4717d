"""The slack of a placed design's signals, and the pieces of its longest path."""

from ..words import in_words
from .svg import Svg, percent, ticks

__all__ = ["draw_path", "draw_slack"]

HEIGHT = 130


def draw_slack(timing):
    """At how many register and memory inputs the signal arrives so long before the latest one."""
    counts, latest = timing["slack"]["counts"], timing["latest_ns"]
    most = max([1, *counts])
    svg = Svg("slack", "Slack at the fastest clock", (
        f"{in_words(timing['endpoints'])} inputs of registers and memories; the latest signal "
        f"takes {in_words(latest, 'ns')}, and most are there about "
        f"{in_words(counts.index(max(counts)) * timing['slack']['bin_ns'], 'ns')} before it."),
        height=HEIGHT + 40, style="chart")
    svg.text("0", 12, f"{in_words(most)} inputs", "small quiet")
    width = 1 / len(counts)
    for k, count in enumerate(counts):
        tall = (HEIGHT - 22) * count / most
        svg.add("rect", x=percent(k * width), width=percent(width * 0.85), y=HEIGHT - tall,
                height=tall, values=(count,),
                class_="bar tight" if (k + 1) * width <= 0.1 else "bar",
                title=f"{in_words(k * width * latest, 'ns')} left: {in_words(count)} inputs")
    svg.add("line", x1="0", x2="100%", y1=HEIGHT, y2=HEIGHT, class_="base")
    for tick in ticks(latest, 6):
        share = tick / latest if latest else 0.0
        svg.text(percent(share), HEIGHT + 16, f"{tick:g}", "small quiet" + (
            "" if not tick else " end" if share > 0.96 else " middle"))
    svg.text("50%", HEIGHT + 34, "ns before the latest signal", "small middle quiet")
    return svg


def draw_path(path):
    """A piece for each delay, as long as it takes."""
    svg = Svg("path", "The longest path, piece by piece", " ".join(
        f"{step['kind']}{_of(step)} {in_words(step['ns'], 'ns')}." for step in path["steps"]),
        height=64, style="chart")
    at, total = 0.0, path["ns"] or 1.0
    for step in path["steps"]:
        share = step["ns"] / total
        svg.add("rect", x=percent(at), y=22, width=percent(share), height=22, values=(step["ns"],),
                class_=f"piece {step['kind']}",
                title=f"{step['kind']}{_of(step)}: {in_words(step['ns'], 'ns')}")
        if share > 0.16:
            svg.text(percent(at + share / 2), 14, step["kind"], "small middle")
            svg.text(percent(at + share / 2), 60, in_words(step["ns"], "ns"), "small middle")
        at += share
    return svg


def _of(step):
    return "" if step["kind"] == "routing" else f" of a {step['type']}"
