"""What a wing needs installed: importing all of its modules must not bring in the rest."""

import subprocess
import sys

import pytest
from modules import find_modules, wing_of

TOOLS = {"pyosys", "amaranth_boards", "serial", "cobs"}
SCREEN = {"typer", "rich", "matplotlib"}
HEAVY = {"torchvision", "mlxtend", "pandas", "sklearn", "matplotlib"}

# Each wing, and what must not be loaded once all of its modules are.
UNWANTED = {
    "golden.spec": {"torch", "amaranth"} | TOOLS | SCREEN,
    "golden": {"amaranth"} | TOOLS | SCREEN | HEAVY,
    "golden.training": {"amaranth"} | TOOLS | SCREEN | HEAVY,
    "golden.foreign": {"amaranth", "nir", "h5py"} | TOOLS | SCREEN | HEAVY,
    "golden.study": {"amaranth"} | TOOLS | SCREEN | HEAVY,
    "hw.layout": {"torch", "amaranth"} | TOOLS | SCREEN,
    "hw.core": {"torch"} | TOOLS | SCREEN,
    "hw.link": {"torch"} | TOOLS | SCREEN,
    "hw.sound": {"torch"} | TOOLS | SCREEN,
    "hw.bus": {"torch"} | TOOLS | SCREEN,
    "hw.logic": {"torch", "da4ml"} | TOOLS | SCREEN,
    "hw": {"torch"} | TOOLS | SCREEN,
    "boards.host": {"torch", "amaranth"} | TOOLS | SCREEN,
    "boards.families": {"torch", "amaranth", "numpy"} | TOOLS | SCREEN,
    "boards.flow": {"torch"} | TOOLS | SCREEN,
    "boards": {"torch", "pyosys", "serial", "cobs"} | SCREEN,
    "sim": TOOLS - {"cobs"} | SCREEN | HEAVY,  # The model of a board has the board's framing.
    "report": {"amaranth"} | TOOLS | SCREEN | HEAVY,
    "api": {"torch", "amaranth"} | TOOLS | SCREEN,
    "sweep": {"amaranth", "distributed"} | TOOLS | SCREEN | HEAVY,
    "cli": {"torch", "amaranth", "matplotlib", "nir", "optuna", "distributed"} | TOOLS,
    "benchmarks": {"torch", "amaranth", "matplotlib"} | TOOLS,
}
# Single modules that need less than their wing.
LEANER = {
    "golden.spec": {"numpy"},
    "golden.spec.burst": {"numpy"},
    "hw.link.protocol": {"numpy", "torch", "amaranth"},
    "hw.link.plan_registers": {"torch", "amaranth"},
    "hw.bus.files": {"torch", "amaranth"},
    "boards.host.line": {"numpy"},
    "boards.devices": {"numpy", "torch", "amaranth"},
    "boards.flow.implement": {"numpy", "torch", "amaranth"},
    "boards.flow.synth": {"torch", "amaranth"},
    "sweep.space": {"torch", "amaranth", "optuna"},
    "sweep.journal": {"torch", "amaranth"},
    "sweep.workers": {"numpy", "torch", "amaranth", "optuna"},
    "report.page": {"numpy", "torch", "amaranth"},
}
# Loaded by their wing only when they are asked for.
LAZY = {"cli.pictures", "cli.check_netlist"}
# Runs within a simulator alone.
FOREIGN = {"sim.cocotb_bench", "sim.cocotb_bus"}

MODULES = [name for name in find_modules()
           if name not in LAZY | FOREIGN and not name.endswith("__main__")]


def loaded(names, unwanted):
    """Which of ``unwanted`` a fresh Python has loaded after importing ``names``."""
    code = "".join(f"import qblif.{name}\n" for name in names)
    code += f"import sys; print(*sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize("wing", UNWANTED)
def test_wing_is_lean(wing):
    names = [name for name in MODULES if wing_of(name, UNWANTED) == wing]
    assert not names or loaded(names, UNWANTED[wing]) == []


@pytest.mark.parametrize("name", LEANER)
def test_module_is_lean(name):
    assert loaded([name], LEANER[name]) == []


def test_notices_what_is_loaded():
    assert loaded(["hw.verilog"], {"torch", "amaranth"}) == ["amaranth"]
