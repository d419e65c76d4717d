"""The engines of a stage: which kinds, and how they are laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...golden.spec import Network, Population, as_map
from ...golden.spec.errors import InvalidValue
from .dense import DenseMap
from .dense_engine import DenseEngine
from .engine import Engine
from .input_stream import InputFormat
from .plan import StagePlan, lanes_of
from .row_demand import rows_demanded
from .stream_engine import LineBufferLayout, StreamEngine
from .window import Window
from .work import streams

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["build_engines", "line_rows"]


def build_engines(spec: Network, population: Population, plan: StagePlan, order: str,
                  rows: Mapping[str, int] | None = None) -> tuple[Engine, ...]:
    """One streaming engine for all synapses of ``population``, or a dense engine for each.

    ``rows`` are those of the line buffers, see :func:`line_rows`; without it they are worked out.
    """
    if not streams(spec, population):
        return _dense_engines(spec, population, plan, order)
    if rows is None:
        rows = line_rows(spec, dict.fromkeys((p.name for p in spec.populations), plan.slack))
    return (_stream_engine(spec, population, plan, order, rows),)


def _is_static(spec, source, order):
    """Whether a source sends one timestep, for all."""
    return (source is spec.input and spec.input.static
            and InputFormat.of(spec, order).repeats == 1)


def _stream_engine(spec, population, plan, order, rows):
    synapses = spec.synapses_to(population.name)
    for synapse in filter(spec.in_loop, synapses):
        raise InvalidValue(f"Synapse {synapse.name} is part of a loop, in which {population.name} "
                           "must not be a map or have a convolution in groups")
    sources = tuple(spec.source(synapse.source) for synapse in synapses)
    (width,) = lanes_of(spec, population, plan)
    steps = spec.timesteps if order == "inner" else 1
    static = [_is_static(spec, source, order) for source in sources]
    buffers, base = [], 0
    for synapse, source, constant in zip(synapses, sources, static, strict=True):
        window = Window.of(spec, synapse, width)
        buffers.append(LineBufferLayout(
            synapse=synapse, source=source, window=window, rows=rows[synapse.name],
            regions=1 if constant else steps, ports=plan.ports, base=base,
            memory=plan.memory))
        base += window.depth
    once = all(static) and buffers[0].window.words == 1
    return StreamEngine(synapses=synapses, sources=sources, target=population, static=once,
                        steps=1 if once else steps, width=width, buffers=tuple(buffers), plan=plan)


def _dense_engines(spec, population, plan, order):
    synapses = spec.synapses_to(population.name)
    sources = [spec.source(synapse.source) for synapse in synapses]
    # A stage that reads a map sends nothing before it has had all timesteps of a position: what
    # reads its events, and others beside them, must not wait for an update pass in between.
    maps = any(as_map(node.shape)[1:] != (1, 1) for node in (spec.input, *spec.populations))
    paths = len(spec.forward_to(population.name)) > 1 and (
        maps or any(streams(spec, p) for p in spec.populations))
    whole = order == "inner" and (paths or any(
        as_map(source.shape)[1:] != (1, 1) and not _is_static(spec, source, order)
        for source in sources))
    engines = []
    for synapse, source, lanes in zip(synapses, sources, lanes_of(spec, population, plan),
                                      strict=True):
        static = _is_static(spec, source, order)
        # In a loop, the next timestep comes only after the update pass.
        sets = spec.timesteps if whole and not static and not spec.in_loop(synapse) else 1
        engines.append(DenseEngine(synapses=(synapse,), sources=(source,), target=population,
                                   static=static or sets > 1, sets=sets, plan=plan,
                                   recurrent=spec.recurrent(synapse),
                                   dense=DenseMap.of(spec, synapse, lanes)))
    return tuple(engines)


def line_rows(spec: Network, slack: dict[str, int]) -> dict[str, int]:
    """Rows of each line buffer by name of its synapse, with ``slack`` rows by population more than
    there must be; see :mod:`qblif.hw.layout.row_demand`."""
    windows = {synapse.name: Window.of(spec, synapse, 1) for population in spec.populations
               if streams(spec, population) for synapse in spec.synapses_to(population.name)}
    return rows_demanded(spec, windows, slack)
