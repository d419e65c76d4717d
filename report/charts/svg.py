"""SVG as text: marks with their values, percent along the width, pixels along the height."""

from markupsafe import Markup, escape

__all__ = ["Svg", "colour", "number", "percent", "steps", "ticks"]

COLOURS = 8  # Classes k0..k7 of the style sheet.


def number(value):
    """A coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def percent(share):
    """A share of the width."""
    return f"{number(100.0 * share)}%"


def colour(index, kind="engine"):
    """Style class of a stage's part: the hue by the stage, the form by the part."""
    return f"k{index % COLOURS} {kind}"


class Svg:
    """One figure: as wide as its place, ``height`` pixels high; with a ``box`` of ``(width,
    height)`` its units scale with it.

    ``name`` makes its identifiers unique on the page; ``title`` and ``text`` say what it shows to
    those who do not see it.
    """

    def __init__(self, name, title, text, *, height=None, box=None, style=""):
        size = (f'viewBox="0 0 {number(box[0])} {number(box[1])}"' if box
                else f'width="100%" height="{number(height)}"')
        self.parts = [Markup(
            f'<svg class="{style}" role="img" aria-labelledby="{name}-title {name}-text" {size}>'
            f'<title id="{name}-title">{escape(title)}</title>'
            f'<desc id="{name}-text">{escape(text)}</desc>')]

    def add(self, tag, content="", title=None, **attributes):
        """One mark.  ``title`` is what a pointer on it shows; ``values``, a sequence, the figures
        that it stands for; ``class_`` its style."""
        values = attributes.pop("values", None)
        if values is not None:
            attributes["data_values"] = " ".join(map(repr, values))
        found = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{escape(number(value))}"'
            for name, value in attributes.items())
        inner = (Markup(f"<title>{escape(title)}</title>") if title else "") + escape(content)
        self.parts.append(Markup(f"<{tag}{found}>{inner}</{tag}>"))

    def text(self, x, y, content, class_="", **attributes):
        self.add("text", content, x=x, y=y, class_=class_, **attributes)

    def plot(self, path, *, x, y, width, height, units, values, class_):
        """A path in ``units`` of ``(width, height)``, stretched over a part of the figure."""
        self.parts.append(Markup(
            f'<svg x="{x}" y="{number(y)}" width="{width}" height="{number(height)}" '
            f'viewBox="0 0 {number(units[0])} {number(units[1])}" preserveAspectRatio="none">'))
        self.add("path", d=path, class_=class_, values=values)
        self.parts.append(Markup("</svg>"))

    def __html__(self):
        return Markup("").join([*self.parts, Markup("</svg>")])


def steps(values, height=1.0):
    """A path over equally wide steps, closed along the bottom."""
    found = [f"M0 {number(height)}"]
    for k, value in enumerate(values):
        if not k or value != values[k - 1]:
            found.append(f"V{number(height - float(value) * height)}")
        found.append(f"H{k + 1}")
    return "".join([*found, f"V{number(height)}Z"])


def ticks(most, count=5):
    """Round numbers from 0 to ``most``, about ``count`` of them."""
    rough = most / max(1, count)
    if rough <= 0:
        return [0]
    scale = 10.0 ** (len(f"{int(rough)}") - 1) if rough >= 1 else 0.1 if rough >= 0.1 else 0.01
    step = next(scale * k for k in (1, 2, 5, 10, 20) if scale * k >= rough)
    found, k = [], 0
    while k * step <= most * 1.0001:
        found.append(int(k * step) if step >= 1 else round(k * step, 4))
        k += 1
    return found
