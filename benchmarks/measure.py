"""Run rows, each as a process of its own, and keep what came out as a record."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from ..golden.spec.artifact import write_atomically
from ..golden.spec.errors import QblifError
from .rows import NETWORK
from .tree import ROOT, describe_tree, describe_versions

__all__ = ["RECORDS", "load_records", "measure"]

RECORDS = Path(__file__).parent / "records"


def measure(row, folders, records=RECORDS, keep=None):
    """Run ``row`` and write ``records/ROW.json``; returns the record.  What its commands write is
    kept in ``keep/ROW`` where ``keep`` is a folder, for a report or a look at a placement.

    ``folders`` maps the names of data sets to their folders.  The record has no path of this
    machine: the command names the data set.  Raises :class:`QblifError` where a folder is missing
    and where the command fails.
    """
    missing = sorted(row.data - folders.keys())
    if missing:
        raise QblifError(f"{row.name} needs the folder of {missing[0]}: give "
                         f"--{missing[0].lower()} DIR")
    tree = describe_tree()
    with _folder(keep and keep / row.name) as out:
        places = folders | {NETWORK: Path(out) / "network.safetensors"}
        started = time.perf_counter()
        figures = {}
        for step in row.steps:
            figures |= _run(row.name, step, places, out)
        seconds = time.perf_counter() - started
    tree["dirty"] |= describe_tree() != tree  # Somebody went on working.
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = {"row": row.name, "command": row.described, **tree, "date": now,
              "versions": describe_versions(), "seconds": round(seconds, 1), "figures": figures}
    records.mkdir(exist_ok=True)
    write_atomically(records / f"{row.name}.json",
                     (json.dumps(record, indent=1) + "\n").encode())
    return record


@contextlib.contextmanager
def _folder(kept):
    """The folder ``kept``, or one that is removed afterwards."""
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield str(kept)
    else:
        with tempfile.TemporaryDirectory() as out:
            yield out


def _run(name, step, places, out):
    """The figures of one command."""
    words = [str(places.get(word, word)) for word in step.words]
    done = subprocess.run([sys.executable, "-m", "qblif", *words, "--out", out], cwd=ROOT)
    # Exit code 1 says that something differs: a record says how much.
    report = Path(out) / step.report
    if done.returncode not in (0, 1) or not report.is_file():
        raise QblifError(f"{name}: qblif {step.command} ended with exit code {done.returncode}")
    return step.pick(json.loads(report.read_text()))


def load_records(folder=RECORDS):
    """``{row: record}`` of all records in ``folder``."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
