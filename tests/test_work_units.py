"""How processes share the tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

from work_units import order, unit

TESTS = """
import os
import pytest

@pytest.mark.parametrize("k", range(6))
def test(k): print("ran", __file__[-4], os.environ["PYTEST_XDIST_WORKER"])
"""


def test_a_file_is_a_unit():
    assert unit("tests/sim/test_bench.py::test_progress") == "tests/sim/test_bench.py"
    assert unit("tests/hw/core/test_leak.py::test_all[7]") == "tests/hw/core/test_leak.py"


def test_independent_cases_are_many_units():
    name = "tests/hw/test_random_graphs.py::test_random_graphs[{}]".format
    assert unit(name(0)) == unit(name(7)) != unit(name(8))
    assert len({unit(name(number)) for number in range(208)}) == 26


def test_long_files_begin_and_divisible_ones_end():
    files = ["tests/boards/flow/test_synth.py", "tests/sim/test_bench.py", "tests/cli/test_cli.py",
             "tests/boards/test_pll.py", "tests/golden/test_integer.py",
             "tests/hw/test_random_graphs.py"]
    assert sorted(reversed(files), key=order) == files


def test_each_process_runs_whole_files(tmp_path):
    for name in "abcd":
        (tmp_path / f"test_{name}.py").write_text(TESTS)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-rP", "-p", "work_units", "-p",
         "no:cacheprovider", "--import-mode=importlib", str(tmp_path)], cwd=tmp_path,
        capture_output=True, text=True, env=clean | {"PYTHONPATH": str(Path(__file__).parent)})
    assert "24 passed" in done.stdout, done.stdout + done.stderr
    ran = re.findall(r"^ran (\w) (gw\d)$", done.stdout, re.MULTILINE)
    assert len(ran) == 24 and len(set(ran)) == 4
    assert {process for _, process in ran} == {"gw0", "gw1"}
