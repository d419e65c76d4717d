"""One neuron as the RTL computed it, from what probes saw of it and of what reached it.

The golden twin is :mod:`qblif.golden.neuron_trace`.
"""

from dataclasses import dataclass

import numpy as np

from ..golden.neuron_trace import quantities
from ..hw.layout.addressing import address_space, addresses
from ..hw.layout.latency import LEAK_LATENCY, TAKEN_LATENCY, charge_latency, neuron_latency
from .bench_files import UNKNOWN

__all__ = ["RtlNeuron", "probes_of", "read_neuron", "read_weights", "stream_levels"]

WEIGHT_LATENCY = 2  # Of a weight memory, from the address to the word.


@dataclass(frozen=True)
class RtlNeuron:
    """What the RTL did in one frame.

    ``levels`` maps each source to the events of its AER stream as levels, ``(timesteps,
    neurons)``; ``weights`` each synapse to the tensor that its memory holds, as far as it was read,
    :data:`~qblif.sim.bench_files.UNKNOWN` elsewhere; ``steps`` has the
    :func:`~qblif.golden.neuron_trace.quantities` of each timestep, ``None`` where none was seen.
    """

    levels: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]
    steps: list[dict[str, int | None]]


def probes_of(layout, name, neuron):
    """Which of :func:`~qblif.sim.probes.network_probes` :func:`read_neuron` takes."""
    stage = _stage(layout, name)
    lane = _place(stage, neuron)[2]
    return [("trace", name), ("neuron", name, lane), ("leak", name, lane),
            *([("quantiser", name, lane)] if stage.fires else ()),
            *(("weights", name, k) for k in range(len(stage.engines))),
            *dict.fromkeys(("stream", s.source) for s in layout.spec.synapses_to(name))]


def read_neuron(layout, waves, name, neuron):
    """The :class:`RtlNeuron` in the waves of one frame, by the names of their probes."""
    stage = _stage(layout, name)
    weights = {}
    for k, engine in enumerate(stage.engines):
        weights |= read_weights(layout.spec, engine, waves["weights", name, k])
    sources = dict.fromkeys(synapse.source for synapse in layout.spec.synapses_to(name))
    return RtlNeuron({source: stream_levels(layout, source, waves["stream", source])
                      for source in sources}, weights, list(_steps(stage, waves, neuron)))


def stream_levels(layout, source, wave):
    """The events of an AER stream as levels, ``(timesteps, neurons)``."""
    node, timesteps = layout.spec.source(source), layout.spec.timesteps
    if node is layout.spec.input:
        port = "o" if layout.input.framed else "i"
        count = np.arange(layout.input.ends * (
            layout.input.steps if layout.input.framed else 1))
        apart = layout.input.steps // layout.input.interleaved
        timestep = (count % layout.input.interleaved if layout.input.interleaved > 1
                    else count // apart)
    else:
        port, (timestep, _) = "o", _stage(layout, source).passes.steps()
    _, changes = wave.when(f"{port}__valid", f"{port}__ready")
    address, level, end = (wave.fields[f"{port}__payload.{field}"][changes]
                           for field in ("address", "level", "end"))
    step = np.cumsum(end == 1)  # Of an event: how many have ended.
    neuron = np.full(address_space(node.shape), -1)
    neuron[addresses(node.shape)] = np.arange(node.size)
    event = (end == 0) & (step < len(timestep)) & (address >= 0) & (address < len(neuron))
    found = np.zeros((int(timestep.max()) + 1, node.size), np.int64)
    found[timestep[step[event]], neuron[address[event]]] = level[event]
    return np.broadcast_to(found, (timesteps, node.size)) if len(found) == 1 else found


def _stage(layout, name):
    return next(stage for stage in layout.stages if stage.name == name)


def _place(stage, neuron):
    """``(position, vector, lane)`` of a neuron."""
    return np.argwhere(stage.passes.neurons() == neuron)[0].tolist()


def read_weights(network, engine, wave):
    """The tensors of an engine's synapses by name, as its weight memory was read."""
    memory = np.full((engine.weights.depth, engine.weights.lanes), UNKNOWN)
    for port in range(engine.weights.ports):
        address = wave.fields[f"address_{port}"]
        known = ((address >= 0) & (address < len(memory))
                 & (wave.cycles + WEIGHT_LATENCY < wave.end))
        words = [wave.at(wave.cycles + WEIGHT_LATENCY, f"weights_{port}.{lane}")
                 for lane in range(memory.shape[1])]
        memory[address[known]] = np.stack(words, -1)[known]
    # Every weight by its number among all of the engine's, from 1 on.
    found, numbers, first = {}, {}, 1
    for synapse in engine.synapses:
        shape = network.weight_shape(synapse)
        numbers[synapse.name] = np.arange(first, first + np.prod(shape)).reshape(shape)
        first += numbers[synapse.name].size
    values = np.full(first, UNKNOWN)
    values[np.array(engine.weight_words(numbers))] = memory
    for name, number in numbers.items():
        found[name] = values[number]
    return found


def _steps(stage, waves, neuron):
    """The neuron's quantities, timestep by timestep."""
    position, vector, lane = _place(stage, neuron)
    name, spec = stage.name, stage.population.neuron
    pipeline, leak = waves["neuron", name, lane], waves["leak", name, lane]
    done, _ = waves["trace", name].when("trace_valid")
    timesteps, positions = stage.passes.steps()
    for t in range(stage.timesteps):
        step, = np.flatnonzero((timesteps == t) & (positions == position))
        row = step * stage.channel_vectors + vector
        if row >= len(done):
            yield dict.fromkeys(quantities(spec))
            continue
        entered = done[row] - neuron_latency(spec)
        charged = entered + charge_latency(spec)
        total, bias = (pipeline.at(entered, f"i.{field}") for field in ("sum", "bias"))
        found = {
            "before": 0 if pipeline.at(entered, "i.first") == 1
            else pipeline.at(entered, "i.state.v"),
            "leak": leak.at(entered + LEAK_LATENCY[spec.leak.kind], "o"),
            "sum": total, "bias": bias if stage.population.bias_width else 0,
            "current": pipeline.at(done[row], "o.state.current") if spec.synaptic
            else _added(total, bias if stage.population.bias_width else 0),
            "charge": pipeline.at(charged, "charged"), "gate": pipeline.at(charged + 1, "gated"),
            "membrane": pipeline.at(done[row], "o.state.v")}
        if stage.fires:
            tested = charged + 1 + TAKEN_LATENCY * (spec.reset.kind == "held")
            found |= {"reached": waves["quantiser", name, lane].at(tested, "level"),
                      "level": pipeline.at(done[row], "o.level")}
        yield {what: int(found[what]) if what in found else None for what in quantities(spec)}


def _added(*values):
    return UNKNOWN if UNKNOWN in values else sum(values)
