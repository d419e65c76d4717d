"""README's picture: a digit, its bursts, and the FPGA that makes them of it.

    python -m qblif.report.picture out/report/report.json docs/first-screen.svg
"""

import json
import sys
from pathlib import Path

import numpy as np

from ..golden.spec.files import write_atomically

__all__ = ["draw"]

NETWORK = Path(__file__).parents[1] / "networks" / "mnist-mlp.safetensors"
DIGIT = 844  # Of the embedded test digits.
SIDE, TOP, BOTTOM = 224, 46, 300  # Of a part of the picture.
LEFT = 24, 288, 624  # Of the three parts.
RASTER = 32  # Neurons a row.
COLOURS = ("#0b66a8", "#5aa9dd", "#cf5300", "#f2a071", "#9aa3ab")  # By component, in order.
INK, QUIET, LINE = "#17202a", "#5b6672", "#d9dcd6"
STYLE = "font-family='ui-sans-serif,system-ui,Helvetica,Arial,sans-serif'"


def draw(report):
    """The picture as SVG, of the content of a placed ``report.json`` of :data:`NETWORK`."""
    from ..golden import integer
    from ..golden.spec.artifact import load
    from ..golden.training.data.readers import embedded
    net, pixels = load(NETWORK), embedded().test_images[DIGIT]
    trace = integer.run(net, net.levels(pixels[None]))
    first = net.spec.populations[0]
    plan, placed = report["floorplan"], report["placed"]
    parts = [
        _caption(LEFT[0], "A handwritten digit", "28 x 28 pixels, each a burst of 0..2"),
        _digit(pixels), _arrow(LEFT[0] + SIDE + 8),
        _caption(LEFT[1], f"Bursts of {first.size} neurons",
                 f"levels 0..{first.emit_max}, timesteps 0 and 1"),
        _bursts(trace.levels[first.name][:, 0].numpy(), first.emit_max), _arrow(LEFT[2] - 40),
        _caption(LEFT[2], f"{placed['part'][:9]}, {placed['total']['lut']:,} LUTs",
                 f"no multiplier; it says {int(trace.classes[0])}, to the last bit"),
        _floorplan(plan)]
    width = LEFT[2] + SIDE + 24
    return (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {BOTTOM}' role='img' "
            f"{STYLE}>\n<title>From a digit through bursts to a floorplan</title>\n"
            f"<rect width='{width}' height='{BOTTOM}' rx='10' fill='#fcfcf9' stroke='{LINE}'/>\n"
            + "\n".join(parts) + "\n</svg>\n")


def _caption(left, title, text):
    return (f"<text x='{left}' y='22' font-size='14' font-weight='600' fill='{INK}'>{title}</text>"
            f"<text x='{left}' y='38' font-size='11' fill='{QUIET}'>{text}</text>")


def _arrow(left):
    middle = TOP + SIDE / 2
    return (f"<path d='M{left} {middle}h18m-6 -6l6 6l-6 6' fill='none' stroke='{QUIET}' "
            "stroke-width='2'/>")


def _digit(pixels):
    side = SIDE / len(pixels)
    found = ["<g shape-rendering='crispEdges'>", (
        f"<rect x='{LEFT[0]}' y='{TOP}' width='{SIDE}' height='{SIDE}' fill='{INK}'/>")]
    for row, column in np.argwhere(pixels > 0).tolist():
        found.append(f"<rect x='{LEFT[0] + column * side:g}' y='{TOP + row * side:g}' "
                     f"width='{side:g}' height='{side:g}' fill='#fff' "
                     f"opacity='{pixels[row, column] / 255:.2f}'/>")
    return "".join([*found, "</g>"])


def _bursts(levels, most):
    """A bar for each neuron, rows of :data:`RASTER`, a block for each timestep."""
    blocks, neurons = levels.shape
    rows = -(-neurons // RASTER)
    width, height = (LEFT[2] - LEFT[1] - 56) / RASTER, (SIDE - 10) / (blocks * rows)
    found = ["<g id='bursts'>"]
    for t, row in enumerate(levels.tolist()):
        for neuron, level in enumerate(row):
            y = TOP + t * (rows * height + 10) + (neuron // RASTER + 1) * height
            x, tall = LEFT[1] + neuron % RASTER * width, (height - 4) * level / most
            found.append(f"<rect x='{x:g}' y='{y - max(tall, 0.7):.2f}' width='{width - 1:g}' "
                         f"height='{max(tall, 0.7):.2f}' "
                         f"fill='{COLOURS[2] if level else LINE}'/>")
    return "".join([*found, "</g>"])


def _floorplan(plan):
    """Each tile in the colour of the component that has the most cells there."""
    scale = SIDE / max(plan["columns"], plan["rows"])
    side, owner = plan["side"] * scale, {}
    for k, component in enumerate(plan["components"]):
        for column, row, count in component["tiles"]:
            owner[column, row] = max(owner.get((column, row), (0, 0)), (count, k))
    width, height = (plan[extent] * scale for extent in ("columns", "rows"))
    die = f"x='{LEFT[2]}' y='{TOP}' width='{width:g}' height='{height:g}'"
    found = [f"<rect {die} fill='#fff' stroke='{INK}'/>"]
    for (column, row), (_, k) in sorted(owner.items()):
        found.append(f"<rect x='{LEFT[2] + column * side:.2f}' y='{TOP + row * side:.2f}' "
                     f"width='{side - 0.6:.2f}' height='{side - 0.6:.2f}' "
                     f"fill='{COLOURS[k % len(COLOURS)]}'/>")
    names = [component["name"] for component in plan["components"]]
    for k, name in enumerate(names):
        y = BOTTOM - 26 + k // 3 * 14
        x = LEFT[2] - 70 + k % 3 * 108
        found.append(f"<rect x='{x}' y='{y - 8}' width='9' height='9' fill='{COLOURS[k]}'/>"
                     f"<text x='{x + 13}' y='{y}' font-size='10' fill='{QUIET}'>{name}</text>")
    return "".join(found)


if __name__ == "__main__":
    made = draw(json.loads(Path(sys.argv[1]).read_text()))
    write_atomically(Path(sys.argv[2]), made.encode())
