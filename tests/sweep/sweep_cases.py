"""Spaces as files, and what a journal's own lines say of its points."""

import json
from collections import Counter
from dataclasses import replace

from qblif.sweep.read import read_space
from qblif.sweep.run import run_sweep
from qblif.sweep.workers import start_workers

COMPLETE = 1  # Optuna's state of a trial that has figures.


def write_space(folder, text, name="space.toml"):
    """The path of a TOML file with this text."""
    path = folder / name
    path.write_text(text)
    return path


def lanes_space(folder, network, lanes, objectives='["luts", "block_rams"]'):
    """The file of a space of these lanes on a network file, which needs no images."""
    return write_space(folder, f'network = "{network}"\nobjectives = {objectives}\n'
                       f"[parameters]\nlanes = {list(lanes)}\n")


def lines_of(folder):
    path = folder / "sweep.journal"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def history(folder):
    """``(finished, owners)``: how often each trial was finished, and the trials that each process
    took, both from the journal's own lines."""
    finished, owners = Counter(), {}
    for line in lines_of(folder):
        if line.get("state") == COMPLETE:
            finished[line["trial_id"]] += 1
        owner = line.get("user_attr", {}).get("owner")
        if owner:
            owners.setdefault(owner, []).append(line["trial_id"])
    return finished, owners


def run(space, folder, **changes):
    folder.mkdir(exist_ok=True)
    with start_workers() as crew:
        return run_sweep(replace(read_space(space), **changes), folder, crew)
