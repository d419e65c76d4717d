"""Labelled frames on the generated Verilog, compared with the integer model: one report.

It says what ``qblif simulate`` writes: accuracies, mismatches, cycles beside the cycle model's, and
how busy each synapse was.
"""

import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..hw.layout import cycles as cycle_model
from ..hw.logic.layout import LogicLayout
from ..hw.verilog import generate
from .parts import cut, simulate_part, simulate_parts, until_wrong
from .result import Stalls
from .simulators import require

__all__ = ["run_experiment"]

STALL = 64  # Of 256 cycles, those in which either side waits when the streams are disturbed.


class _Part(NamedTuple):
    """Some frames: their golden classes, what the simulation found, and the model's cycles."""

    classes: np.ndarray
    result: Any
    model: Any


def run_experiment(trained, layout, levels, labels, *, simulator="verilator", out_dir,
                   stall_seed=None, generated=None, progress=None,
                   workers=None) -> dict[str, Any]:
    """Simulate and compare ``levels``, frames as the integer model takes them (a network as logic
    that encodes pixels: pixels); ``labels`` are their true classes.  Returns the content of
    ``simulate.json``.

    With a ``stall_seed`` the streams are disturbed, and the cycle model is not compared.
    ``generated`` is Verilog in place of that of the layout.
    ``progress`` is called with the number of frames that are done.  ``workers``, a
    :class:`qblif.sweep.workers.Workers`, take the parts in place of this machine's cores, with the
    same result; ``out_dir`` is then the same folder for all of them.  The run ends after the first
    part in which anything differs.  Raises :class:`~qblif.sim.simulators.SimulatorError` where
    the simulator is missing or fails.
    """
    require(simulator)
    start = time.perf_counter()
    stalls = None if stall_seed is None else Stalls(idle=STALL, stall=STALL, seed=stall_seed)
    options = {"simulator": simulator, "out_dir": Path(out_dir), "stalls": stalls}
    generated = generated or generate(layout)
    run = _parts if workers is None else partial(_parts_elsewhere, workers)
    parts = list(run(trained, layout, generated, levels, options, progress or (lambda done: None)))
    report = _report(trained, layout, simulator, labels, parts)
    return report | {"seconds": round(time.perf_counter() - start, 2)}


def _parts(trained, layout, generated, levels, options, progress):
    for part in simulate_parts(trained, layout, levels, generated=generated, progress=progress,
                               **options):
        yield _checked(layout, part, options["stalls"])


def _parts_elsewhere(workers, trained, layout, generated, levels, options, progress):
    parts, done = cut(trained.spec, levels), 0
    shared = workers.share((trained, layout, generated))
    for part in until_wrong(
            [workers.submit(_elsewhere, shared, part, k, len(parts), options)
             for k, part in enumerate(parts)], lambda part: part.result.ok):
        progress(done := done + len(part.result.results))
        yield part


def _elsewhere(shared, levels, k, count, options):
    """A part on a worker: of its trace no more than the report needs comes back."""
    trained, layout, generated = shared
    part = simulate_part(trained, layout, levels, k, count, generated=generated, **options)
    return _checked(layout, part, options["stalls"])


def _checked(layout, part, stalls):
    return _Part(part.expected.classes.numpy(), part.result,
                 None if stalls else _model(layout, part))


def _model(layout, part):
    if isinstance(layout, LogicLayout):
        return layout.count_cycles(len(part.levels))
    return cycle_model.count_cycles(layout, part.levels, {
        name: found.numpy() for name, found in part.expected.levels.items()})


def _report(trained, layout, simulator, labels, parts):
    results = [part.result for part in parts]
    latency, interval = (np.concatenate(found) for found in (
        [result.latency for result in results], [result.interval for result in results]))
    done = len(latency)
    equal = None if parts[0].model is None else done == len(labels) and all(
        np.array_equal(part.result.latency, part.model.latency)
        and np.array_equal(part.result.interval, part.model.interval) for part in parts)
    mean_interval = float(interval.mean()) if len(interval) else None
    per_frame = mean_interval or (float(latency.mean()) if done else None)
    return {
        "ok": all(result.ok for result in results) and equal is not False,
        "simulator": simulator, "images": done,
        "network_digest": trained.spec.digest, "weights_digest": trained.weights_digest,
        **_accuracies(trained, labels, parts),
        "mismatches": {
            "levels": sum(sum(result.level_mismatches.values()) for result in results),
            "membranes": sum(sum(result.membrane_mismatches.values()) for result in results),
            "classes": sum(result.class_mismatches for result in results),
            "scores": sum(result.score_mismatches for result in results)},
        "levels_compared": sum(result.levels_compared for result in results),
        "membranes_compared": sum(result.membranes_compared for result in results),
        "findings": [text for result in results for text in result.findings],
        "first_mismatches": [text for result in results for text in result.first],
        "first_neuron": _first_neuron(parts),
        "cycles": {"mean": float(latency.mean()) if done else None,
                   "interval_mean": mean_interval, "model_equal": equal},
        **({"latency": layout.latency, "pixels": layout.pixels, "stages": layout.describe()}
           if isinstance(layout, LogicLayout) else
           {"synapses": list(_synapses(layout, results, done, per_frame))}),
        "build": {"seconds": round(sum(result.build_seconds for result in results), 2),
                  "cached": all(result.build_cached for result in results)},
        "run_seconds": round(sum(result.run_seconds for result in results), 2),
    }


def _first_neuron(parts):
    """Of the last part, the only one in which anything can differ: which neuron differs first."""
    where = parts[-1].result.where
    if where is None:
        return None
    before = sum(len(part.classes) for part in parts[:-1])
    return {"population": where[0], "neuron": where[1], "frame": before + where[2]}


def _accuracies(trained, labels, parts):
    """Shares of right classes, and of how many images each is: the float one is the training's, as
    the file notes it."""
    golden, rtl = (np.concatenate(found) for found in (
        [part.classes for part in parts], [part.result.classes for part in parts]))
    return {
        "accuracy": {
            "float": trained.notes.get("accuracy_float"),
            "integer": float(np.mean(golden == labels[:len(golden)])),
            "rtl": float(np.mean(rtl == labels[:len(rtl)])) if len(rtl) else None},
        "accuracy_images": {"float": trained.notes.get("test_images"), "integer": len(golden),
                            "rtl": len(rtl)}}


def _synapses(layout, results, frames, cycles):
    """Activity of each synapse a frame, by the hardware's own counters; its lanes are busy in a
    share of ``cycles``, the mean interval, or the latency of a frame alone.

    The first frame of a part has no interval, so where few frames are run, and this one is the most
    active, the share may be above 1.
    """
    counters = {name: sum(result.counters[name] for result in results) / max(1, frames)
                for name in results[0].counters}
    for stage, engine, synapse in layout.synapses:
        events, words = (counters[f"{what}_{synapse.source}_{stage.name}"]
                         for what in ("events", "words"))
        operations = engine.operations(synapse, words)
        rate = operations / cycles if cycles else None
        yield {"name": synapse.name, "lanes": engine.lanes, "fire_lanes": engine.plan.fire_lanes,
               "burst": engine.plan.burst, "events": events, "words": words,
               "synaptic_operations": operations, "sop_per_cycle": rate,
               "busy": rate and rate / engine.lanes}
