"""A pytest plugin: with QBLIF_NO_SKIP=1, as in CI, a test may be skipped for a named reason only.

QBLIF_WITHOUT names tools that the machine lacks, as a reason spells them: ``iverilog``.
"""

import os

import pytest

__all__ = ["ALLOWED"]

# What CI leaves out, and why.
ALLOWED = (
    "slow: asks for QBLIF_NETLIST_FILE=FILE",  # Half an hour; docs/results.md has it.
    # A browser of some hundred megabytes, for the look of one page.
    "needs playwright: pip install playwright",
    "needs Chromium: it is Debian's package chromium",
    "QBLIF_SEED names the seed of a case to replay",  # For a person who follows up a failure.
)


def refuse(report):
    """Make a skip that nobody named a failure."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    without = [tool for tool in os.environ.get("QBLIF_WITHOUT", "").split(",") if tool]
    if not reason.startswith(ALLOWED) and not any(tool in reason for tool in without):
        report.outcome = "failed"
        report.longrepr = f"skipped, which tests/no_skip.py does not allow: {reason}"


def _check(report):
    if os.environ.get("QBLIF_NO_SKIP") == "1" and report.skipped \
            and not hasattr(report, "wasxfail"):
        refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _check((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _check((yield))
