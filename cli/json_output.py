"""``--json`` of every command: its report on standard output, and nothing else there."""

import functools
import inspect
from typing import Annotated

import typer

from .common import print_json_of

__all__ = ["with_json"]

JsonOption = Annotated[bool, typer.Option(
    "--json", help="Print the command's JSON report on standard output, and what is for people on "
    "standard error.")]


def with_json(function, name=None):
    """The function of a command called ``name`` (by default as the function), with ``--json``."""
    name = name or function.__name__.replace("_", "-")

    @functools.wraps(function)
    def command(*args, json=False, **kwargs):
        print_json_of(name if json else None)
        return function(*args, **kwargs)

    parameters = [*inspect.signature(function).parameters.values(), inspect.Parameter(
        "json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption)]
    command.__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {**function.__annotations__, "json": JsonOption}
    return command
