"""From a network and a plan to its layout on hardware: geometry, memories and latencies, once.

Generator, loader, cycle model, resource estimate, test bench, host and manifest read the layout;
none of them derives anything again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...golden.spec import Conv2d, Dense, Network, Population, as_map
from ...golden.spec.errors import InvalidValue
from .build_engines import build_engines, line_rows
from .engine import Engine
from .input_stream import InputFormat
from .latency import stage_timing
from .passes import Passes
from .plan import Plan, StagePlan
from .stage import StageLayout

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Layout", "StageLayout", "compile", "compile_stage"]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A network laid out on hardware: one :class:`StageLayout` a population, in its order."""

    spec: Network
    plan: Plan
    stages: tuple[StageLayout, ...]

    @property
    def engines(self) -> list[Engine]:
        """Every engine, stage by stage."""
        return [engine for stage in self.stages for engine in stage.engines]

    @cached_property
    def input(self) -> InputFormat:
        """How the network takes its input."""
        return InputFormat.of(self.spec, self.plan.order)

    @property
    def keeps(self) -> bool:
        """Whether a frame can start with what the one before left: every membrane is remembered,
        and no synapse is recurrent."""
        return (not self.spec.input.static and not any(map(self.spec.recurrent, self.spec.synapses))
                and all(stage.passes.state_rows == stage.passes.all_vectors
                        for stage in self.stages))

    @property
    def synapses(self) -> list[tuple[StageLayout, Engine, Dense | Conv2d]]:
        """Every synapse with its stage and its engine, stage by stage."""
        return [(stage, engine, synapse) for stage in self.stages for engine in stage.engines
                for synapse in engine.synapses]

    @property
    def load_words(self) -> int:
        """Words of a complete load."""
        return sum(stage.load_words for stage in self.stages)

    def describe(self) -> list[dict[str, Any]]:
        """The manifest's ``stages``: plain dictionaries, lists, strings and integers."""
        return [stage.describe() for stage in self.stages]

    def check(self, spec: Network) -> None:
        """Raise :class:`ValueError` where this is not a layout of the network ``spec``."""
        if spec != self.spec:
            raise InvalidValue(f"Layout is of network {self.spec.digest}, but the weights are of "
                               f"{spec.digest}")

    @cached_property
    def digest(self) -> str:
        """64-bit hexadecimal fingerprint of network and layout (not of the weights)."""
        text = json.dumps([self.spec.digest, self.plan.order, self.describe()], sort_keys=True,
                          separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def compile(spec: Network, plan: Plan) -> Layout:
    """The layout of ``spec``, a :class:`qblif.golden.spec.Network`, under ``plan``.

    Raises :class:`ValueError` where the plan is for another network or has several fire lanes in
    the last stage, and for a last population that is a map.
    """
    if len(plan.stages) != len(spec.populations):
        raise InvalidValue(f"Plan must have {len(spec.populations)} stages, not {len(plan.stages)}")
    last = spec.populations[-1]
    if as_map(last.shape)[1:] != (1, 1):
        raise InvalidValue(f"Population {last.name} must be flat, as it gives the classes, "
                           f"not {last.shape}")
    if plan.stages[-1].fire_lanes > 1:
        raise InvalidValue(f"Fire lanes of {last.name} must be 1, as it gives the classes, not "
                           f"{plan.stages[-1].fire_lanes}")
    rows = line_rows(spec, {population.name: stage.slack for population, stage in zip(
        spec.populations, plan.stages, strict=True)})
    return Layout(spec=spec, plan=plan, stages=tuple(
        compile_stage(spec, population, stage, plan.order, rows)
        for population, stage in zip(spec.populations, plan.stages, strict=True)))


def compile_stage(spec: Network, population: Population, plan: StagePlan, order: str = "inner",
                  rows: Mapping[str, int] | None = None) -> StageLayout:
    """The :class:`StageLayout` of one population of ``spec`` by its
    :class:`~qblif.hw.layout.plan.StagePlan`.

    ``rows`` are those of the line buffers, see
    :func:`qblif.hw.layout.build_engines.line_rows`; without it they are worked out.
    Raises :class:`ValueError` for a population with thresholds for each channel.
    """
    if population.thetas:
        raise InvalidValue(f"Population {population.name} has a threshold for each channel, which "
                           "only a network as logic can have (--logic), not an engine")
    engines = build_engines(spec, population, plan, order, rows)
    passes = Passes(shape=population.shape, fire_lanes=plan.fire_lanes, order=order,
                    width=engines[0].width, timesteps=spec.timesteps)
    return StageLayout(
        index=spec.populations.index(population), timesteps=spec.timesteps, population=population,
        plan=plan, engines=engines, timing=stage_timing(population, plan, passes, engines),
        emits=spec.emits(population.name), classifies=population is spec.populations[-1])
