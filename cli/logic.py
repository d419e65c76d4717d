"""What the subcommands share for networks as logic: options, and which do not go together."""

from typing import Annotated

import typer

from ..golden.spec.errors import InvalidValue
from .common import spinner

__all__ = ["AddersOption", "InterleaveOption", "LogicOption", "PixelsOption", "RowOption",
           "check_options", "logic_layout", "pace"]

LogicOption = Annotated[bool, typer.Option(
    "--logic", help="Weights as logic, a frame a clock: docs/logic.md. Nothing is loaded; options "
    "of lanes, memories and buses do not go with it.")]
AddersOption = Annotated[str, typer.Option(
    "--adders", metavar="compressors|shared", help="With --logic: a compressor tree for each sum, "
    "or adders that sums share (it needs da4ml).")]
RowOption = Annotated[int, typer.Option(
    "--row", help="With --logic: most adders in a row between two registers.")]
PixelsOption = Annotated[bool, typer.Option(
    "--pixels", help="With --logic: it takes pixels 0..255 and makes its input levels of them.")]
InterleaveOption = Annotated[bool, typer.Option(
    "--interleave", help="With --logic, of several timesteps: they share their adders and neurons, "
    "so that a frame takes as many clocks as it has timesteps.")]

ENGINE = ("lanes", "burst", "quantiser", "time", "bake", "sound", "bus", "readback", "verilog",
          "waves", "levels", "check_netlist")
LOGIC = ("adders", "row", "pixels", "interleave", "taps", "frames")


def check_options(context, logic):
    """Raise :class:`ValueError` where an option was given that is not of this kind of hardware."""
    given = [name for name in (ENGINE if logic else LOGIC) if name in context.params
             and context.get_parameter_source(name).name != "DEFAULT"]
    if given:
        name = given[0].replace("_", "-")
        raise InvalidValue(f"--{name} is of hardware with lanes and memories: it does not go with "
                           "--logic" if logic else f"--{name} needs --logic")


def logic_layout(trained, adders, row, pixels, interleave):
    """The :class:`~qblif.hw.logic.layout.LogicLayout` for what the user asked."""
    from ..hw.logic.layout import LogicLayout
    with spinner() as line:
        line.add_task("find adders", total=None)
        return LogicLayout(trained, adders, row, pixels, interleave)


def pace(layout):
    """How often a frame enters, and when its class is there: a sentence."""
    if layout.interleaved:
        return (f"{layout.slots} frames in every {layout.period} clocks; the class of each "
                f"{layout.latency} clocks later.")
    return f"A frame a clock; its class {layout.latency} clocks later."
