"""What each component takes, and what a whole design takes of its device."""

from ..words import in_words
from .svg import Svg, colour, percent

__all__ = ["KINDS", "component_style", "draw_parts"]

KINDS = {"lut": "LUTs", "ff": "flip-flops", "bram": "block RAMs", "spram": "single-port RAMs",
         "dsp": "DSP blocks"}


def component_style(name, stages):
    """Style class of a component by its name: ``"conv1 engine"``, ``"conv1"`` or the rest."""
    stage, _, part = name.rpartition(" ")
    if part in ("engine", "neurons") and stage in stages:
        return colour(stages.index(stage), part)
    return colour(stages.index(name)) if name in stages else "rest"


def draw_parts(found, stages, name):
    """For each kind of cell a bar of the components' shares."""
    kinds = [kind for kind in found["total"] if found["total"][kind] or kind == "dsp"]
    svg = Svg(name, f"Resources by component on {found['device']}", " ".join(
        f"{in_words(found['total'][kind])} of {in_words(found['capacity'][kind])} {KINDS[kind]}."
        for kind in kinds), height=len(kinds) * 50, style="chart")
    for row, kind in enumerate(kinds):
        y, total, capacity = row * 50, found["total"][kind], found["capacity"][kind]
        svg.text("0", y + 14, f"{in_words(total)} {KINDS[kind]}", "name")
        svg.text("100%", y + 14, f"{in_words(total / capacity, 'share')} of "
                 f"{in_words(capacity)}" if capacity else "", "small end")
        svg.add("rect", x="0", y=y + 20, width="100%", height=14, class_="track")
        if capacity:
            svg.add("rect", x="0", y=y + 36, width=percent(min(1.0, total / capacity)), height=3,
                    class_="share", values=(total, capacity))
        at = 0.0
        parts = [(c["name"], c[kind]) for c in found["components"] if c.get(kind)]
        whole = max(1, sum(count for _, count in parts))
        for part, count in parts:
            svg.add("rect", x=percent(at), y=y + 20, width=percent(count / whole), height=14,
                    class_=f"fill {component_style(part, stages)}", values=(count,),
                    title=f"{part}: {in_words(count)} {KINDS[kind]}")
            at += count / whole
    return svg
