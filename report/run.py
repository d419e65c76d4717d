"""The long parts of a report, which are run only where they are asked for, and its files."""

import json
from dataclasses import replace

from ..golden.spec.files import write_atomically

__all__ = ["add_placement", "add_simulation", "write_report"]


def add_simulation(results, trained, layout, frames, folder, progress=None):
    """The :class:`~qblif.report.results.Results` with ``frames`` on the generated Verilog.

    Raises :class:`~qblif.sim.simulators.SimulatorError` where Verilator is missing or fails.
    """
    from ..sim.experiment import run_experiment
    return replace(results, rtl=run_experiment(
        trained, layout, frames.levels, frames.labels, out_dir=folder / "rtl", progress=progress))


def add_placement(results, layout, device, folder, progress=None):
    """The same with the design placed and routed on ``device``.

    Raises :class:`~qblif.boards.flow.tools.SynthError` where a tool is missing, and where the
    design does not fit.
    """
    from ..boards.flow.synth import synthesise
    from ..hw.verilog import generate
    work = folder / "synth"
    work.mkdir(parents=True, exist_ok=True)
    generated = generate(layout)
    write_atomically(work / "network.v", generated.verilog.encode())
    placed = synthesise(work / "network.v", top=generated.manifest["top"], device=device,
                        out_dir=work, progress=progress)
    return replace(results, placed=placed.to_json(), origin="this report",
                   floorplan=json.loads((work / "floorplan.json").read_bytes()))


def write_report(folder, content):
    """``report.html`` and ``report.json``; the page is made of what the JSON holds, no more."""
    from .page import render
    text = json.dumps(content, indent=1, allow_nan=False)
    write_atomically(folder / "report.html", render(json.loads(text)).encode())
    write_atomically(folder / "report.json", (text + "\n").encode())
