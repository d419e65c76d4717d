"""The probes of a network: its AER streams, traces, neuron pipelines and weight memories."""

from amaranth.hdl import signed
from amaranth.lib import data

from ..hw.core.leak import leaked_shape
from ..hw.core.neuron import NeuronIn, NeuronOut
from ..hw.core.payloads import Event, TraceVector, index_shape
from ..hw.core.readout import ClassResult
from ..hw.layout.addressing import address_space
from ..hw.layout.stream_engine import StreamEngine
from .probe import Probe

__all__ = ["network_probes"]


def network_probes(layout):
    """Every :class:`~qblif.sim.probe.Probe` of a :class:`~qblif.hw.layout.compile.Layout` by what
    it records:

    ``("stream", NAME)``
        The AER stream of the input or a population that emits.
    ``("class", NAME)``
        The classes that leave the last population.
    ``("trace", NAME)``
        Levels and membranes of a population.
    ``("neuron", NAME, K)``, ``("leak", NAME, K)``, ``("quantiser", NAME, K)``
        Of fire lane K of a population.
    ``("weights", NAME, K)``
        Addresses and words at the read ports of its engine K's weight memory.
    """
    source = layout.spec.input
    found: dict[tuple, Probe] = {("stream", source.name): _stream(
        ("framer",) if layout.input.framed else (), "o" if layout.input.framed else "i",
        Event(address_space(source.shape), source.n_max))}
    for stage in layout.stages:
        population, name = stage.population, stage.name
        if stage.emits:
            found["stream", name] = _stream((name,), "o", Event(address_space(population.shape),
                                                                population.emit_max))
        if stage.classifies:
            found["class", name] = _stream((name,), "result", ClassResult(population.size))
        found["trace", name] = Probe((name,), {
            "trace_valid": 1, "trace": TraceVector(population, stage.fire_lanes)})
        for lane in range(stage.fire_lanes):
            found |= _neuron(stage, lane)
        for k, engine in enumerate(stage.engines):
            found["weights", name, k] = _weights(name, engine)
    return found


def _stream(path, port, payload):
    return Probe(path, {f"{port}__valid": 1, f"{port}__ready": 1, f"{port}__payload": payload})


def _neuron(stage, lane):
    """Probes of one fire lane."""
    population, spec = stage.population, stage.population.neuron
    path, membrane = (stage.name, "population", f"neuron_{lane}"), signed(spec.v_width)
    found = {
        ("neuron", stage.name, lane): Probe(path, {
            "i": NeuronIn(population), "o": NeuronOut(population), "charged": membrane,
            "gated": membrane}),
        ("leak", stage.name, lane): Probe((*path, "leak"), {
            "o": leaked_shape(spec.leak, spec.v_width)})}
    if stage.fires:
        found["quantiser", stage.name, lane] = Probe((*path, "quantiser"), {
            "level": range(spec.quantiser.n_max + 1)})
    return found


def _weights(name, engine):
    inner = "weighted" if isinstance(engine, StreamEngine) else "synapse"
    path = name, "engine_" + "_".join(source.name for source in engine.sources), inner, "memory"
    geometry = engine.weights
    ports = range(geometry.ports)
    return Probe(path, {f"address_{port}": index_shape(geometry.depth) for port in ports} | {
        f"weights_{port}": data.ArrayLayout(signed(geometry.w_width), geometry.lanes)
        for port in ports})
