"""Entry point of the ``qblif`` command: subcommands, and errors as one line with exit code 2."""

import os
import sys
from typing import Annotated

import typer
from rich.markup import escape

from ..boards.flow.tools import SynthError
from .analyse import analyse
from .boards import boards
from .build import build
from .capacity import capacity
from .common import console
from .demo import demo
from .info import info
from .load import load
from .program import program
from .run import run
from .simulate import simulate
from .synth import synth
from .systems import systems
from .train import train
from .verilog import verilog
from .virtual_board import virtual_board

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="From a trained QB-LIF burst-spiking network to a verified FPGA.",
                  epilog="Start with `qblif demo`; then `qblif train --help`.")
for command in (demo, train, info, analyse, verilog, simulate, synth, boards, build, program, load,
                run, virtual_board, capacity, systems):
    app.command()(command)


@app.callback()
def options(debug: Annotated[bool, typer.Option(
        help="Show the full traceback of an error.")] = False):
    if debug:
        os.environ["QBLIF_DEBUG"] = "1"


def main(arguments=None):
    """Run the command; user errors end it with one line on standard error and exit code 2."""
    try:
        app(args=arguments)
    except (ValueError, TypeError, OSError, RuntimeError, SynthError, ModuleNotFoundError) as error:
        if os.environ.get("QBLIF_DEBUG"):
            raise
        console.file.flush()
        type(console)(stderr=True).print(f"[bold red]qblif:[/] {escape(_sentence(error))}",
                                         soft_wrap=True, highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _sentence(error):
    """What the user is told, on one line."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: pip install 'qblif[all]'"
    return " ".join(str(error).split())


if __name__ == "__main__":
    main()
