"""The points of a sweep, objective against objective, and the Pareto front of each pair."""

import itertools
import math

from markupsafe import Markup

from .svg import Svg, number

__all__ = ["draw_front", "draw_fronts", "draw_pairs"]

WIDTH, HEIGHT = 320, 250  # Of a picture of two objectives.
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 26, 44  # Around its field.
COLUMNS = 3  # Pictures beside each other.
ROOM = 0.05  # Of an axis, at both ends.
RATIO = 4  # From so large a one on an axis is logarithmic.
WORDS = {"luts": "LUTs", "block_rams": "block RAMs", "fmax": "Fmax"}
STYLE = """
svg { font-family: Helvetica, Arial, sans-serif; font-size: 13px }
text { fill: #17202a } text.quiet { fill: #5b6672 } .small { font-size: 12px }
.end { text-anchor: end } .middle { text-anchor: middle }
.grid { stroke: #d9dcd6; stroke-width: 1 } .base { stroke: #5b6672; stroke-width: 1 }
.point { fill: #7d868f; fill-opacity: .55 } .point.best { fill: #cf5300; fill-opacity: 1 }
.front { fill: none; stroke: #cf5300; stroke-width: 1.4; stroke-opacity: .6 }
"""


def draw_front(sweep, across, along):
    """The points by two objectives, dictionaries of ``sweep["objectives"]``.  The line is the front
    of these two alone; filled points are on the front of all objectives."""
    points = sweep["points"]
    names = [objective["name"] for objective in (across, along)]
    x, y = (_Axis([point["figures"][name] for point in points]) for name in names)
    title = f"{_words(along)} against {_words(across)}"
    svg = Svg(f"front-{'-'.join(names)}", title, (
        f"{len(points)} points, of which {sum(point['front'] for point in points)} are on the "
        "Pareto front of all objectives."), box=(WIDTH, HEIGHT), style="chart")
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    place = [(LEFT + (right - LEFT) * x(point["figures"][names[0]]),
              bottom - (bottom - TOP) * y(point["figures"][names[1]])) for point in points]
    for value in x.ticks():
        at = LEFT + (right - LEFT) * x(value)
        svg.add("line", x1=at, x2=at, y1=TOP, y2=bottom, class_="grid")
        svg.text(number(at), bottom + 15, x.label(names[0], value), "small middle quiet")
    for value in y.ticks():
        at = bottom - (bottom - TOP) * y(value)
        svg.add("line", x1=LEFT, x2=right, y1=at, y2=at, class_="grid")
        svg.text(LEFT - 5, number(at + 4), y.label(names[1], value), "small end quiet")
    svg.add("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="base")
    svg.text(number((LEFT + right) / 2), HEIGHT - 8, _label(across), "small middle")
    svg.text(2, 13, _label(along), "small")
    if steps := _steps(points, place, across, along):
        svg.add("path", d=steps, class_="front")
    for k in sorted(range(len(points)), key=lambda k: points[k]["front"]):
        figures = points[k]["figures"]
        svg.add("circle", cx=place[k][0], cy=place[k][1], r=4 if points[k]["front"] else 3,
                class_="point best" if points[k]["front"] else "point",
                values=[figures[name] for name in names], title=_describe(points[k]))
    return svg


def draw_pairs(sweep):
    """A picture of every pair of the objectives; of one alone, against itself."""
    objectives = sweep["objectives"]
    pairs = list(itertools.combinations(objectives, 2)) or [(objectives[0], objectives[0])]
    return [draw_front(sweep, across, along) for along, across in pairs]


def draw_fronts(sweep):
    """Every pair of the objectives as one SVG that stands by itself, as text; ``sweep`` is the
    content of a ``sweep.json``."""
    pictures = draw_pairs(sweep)
    columns = min(COLUMNS, len(pictures))
    parts = [Markup('<svg x="{}" y="{}" width="{}" height="{}">{}</svg>').format(
        k % columns * (WIDTH + 8) + 6, k // columns * (HEIGHT + 8) + 6, WIDTH, HEIGHT, picture)
        for k, picture in enumerate(pictures)]
    size = f"0 0 {columns * (WIDTH + 8) + 4} {-(-len(pictures) // columns) * (HEIGHT + 8) + 4}"
    return str(Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="{}">\n<style>{}</style>\n'
                      '<rect width="100%" height="100%" rx="8" fill="#fcfcf9"/>\n{}\n</svg>\n'
                      ).format(size, Markup(STYLE), Markup("\n").join(parts)))


class _Axis:
    """Maps figures to 0..1; logarithmic where they lie far apart."""

    def __init__(self, values):
        self.low, self.high = min(values, default=0), max(values, default=1)
        self.logarithmic = self.low > 0 and self.high >= RATIO * self.low
        self.begin, self.end = self._scaled(self.low), self._scaled(self.high)
        if self.begin == self.end:
            self.begin, self.end = self.begin - 1, self.end + 1

    def _scaled(self, value):
        return math.log10(value) if self.logarithmic else value

    def __call__(self, value):
        return ROOM + (1 - 2 * ROOM) * (self._scaled(value) - self.begin) / (self.end - self.begin)

    def ticks(self):
        """Round figures from the lowest to the highest."""
        if self.logarithmic:
            decades = range(math.floor(self.begin), math.ceil(self.end) + 1)
            some = (1,) if self.end - self.begin > 3 else (1, 2, 5)
            found = [part * 10 ** k for k in decades for part in some]
        else:
            step = self._step()
            found = [k * step for k in range(math.floor(self.begin / step),
                                             math.ceil(self.end / step) + 1)]
        return [value for value in found if 0 <= self(value) <= 1]

    def _step(self):
        rough = (self.end - self.begin) / 4
        scale = 10.0 ** math.floor(math.log10(rough))
        return next(scale * part for part in (1, 2, 5, 10) if scale * part >= rough)

    def label(self, name, value):
        """A tick's figure with as many decimals as tell it from the next."""
        decimals = 0 if self.logarithmic else max(0, -math.floor(math.log10(self._step()) + 1e-9))
        if name == "accuracy":
            return f"{100 * value:.{max(0, decimals - 2)}f} %"
        return f"{value:,.{decimals}f}"


def _steps(points, place, across, along):
    """A path along the front of two objectives, whose corners no point lies beyond."""
    signs = [-1 if objective["more_is_better"] else 1 for objective in (across, along)]
    costs = [tuple(sign * point["figures"][objective["name"]] for sign, objective in zip(
        signs, (across, along), strict=True)) for point in points]
    path, least = "", math.inf
    for cost, (x, y) in sorted(zip(costs, place, strict=True)):
        if cost[1] < least:
            path += f"H{number(x)}V{number(y)}" if path else f"M{number(x)} {number(y)}"
            least = cost[1]
    return path


def _words(objective):
    return WORDS.get(objective["name"], objective["name"])


def _label(objective):
    unit = "" if objective["name"] == "accuracy" else objective["unit"]
    return f"{_words(objective)} {unit}".rstrip() if unit.startswith("an ") else \
        f"{_words(objective)}{f', {unit}' if unit else ''}"


def _figure(name, value):
    if name == "accuracy":
        return f"{100 * value:.4g} %"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _describe(point):
    return "; ".join(
        ", ".join(f"{name} {value}" for name, value in part.items()) for part in (
            point["parameters"], {WORDS.get(name, name): _figure(name, value)
                                  for name, value in point["figures"].items()}))
