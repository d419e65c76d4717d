"""Entry point of the ``qblif`` command: its subcommands, and how they end."""

import os
import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer
from rich.markup import escape

from ..golden.spec.errors import InvalidType, InvalidValue, QblifError
from .ablation import ablation
from .analyse import analyse
from .boards import boards
from .build import build
from .capacity import capacity
from .common import Output, console, settle_reports
from .demo import demo
from .export_nir import export_nir
from .import_nir import import_nir
from .info import info
from .json_output import with_json
from .load import load
from .program import program
from .report import report
from .run import run
from .simulate import simulate
from .stream import stream
from .sweep import sweep
from .synth import synth
from .systems import systems
from .trace import trace
from .train import train
from .verilog import verilog
from .virtual_board import virtual_board

__all__ = ["app", "main", "run_app"]

INTERRUPTED = 130  # As what typer ends with Ctrl-C.
CLOSED = 141  # As what a shell tells of a command whose output was closed.

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False,
                  help="From a trained QB-LIF burst-spiking network to a verified FPGA.",
                  epilog="Start with `qblif demo`; then `qblif train --help`.")
for command in (demo, train, info, analyse, verilog, simulate, trace, synth, report, boards, build,
                program, load, run, stream, virtual_board, capacity, systems,
                ablation, sweep):
    app.command()(with_json(command))
app.command("import")(with_json(import_nir, "import"))  # The name is Python's own.
app.command("export")(with_json(export_nir, "export"))


def show_version(wanted: bool):
    if wanted:
        print(f"qblif {version('qblif')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(help="Show the full traceback of an error.")] = False,
    _: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True,
                                    help="Show the version and exit.")] = False,
):
    if debug:
        os.environ["QBLIF_DEBUG"] = "1"


def main(arguments=None):
    """Run ``qblif`` with ``arguments``, or those of the process."""
    run_app(app, arguments)


def run_app(app, arguments=None):
    """Run a typer application.

    What is wrong with the input, the machine or the tools ends it with one line on standard error
    and exit code 2; where it is an option or a file, reports of an earlier run are then as they
    were.  Any other exception is a bug of ours: its traceback, and exit code 1.
    """
    try:
        app(args=arguments)
    except (QblifError, OSError, ModuleNotFoundError) as error:
        settle_reports(refused=isinstance(error, (InvalidType, InvalidValue)))
        if os.environ.get("QBLIF_DEBUG"):
            raise
        complain(f"[bold red]qblif:[/] {escape(_sentence(error))}")
        sys.exit(2)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Of typer's own texts, as of --help.
            sys.exit(CLOSED)
        if end.code == INTERRUPTED:
            complain(f"[bold red]qblif:[/] stopped{escape(_advice(end))}")
        raise
    except Exception:
        traceback.print_exc()
        complain("[bold red]qblif:[/] this is a bug; please report it with the lines above")
        sys.exit(1)
    finally:
        settle_reports(refused=False)


def complain(text):
    """A line on standard error, after all that was printed."""
    console.file.flush()
    Output(stderr=True).print(text, soft_wrap=True, highlight=False)


def _advice(end):
    """What was noted of the Ctrl-C with which a command ended."""
    notes, error = [], end
    while error := error.__context__:
        notes += getattr(error, "__notes__", ())
    return "".join(f"; {note}" for note in notes)


def _sentence(error):
    """What the user is told, on one line."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: pip install 'qblif[all]'"
    return " ".join(str(error).split())


if __name__ == "__main__":
    main()
