"""yosys and nextpnr, each in a process of its own: chatter goes to a log, a crash stays there."""

import importlib.util
import re
import subprocess
import sys

from ...golden.spec.errors import QblifError

__all__ = ["DoesNotFit", "SynthError", "need", "run_nextpnr", "run_packer", "run_yosys"]


class SynthError(QblifError):
    """A design could not be synthesised; the message is one sentence for the user."""


class DoesNotFit(SynthError):
    """A design needs more of something than the device has."""


# One Python each; its arguments arrive in argv.
_YOSYS = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for line in sys.argv[1:]:
    libyosys.run_pass(line, design)
"""
_NEXTPNR = """
import importlib, sys
package, architecture, *arguments = sys.argv[1:]
run = getattr(importlib.import_module(package), f"run_nextpnr_{architecture}")
sys.exit(run(arguments))
"""
_PACK = """
import importlib, sys
module, function, *arguments = sys.argv[1:]
sys.argv = [function, *arguments]
run = getattr(importlib.import_module(module), function)
sys.exit(run() if function == "main" else run(arguments))
"""


def need(*modules, extra="synth"):
    """Raise :class:`SynthError` unless every module is installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise SynthError(f"Synthesis needs {module}: pip install 'qblif[{extra}]'")


def run_yosys(folder, lines, log="yosys.log"):
    """Run yosys commands in ``folder``, with relative file names; raises :class:`SynthError`."""
    if _run(_YOSYS, lines, folder, log):
        raise SynthError(f"yosys failed: {_reason(folder / log)}")


def run_nextpnr(folder, placer, arguments, log="nextpnr.log"):
    """Place and route in ``folder``; raises :class:`SynthError`.

    ``placer`` is a :class:`qblif.boards.families.family.Placer`.
    """
    if _run(_NEXTPNR, [placer.package, placer.architecture, *arguments], folder, log):
        raise SynthError(f"nextpnr failed: {_reason(folder / log)}")


def run_packer(folder, packer, arguments=(), log="pack.log"):
    """Turn a routed design into a bitstream; raises :class:`SynthError`.

    ``packer`` is a :class:`qblif.boards.families.family.Packer`; its own arguments come behind
    ``arguments``.
    """
    command = [packer.module, packer.function, *arguments, *packer.arguments]
    if _run(_PACK, command, folder, log):
        raise SynthError(f"Packing the bitstream failed: {_reason(folder / log)}")


def _run(code, arguments, folder, log):
    with open(folder / log, "w") as file:
        return subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, stdout=file,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode


def _reason(log):
    """The line of a log that says what went wrong, and where the rest is."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\bERROR\b", line)]
    line = (errors or lines or ["no output"])[-1]
    return f"{line.removeprefix('ERROR: ').rstrip('.')} (see {log})"
