"""What one point of a sweep gives: no more is trained, simulated or placed than its objectives
need."""

import hashlib
import json
import tempfile
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..api.network import load
from ..boards.devices import DEVICES
from ..boards.fit import Need, need, refusal
from ..boards.flow.tools import need as need_tools
from ..boards.planning import plan_for
from ..golden import integer
from ..golden.spec.errors import InvalidValue, QblifError
from ..golden.spec.files import locked
from ..golden.study.analysis import layers_of, take_census
from ..golden.study.capacity import reduced
from ..golden.study.energy import energies, synapse_costs
from ..golden.training.checkpoint import fingerprints
from ..golden.training.data.events import binning_of
from ..golden.training.data.readers import dataset_for
from ..golden.training.export import export
from ..golden.training.nets import build
from ..golden.training.quantise import quantise
from ..golden.training.train import train
from ..hw.layout.compile import compile
from ..hw.layout.cycles import count_cycles
from ..hw.logic.layout import LogicLayout
from .space import Space

__all__ = ["CYCLE_IMAGES", "Given", "Task", "data_for", "evaluate"]

CYCLE_IMAGES = 100  # Of which the cycle model counts the cycles, at most.
TRAINING = threading.Lock()  # torch's random state and settings are those of a process.
KEPT: dict[Any, "Given"] = {}  # The data set of the latest point.


@dataclass(frozen=True)
class Task:
    """What every worker is told: the space, where trainings are kept, and the digest of the
    weights of the space's network, ``None`` where it trains."""

    space: Space
    folder: str
    weights_digest: str | None = None


@dataclass(frozen=True)
class Given:
    """A data set, and the digest of all of its images and labels."""

    images: Any
    digest: str


def evaluate(task, point):
    """``{objective: figure}`` of a point.

    Raises :class:`ValueError`, or :class:`~qblif.boards.flow.tools.SynthError`, where the point
    cannot be built; any other :class:`~qblif.golden.spec.errors.QblifError` where the machine
    cannot measure it.
    """
    space, wanted = task.space, set(task.space.objectives)
    trained = _network(task, point)
    built = space.hardware | point
    if space.logic:
        layout = LogicLayout(trained, adders=built["row"], pixels=trained.spec.input.static)
    else:
        layout = compile(trained.spec, plan_for(trained, built["lanes"], built["burst"]))
    found = {}
    if space.place and wanted & {"luts", "block_rams"} or "fmax" in wanted:
        found |= _placed(layout, built["device"], task.folder)
    elif wanted & {"luts", "block_rams"}:
        found |= _estimated(layout, DEVICES[built["device"]])
    if space.on_images:
        images = data_for(trained, space.data).images
        if space.network is None:
            config = space.config(point)
            images = images.resized(config.resolution)
            if space.held_out:
                images = images.hold_out(images.validation_count(config.validation), config.seed)
        count = None if space.images == "all" else space.images
        levels = trained.levels(images.test_images[:count])
        found |= _measured(space, wanted, trained, layout, levels, images.test_labels[:count],
                           task.folder)
    return {name: found[name] for name in space.objectives}


def data_for(what, folder):
    """The :class:`Given` as a network or a configuration takes it, kept for the next point."""
    key = folder, binning_of(what)
    if key not in KEPT:
        KEPT.clear()
        images = dataset_for(what, folder)
        KEPT[key] = Given(images, "".join(fingerprints(images)))
    return KEPT[key]


def _network(task, point):
    space = task.space
    if space.network is not None:
        return _lowered(_loaded(space.network, task.weights_digest), point.get("n_max"))
    config = space.config(point)
    given = data_for(config, space.data)
    if space.on_images:
        return _trained(config, given, Path(task.folder))
    with TRAINING, torch.random.fork_rng():
        torch.manual_seed(config.seed)
        net = build(config, given.images.shape, given.images.classes, given.images.static)
        return export(quantise(net.eval(), config.w_width, config.v_width))


@lru_cache(maxsize=1)
def _loaded(name, digest):
    trained = load(name)
    if trained.weights_digest != digest:
        raise QblifError(f"{name}: has the weights {trained.weights_digest} here, not {digest}")
    return trained


def _lowered(trained, n_max):
    """The network with this N_max in every hidden population that fires above it."""
    if n_max is None:
        return trained
    most = max(p.emit_max for p in trained.spec.firing)
    if n_max > most:
        raise InvalidValue(f"N_max must be at most the network's {most}, not {n_max}")
    return reduced(trained, [min(n_max, p.emit_max) for p in trained.spec.firing])


def _trained(config, given, folder):
    """The network of one training, which is kept by all that decides it; other workers on it wait
    for it."""
    text = json.dumps([given.digest, config.to_dict()], sort_keys=True)
    path = folder / "networks" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    with TRAINING, locked(path.with_suffix(".lock")):
        if not path.is_file():
            train(config, given.images).save(path)
    return load(path)


def _estimated(layout, device):
    logic = isinstance(layout, LogicLayout)
    needed = Need(0, 0, layout.luts) if logic else need(layout, device)
    if refused := refusal(needed, device):
        raise InvalidValue(f"Does not fit {device.name}: {refused}")
    return {"luts": needed.lut, "block_rams": needed.bram}


def _placed(layout, device, folder):
    from ..boards.flow.synth import synthesise
    from ..hw.verilog import generate, generate_logic
    try:
        need_tools("pyosys", *DEVICES[device].family.packages)
    except QblifError as error:
        raise QblifError(str(error)) from error  # The machine's fault, not the point's.
    with tempfile.TemporaryDirectory(dir=folder) as work:
        generated = generate_logic(layout) if isinstance(layout, LogicLayout) else generate(layout)
        verilog = Path(work) / "network.v"
        verilog.write_text(generated.verilog)
        report = synthesise(verilog, top=generated.manifest["top"], device=device, out_dir=work)
    if report.fmax_mhz is None:
        raise InvalidValue("Has no register-to-register path, so no Fmax")
    return {"luts": report.lut, "block_rams": report.bram, "fmax": report.fmax_mhz}


def _measured(space, wanted, trained, layout, levels, labels, folder):
    """Accuracy, cycles and energy, as far as they are wanted."""
    found = {}
    if wanted & {"accuracy", "energy"}:
        census = take_census(trained, levels)
        paper, *_ = energies(synapse_costs(trained.spec, census), layers_of(trained, census))
        found |= {"accuracy": float((census.classes == labels).mean()),
                  "energy": 1e9 * paper.joules / census.frames}
    if space.simulator and wanted & {"accuracy", "cycles"}:
        found |= _simulated(space, trained, layout, levels, labels, folder)
    elif "cycles" in wanted:
        frames = levels[:CYCLE_IMAGES]
        trace = integer.run(trained, frames)
        cycles = count_cycles(layout, frames, {
            name: sent.numpy() for name, sent in trace.levels.items()})
        each = cycles.interval if len(frames) > 1 else cycles.latency
        found["cycles"] = float(np.mean(each))
    return found


def _simulated(space, trained, layout, levels, labels, folder):
    from ..sim.experiment import run_experiment
    with tempfile.TemporaryDirectory(dir=folder) as work:
        report = run_experiment(trained, layout, levels, labels, simulator=space.simulator,
                                out_dir=Path(work))
    if not report["ok"]:
        raise QblifError("The RTL differs from the integer model, which `qblif simulate` looks "
                         f"into: {' '.join(report['findings']) or 'the cycles differ'}")
    cycles = report["cycles"]
    return {"accuracy": report["accuracy"]["rtl"],
            "cycles": cycles["interval_mean"] or cycles["mean"]}
