"""One self-contained HTML page of the JSON of a report: no script, nothing from elsewhere."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .charts.bursts import draw_bursts
from .charts.floorplan import draw_component, draw_floorplan
from .charts.front import draw_pairs
from .charts.graph import draw_graph
from .charts.neuron import draw_neuron
from .charts.resources import KINDS, component_style, draw_parts
from .charts.timeline import draw_alone, draw_bound
from .charts.timing import draw_path, draw_slack
from .words import figure, figures, in_words

__all__ = ["render"]

DRAWINGS = (draw_alone, draw_bound, draw_bursts, draw_component, draw_floorplan, draw_graph,
            draw_neuron, draw_pairs, draw_parts, draw_path, draw_slack, component_style)


def render(report):
    """The page of ``report``, the content of a ``report.json``, as text."""
    return _template().render(
        report, kinds=KINDS, stages=[stage["name"] for stage in report["layout"]["stages"]])


@cache
def _template():
    environment = Environment(
        loader=PackageLoader("qblif.report", "."), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined)
    environment.filters |= {"figure": figure, "figures": figures, "in_words": in_words}
    environment.globals |= {drawing.__name__: drawing for drawing in DRAWINGS}
    environment.globals["style"] = Markup(
        files("qblif.report").joinpath("style.css").read_text("utf-8"))
    return environment.get_template("page.html")
