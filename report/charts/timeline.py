"""When each stage works in one frame, and how its work compares with the cycles between results."""

from ..words import in_words
from .svg import Svg, colour, percent, steps, ticks

__all__ = ["draw_alone", "draw_bound"]

ROW, LANES, UPDATES, AXIS = 66, 32, 7, 38
BAR = 56  # Of an engine: two lines of text, and its bar.


def draw_alone(alone):
    """A strip a stage: the share of the cycles in which its lanes add, and below it the update
    passes."""
    stages, width = alone["stages"], alone["bin"]
    bins = len(stages[0]["lanes"])
    span = bins * width
    svg = Svg("alone", "One image alone, stage by stage", " ".join(
        f"{stage['name']} works from cycle {in_words(stage['first'])} to "
        f"{in_words(stage['last'])}." for stage in stages)
        + f" The class is there in cycle {in_words(alone['class'])}.",
        height=len(stages) * ROW + AXIS, style="chart")
    bottom = len(stages) * ROW
    for tick in ticks(span, 5):
        for k in range(len(stages)):
            svg.add("line", x1=percent(tick / span), x2=percent(tick / span), y1=k * ROW + 20,
                    y2=k * ROW + 22 + LANES + UPDATES, class_="grid")
        svg.text(percent(tick / span), bottom + 19, in_words(tick),
                 "small quiet" + (" middle" if 0.04 < tick / span < 0.96 else
                                  " end" if tick else ""))
    svg.text("50%", bottom + 35, "cycle", "small middle quiet")
    for k, stage in enumerate(stages):
        y = k * ROW
        svg.text("0", y + 14, stage["name"], "name")
        svg.text("100%", y + 14, f"cycles {in_words(stage['first'])} to {in_words(stage['last'])}",
                 "small end quiet")
        svg.add("line", x1="0", x2="100%", y1=y + 20 + LANES, y2=y + 20 + LANES, class_="base")
        svg.add("rect", x=percent(stage["first"] / span), y=y + 20, height=LANES, class_="span",
                width=percent((stage["last"] - stage["first"] + 1) / span),
                values=(stage["first"], stage["last"]))
        svg.plot(steps(stage["lanes"]), x="0", y=y + 20, width="100%", height=LANES,
                 units=(bins, 1), values=stage["lanes"], class_=f"area {colour(k)}")
        svg.plot(steps(stage["updates"]), x="0", y=y + 22 + LANES, width="100%", height=UPDATES,
                 units=(bins, 1), values=stage["updates"], class_="area updates")
        for what in ("accepted", "class"):
            x = percent((alone[what] + 0.5) / span)
            svg.add("line", x1=x, x2=x, y1=y + 20, y2=y + 22 + LANES + UPDATES, class_="mark",
                    values=(alone[what],))
    return svg


def draw_bound(cycles):
    """A bar an engine: the cycles of an image in which its lanes add, up to the interval."""
    rows = [(k, stage, engine) for k, stage in enumerate(cycles["stages"])
            for engine in stage["engines"]]
    svg = Svg("bound", "How busy the lanes are between two results", " ".join(
        f"{engine['name']}: {in_words(engine['busy'], 'share')} of the cycles."
        for _, _, engine in rows) + f" {cycles['bound']} bounds the network.",
        height=len(rows) * BAR + 22, style="chart")
    for row, (k, stage, engine) in enumerate(rows):
        y = row * BAR
        bounds = stage["name"] == cycles["bound"] and engine["cycles"] == stage["cycles"]
        sources = [name.partition("->")[0] for name in engine["name"].split(", ")]
        svg.text("0", y + 14, stage["name"] + (", the bound" if bounds else ""),
                 "name" if bounds else "")
        svg.text("0", y + 29, f"events of {' and '.join(sources)}", "small quiet")
        svg.text("100%", y + 14, in_words(engine["busy"], "share"), "end")
        svg.add("rect", x="0", y=y + 34, width="100%", height=12, rx=2, class_="track")
        svg.add("rect", x="0", y=y + 34, width=percent(min(1.0, engine["busy"])), height=12, rx=2,
                class_=f"fill {colour(k)}", values=(engine["cycles"], engine["busy"]))
        svg.add("line", x1="100%", x2="100%", y1=y + 32, y2=y + 48, class_="mark")
    svg.text("100%", len(rows) * BAR + 14,
             f"{in_words(cycles['cycles'], 'mean')} cycles "
             + ("between results" if cycles["several"] else "to the result"), "small end quiet")
    return svg
