import subprocess
import sys

import pytest


@pytest.mark.parametrize("module, unwanted", [
    ("golden.spec", {"torch", "amaranth", "numpy"}),
    ("golden.burst", {"torch", "amaranth", "numpy"}),
    ("golden.artifact", {"torch", "amaranth"}),
    ("hw.load", {"torch", "amaranth"}),
    ("hw.plan", {"torch", "amaranth"}),
    ("hw.cycles", {"torch", "amaranth"}),
    ("hw.timing", {"torch", "amaranth"}),
    ("hw.protocol", {"torch", "amaranth", "numpy"}),
    ("boards.host", {"torch", "amaranth"}),
    ("boards.line", {"torch", "amaranth", "numpy"}),
    ("hw.core", {"torch"}),
    ("hw.network", {"torch"}),
    ("hw.verilog", {"torch"}),
    ("golden.train", {"amaranth"}),
    ("cli.main", {"torch", "amaranth"}),
    ("boards.families", {"torch", "amaranth", "numpy"}),
    ("boards.devices", {"torch", "amaranth", "numpy"}),
    ("boards.flow.implement", {"torch", "amaranth", "numpy"}),
    ("boards.flow.synth", {"torch", "amaranth"}),
    ("boards.flow.board_files", {"torch"}),
])
def test_import_is_lean(module, unwanted):
    code = (f"import sys, qblif.{module}; found = {unwanted!r} & set(sys.modules); "
            f"sys.exit(', '.join(found) or 0)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
