import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from no_skip import ALLOWED

TESTS = f"""
import pytest

def test_runs(): pass

def test_named(): pytest.skip({ALLOWED[0]!r})

@pytest.mark.skipif(True, reason="needs a moon")
def test_unnamed(): pass

@pytest.fixture
def icarus(): pytest.skip("Icarus is not installed: it is Debian's package iverilog")

def test_tool(icarus): pass

@pytest.mark.xfail(reason="known")
def test_known(): assert False
"""


def outcomes(folder, **environment):
    (folder / "test_some.py").write_text(TESTS)
    (folder / "test_module.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("QBLIF_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "--continue-on-collection-errors", "-p",
         "no_skip", "-p", "no:cacheprovider",
         f"--rootdir={folder}", folder], capture_output=True, text=True,
        env=clean | {"PYTHONPATH": str(Path(__file__).parent)} | environment)
    return done.returncode, done.stdout


def test_a_person_may_skip(tmp_path):
    code, shown = outcomes(tmp_path)
    assert code == 0 and "1 passed, 4 skipped, 1 xfailed" in shown


@pytest.mark.parametrize("without, failed", [("", 3), ("iverilog", 2), ("iverilog,moon", 1)])
def test_ci_may_not(tmp_path, without, failed):
    code, shown = outcomes(tmp_path, QBLIF_NO_SKIP="1", QBLIF_WITHOUT=without)
    refused = re.findall("skipped, which tests/no_skip.py does not allow: (.{8})", shown)
    assert code == 1 and len(set(refused)) == failed and "could no" in refused
    assert ("needs a " in refused) is ("moon" not in without)
