"""The network as a graph from top to bottom: a box a population, an arrow a synapse."""

from ..words import in_words, shape
from .svg import Svg, colour

__all__ = ["draw_graph"]

WIDTH, BOX, GAP = 360, 46, 40  # Of the drawing, a box, the way between two.
KINDS = {"dense": "dense", "conv2d": "conv"}
LEFT, RIGHT = 44, 284  # Edges of a box; what leads past a box goes by on its side.


def draw_graph(network, layout):
    populations, synapses = network["populations"], network["synapses"]
    place = {p["name"]: k for k, p in enumerate(populations)}
    lanes = _lanes(network, layout)
    height = len(populations) * (BOX + GAP) - GAP + 8
    svg = Svg("graph", "The network's graph", _words(network), box=(WIDTH, height), style="graph")
    tracks = []
    for synapse in synapses:
        start, end = place[synapse["source"]], place[synapse["target"]]
        if end == start + 1:
            _arrow(svg, start, synapse, lanes[synapse["name"]])
        else:
            _detour(svg, start, end, synapse, tracks)
    for k, population in enumerate(populations):
        _box(svg, k, population, len(populations))
    return svg


def _top(k):
    return 4 + k * (BOX + GAP)


def _box(svg, k, population, count):
    kind = "input" if not k else colour(k - 1)
    svg.add("rect", x=LEFT, y=_top(k), width=RIGHT - LEFT, height=BOX, rx=6, class_="node")
    svg.add("rect", x=LEFT, y=_top(k), width=6, height=BOX, rx=3, class_=f"flag {kind}")
    svg.text(LEFT + 16, _top(k) + 19, population["name"], "name")
    svg.text(RIGHT - 10, _top(k) + 19, shape(population["shape"]), "end")
    says = ("read-out" if k == count - 1 else f"levels 0 to {population['n_max']}")
    svg.text(LEFT + 16, _top(k) + 37, says, "small")
    svg.text(RIGHT - 10, _top(k) + 37, f"{in_words(population['neurons'])} "
             + ("inputs" if not k else "neurons"), "small end")


def _arrow(svg, k, synapse, lanes):
    """To the next box, with what the synapse is beside it."""
    x, top, end = LEFT + 24, _top(k) + BOX, _top(k + 1)
    svg.add("path", d=f"M{x} {top}V{end - 6}", class_="wire")
    svg.add("path", d=f"M{x - 4} {end - 8}h8l-4 8z", class_="head")
    weights = f"{in_words(synapse['weights'])} weights of {synapse['w_width']} bits"
    svg.text(x + 12, top + 17, _kind(synapse), "small")
    svg.text(x + 12, top + 32, f"{weights}, {lanes} lanes", "small quiet")


def _detour(svg, start, end, synapse, tracks):
    """Past other boxes on the right, or back, a timestep later, on the left."""
    low, high = sorted((start, end))
    track = next((t for t, spans in enumerate(tracks) if not any(
        side == synapse["recurrent"] and low < last and first < high
        for first, last, side in spans)), len(tracks))
    tracks += [[]] * (track == len(tracks))
    tracks[track] = [*tracks[track], (low, max(high, low + 0.5), synapse["recurrent"])]
    out = 14 + 9 * (track % 3)
    edge, reach = (LEFT, LEFT - out) if synapse["recurrent"] else (RIGHT, RIGHT + out)
    top, below = _top(start) + BOX * 0.75, _top(end) + BOX * 0.25
    step = 6 if synapse["recurrent"] else -6
    svg.add("path", d=f"M{edge} {top}H{reach}V{below}H{edge - step}", title=(
        f"{synapse['name']}: {_kind(synapse)}, {in_words(synapse['weights'])} weights"),
        class_="wire back" if synapse["recurrent"] else "wire")
    svg.add("path", d=f"M{edge - step * 1.3} {below - 4}v8l{step * 1.3} -4z", class_="head")
    if not synapse["recurrent"]:
        svg.text(reach + 5, (top + below) / 2, KINDS[synapse["kind"]], "small quiet")


def _kind(synapse):
    geometry = synapse["geometry"].replace("kernel ", "").replace("x", "\N{MULTIPLICATION SIGN}")
    return f"{KINDS[synapse['kind']]} {geometry}".rstrip()


def _lanes(network, layout):
    """Lanes by synapse: those of a streaming stage serve all of its synapses."""
    found = {}
    for stage in layout["stages"]:
        names = [s["name"] for s in network["synapses"] if s["target"] == stage["name"]]
        each = stage["lanes"] if len(stage["lanes"]) == len(names) else stage["lanes"] * len(names)
        found |= dict(zip(names, each, strict=False))
    return found


def _words(network):
    parts = [f"{s['source']} to {s['target']}, {_kind(s)}"
             + (", a timestep later" if s["recurrent"] else "") for s in network["synapses"]]
    return "; ".join(parts) + "."
