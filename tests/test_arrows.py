"""Who may know whom: the wings import downwards only, and no module imports itself through
others."""

import tomllib

import pytest
from modules import ROOT, find_imports, find_modules, wing_of

GOLDEN = ("golden.spec", "golden", "golden.training")
# What both ends of the line know.
PROTOCOL = ("hw.link.protocol", "hw.link.timed", "hw.link.plan_registers")
HW = ("hw.layout", "hw.core", "hw.sound", "hw.bus", "hw.logic", *PROTOCOL, "hw.link", "hw")
BOARDS = ("boards.host", "boards")

# Each wing, and those that it may import.  `hw` is what lies directly in that folder, `boards`
# everything in that folder but the host, which knows the protocol and nothing of the gateware.
# `sim` and `boards` are neighbours: only the host's code runs on both.
WINGS = {
    "golden.spec": (),
    "golden": ("golden.spec",),
    "golden.training": ("golden.spec", "golden"),
    "golden.foreign": GOLDEN,
    "golden.study": GOLDEN,
    "hw.layout": ("golden.spec",),
    "hw.core": ("golden.spec", "hw.layout"),
    "hw.link.protocol": ("golden.spec", "hw.layout"),
    "hw.link.timed": ("hw.link.protocol",),
    "hw.link.plan_registers": ("golden.spec", "hw.layout", "hw.link.protocol"),
    "hw.logic": ("golden.spec", "hw.layout", "hw.core"),
    "hw.link": ("golden.spec", "hw.layout", "hw.core", "hw.logic", *PROTOCOL),
    "hw.sound": ("golden.spec", "hw.layout", "hw.core"),
    "hw.bus": ("golden.spec", "hw.layout", "hw.core"),
    "hw": ("golden.spec", "hw.layout", "hw.core", "hw.sound", "hw.bus", "hw.logic"),
    "boards.host": ("golden.spec", "hw.layout", *PROTOCOL),
    "boards": ("golden.spec", *HW, "boards.host"),
    "sim": (*GOLDEN, *HW, "boards.host"),
    "report": (*GOLDEN, "golden.study", *HW, *BOARDS, "sim"),
    "api": (*GOLDEN, "golden.foreign", "golden.study", *HW, *BOARDS, "sim", "report"),
    "sweep": (*GOLDEN, "golden.study", *HW, *BOARDS, "sim", "report", "api"),
    "cli": (*GOLDEN, "golden.foreign", "golden.study", *HW, *BOARDS, "sim", "report", "api",
            "sweep"),
    "benchmarks": (*GOLDEN, "golden.study", *HW, *BOARDS, "sim", "report", "sweep", "cli", "api"),
    "__main__": ("cli",),
}
# Upwards on purpose, within a method, so that importing the lower one stays lean.
ALLOWED = {("golden.spec.trained", "golden.integer")}  # `Trained.run`.

MODULES = find_modules()
IMPORTS = find_imports(MODULES)


def test_the_list_of_wings_allows_no_circle():
    order = list(WINGS)
    for wing, below in WINGS.items():
        # What a wing may import stands above it in the list.
        assert all(order.index(other) < order.index(wing) for other in below), wing


def test_every_module_is_in_a_wing():
    lost = [name for name in MODULES if name and wing_of(name, WINGS) is None]
    assert not lost, f"add the wing of {lost} to tests/test_arrows.py and tests/test_lean_import.py"


def upwards(modules, imports):
    """Imports of what a wing may not know, as ``(module, what it imports)``."""
    for name, targets in imports.items():
        wing = wing_of(name, WINGS)
        for target in targets:
            other = wing_of(target, WINGS)
            if wing and other != wing and other not in WINGS[wing]:
                yield name, target


def test_arrows_run_one_way():
    assert set(upwards(MODULES, IMPORTS)) == ALLOWED


def circles(imports):
    """Modules that can be reached from themselves."""
    reached = {name: set(targets) for name, targets in imports.items()}
    for middle in imports:
        for found in reached.values():
            if middle in found:
                found |= reached[middle]
    return sorted(name for name, found in reached.items() if name in found)


def test_no_circle():
    assert not circles(IMPORTS)


def test_every_folder_is_installed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {f"qblif.{name}".rstrip(".") for name, file in MODULES.items()
               if file.name == "__init__.py"}
    # Benchmarks stay in the checkout, whose commit they note; two folders hold files alone.
    assert set(settings["packages"]) == folders - {"qblif.benchmarks"} | {
        "qblif.docs", "qblif.networks"}


# The checks themselves must be able to fail.

def test_reads_every_kind_of_import():
    assert {"golden.integer", "hw.verilog", "sim.bench"} <= IMPORTS["sim.parts"]
    assert "boards.host.host" in IMPORTS["cli.load"]  # Within a function.
    assert "golden.training.parallel" in IMPORTS["golden.training.train"]  # `from . import ...`.
    assert "golden.spec" in IMPORTS["golden.integer"]  # A name of a package.
    assert "cli.main" in IMPORTS["__main__"]


@pytest.mark.parametrize("name, target", [
    ("hw.core.neuron", "sim.bench"), ("boards.fit", "sim.result"), ("golden.spec.axes", "golden"),
    ("boards.host.host", "hw.core.network"), ("sim.bench", "boards.fit"),
    ("hw.layout.plan", "hw.core.network"), ("golden.integer", "golden.training.train")])
def test_notices_an_arrow_up(name, target):
    assert (name, target) in upwards(MODULES, IMPORTS | {name: {target}})


def test_notices_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]
