"""The placed design on its device: a square a tile, as large as it is full, formed by component."""

from collections import defaultdict

from ..words import in_words
from .resources import component_style
from .svg import Svg, number

__all__ = ["draw_component", "draw_floorplan"]

BADGE = 3  # Radius of a component's number, in places of the device.
LEAST = 0.35  # Edge of a square of few cells, of a tile's.


def draw_floorplan(plan, stages):
    """All components, each tile by the one that has the most cells there, and the longest path."""
    columns, rows, side = plan["columns"], plan["rows"], plan["side"]
    svg = Svg("floorplan", "Floorplan by component", " ".join(
        f"{c['name']}: {in_words(c['cells'])} cells, {_where(c, plan)}."
        for c in plan["components"]), box=(columns, rows), style="floorplan")
    svg.add("rect", x=0, y=0, width=columns, height=rows, class_="die")
    owner, fill = {}, defaultdict(int)
    for k, component in enumerate(plan["components"]):
        for column, row, count in component["tiles"]:
            fill[column, row] += count
            if count > owner.get((column, row), (0, 0))[0]:
                owner[column, row] = count, k
    most = max(fill.values(), default=1)
    for k, component in enumerate(plan["components"]):
        tiles = [(*place, fill[place]) for place, (_, own) in sorted(owner.items()) if own == k]
        svg.add("path", d=_squares(tiles, side, most), title=(
            f"{component['name']}: {in_words(component['cells'])} cells"),
            class_=f"tile {component_style(component['name'], stages)}")
    if plan["path"]:
        line = " ".join(f"{x + 0.5} {y + 0.5}" for x, y in plan["path"])
        svg.add("polyline", points=line, class_="path",
                values=[part for place in plan["path"] for part in place])
        for x, y in (plan["path"][0], plan["path"][-1]):
            svg.add("circle", cx=x + 0.5, cy=y + 0.5, r=1.1, class_="end")
    for k, (x, y) in _badges(plan):
        svg.add("circle", cx=x, cy=y, r=BADGE, class_="badge")
        svg.text(number(x), number(y + 1.3), str(k + 1), "badge")
    return svg


def draw_component(plan, index, stages):
    """Where one component lies."""
    component, side = plan["components"][index], plan["side"]
    svg = Svg(f"floorplan-{index}", f"Where {component['name']} lies", (
        f"{in_words(component['cells'])} cells, {_where(component, plan)}."),
        box=(plan["columns"], plan["rows"]), style="floorplan")
    svg.add("rect", x=0, y=0, width=plan["columns"], height=plan["rows"], class_="die")
    svg.add("path", d=_squares(component["tiles"], side, plan["most"]),
            values=[part for tile in component["tiles"] for part in tile],
            class_=f"tile {component_style(component['name'], stages)}")
    return svg


def _squares(tiles, side, most):
    """A path of squares whose areas are as the numbers of cells."""
    found = []
    for column, row, count in tiles:
        edge = round(side * min(1.0, (count / most) ** 0.5) * (1 - LEAST) + side * LEAST, 2)
        x, y = ((place + 0.5) * side - edge / 2 for place in (column, row))
        found.append(f"M{number(x)} {number(y)}h{number(edge)}v{number(edge)}h-{number(edge)}z")
    return "".join(found)


def _centre(component, plan):
    """Of its cells, in the drawing's units."""
    side, total = plan["side"], max(1, component["cells"])
    x, y = (sum((tile[axis] + 0.5) * side * tile[2] for tile in component["tiles"]) / total
            for axis in (0, 1))
    return x, y


def _badges(plan):
    """A place for the number of each component: its fullest tile that is away from the others'
    numbers, where there is one."""
    found, side = [], plan["side"]
    for k, component in sorted(enumerate(plan["components"]), key=lambda c: -c[1]["cells"]):
        for column, row, _ in sorted(component["tiles"], key=lambda tile: -tile[2]):
            x, y = (column + 0.5) * side, (row + 0.5) * side
            if all(abs(x - a) > 2.2 * BADGE or abs(y - b) > 2.2 * BADGE for _, (a, b) in found):
                found.append((k, (x, y)))
                break
    return sorted(found)


def _where(component, plan):
    """The part of the device, in words."""
    if not component["tiles"]:
        return "nowhere"
    x, y = _centre(component, plan)
    across = ("left", "centre", "right")[min(2, int(3 * x / plan["columns"]))]
    along = ("top", "middle", "bottom")[min(2, int(3 * y / plan["rows"]))]
    return f"around the {along} {across}"
