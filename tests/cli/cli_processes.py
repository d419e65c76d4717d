"""`qblif` as a process of its own, and the one line with which it ends."""

import sys

BAUD = ["--baud", "1000000"]
QBLIF = [sys.executable, "-m", "qblif.cli.main"]
PATIENCE = 120  # Seconds, on a machine that does much else.


def sentence(done):
    """The one line with which a command ended."""
    assert done.returncode == 2
    line, = done.stderr.splitlines()
    assert line.startswith("qblif: ")
    return line.removeprefix("qblif: ")
