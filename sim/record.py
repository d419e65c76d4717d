"""Frames on the RTL with probes, on any of three simulators: the waves of what was watched."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..golden import integer
from ..golden.spec.errors import InvalidValue
from . import bench
from .probe import Wave
from .probes import network_probes
from .pysim import run_network
from .simulators import SIMULATORS, SimulatorError, require

__all__ = ["ANY_SIMULATOR", "Recorded", "choose_simulator", "record"]

ANY_SIMULATOR = (*SIMULATORS, "amaranth")


@dataclass(frozen=True)
class Recorded:
    """``waves`` by the names of their probes; how many levels, membranes and classes differ from
    the integer model; ``findings``, the causes that were identified."""

    waves: dict[tuple, Wave]
    mismatches: int
    findings: tuple[str, ...]


def choose_simulator(wanted=None):
    """``wanted``, or the first of :data:`ANY_SIMULATOR` that is there: the last one always is.

    Raises :class:`~qblif.sim.simulators.SimulatorError` where ``wanted`` is missing, and
    :class:`ValueError` for an unknown name.
    """
    if wanted is None:
        for simulator in SIMULATORS:
            try:
                require(simulator)
                return simulator
            except SimulatorError:
                continue
        return ANY_SIMULATOR[-1]
    if wanted not in ANY_SIMULATOR:
        raise InvalidValue(f"Simulator must be one of {', '.join(ANY_SIMULATOR)}, not {wanted!r}")
    if wanted in SIMULATORS:
        require(wanted)
    return wanted


def record(trained, layout, levels, watch, *, simulator, out_dir, generated=None, cache=None):
    """Run ``levels`` with the probes ``watch``, names of
    :func:`~qblif.sim.probes.network_probes`; returns a :class:`Recorded`.

    ``generated`` is Verilog in place of that of the layout.  Raises what
    :func:`qblif.sim.bench.simulate` raises, and :class:`ValueError` for ``generated`` on Amaranth's
    simulator, which does not read Verilog.
    """
    probes = network_probes(layout)
    if simulator == "amaranth":
        if generated is not None:
            raise InvalidValue("Simulator amaranth does not read Verilog: use one of "
                               + ", ".join(SIMULATORS))
        return _on_amaranth(trained, layout, np.asarray(levels), watch, probes)
    names = list(probes)
    folder = Path(out_dir)
    prepared = bench.prepare(
        trained, layout, levels, simulator=simulator, out_dir=folder, generated=generated,
        baked=generated is not None and generated.baked, probes=tuple(probes.values()),
        watch=[names.index(name) for name in watch])
    outcome = prepared.run(prepared.build(cache))
    result = prepared.check(outcome)
    waves = {names[k]: wave for k, wave in prepared.waves(outcome).items()}
    if result.ok:
        prepared.discard()
    return Recorded(waves, result.mismatches, result.findings)


def _on_amaranth(trained, layout, levels, watch, probes):
    starts_empty = any(stage.memory == "spram" for stage in layout.plan.stages)
    golden = integer.run(trained, levels)
    try:
        found = run_network(trained, layout, levels, baked=not starts_empty,
                            probes=[probes[name] for name in watch])
    except AssertionError as error:
        raise SimulatorError(f"Amaranth's simulator stopped: {error}") from error
    return Recorded(dict(zip(watch, found.waves, strict=True)),
                    sum(found.mismatches(golden).values()), ())
