"""One neuron in one frame, timestep by timestep: integer model and RTL side by side."""

import numpy as np

from ..golden import integer
from ..golden.neuron_trace import QUANTITIES, events_to, neuron_trace
from ..golden.spec import as_map
from .bench_files import UNKNOWN
from .record import record
from .rtl_neuron import probes_of, read_neuron

__all__ = ["trace_neuron"]


def trace_neuron(trained, layout, levels, name, neuron, *, frame=0, simulator=None, out_dir=None,
                 generated=None, cache=None):
    """Trace ``neuron`` of the population ``name`` through ``levels``, one frame as the integer
    model takes it; ``frame`` is its number for what is said.  Returns the content of
    ``trace.json``.

    ``simulator`` is one of :data:`qblif.sim.record.ANY_SIMULATOR`, or ``None`` to leave the RTL
    out; the other parameters are those of :func:`qblif.sim.record.record`.  Of the RTL,
    ``"undefined"`` stands for a value with undefined bits, and ``None`` for what was not seen.
    """
    spec, rtl, recorded = trained.spec, None, None
    golden = integer.run(trained, levels[None])
    given = np.broadcast_to(levels, (spec.timesteps, spec.input.size))
    sources = {spec.input.name: given} | {
        p: found[:, 0].numpy() for p, found in golden.levels.items()}
    steps = neuron_trace(trained, sources, name, neuron)
    if simulator is not None:
        recorded = record(trained, layout, levels[None], probes_of(layout, name, neuron),
                          simulator=simulator, out_dir=out_dir, generated=generated, cache=cache)
        rtl = read_neuron(layout, recorded.waves, name, neuron)
    timesteps = [{
        "timestep": t, "golden": step,
        "rtl": rtl and {what: _plain(value) for what, value in rtl.steps[t].items()},
        "events": [event for synapse in spec.synapses_to(name)
                   for event in _events(trained, synapse, neuron, sources, rtl, t)]}
        for t, step in enumerate(steps)]
    population = spec.source(name)
    differences = list(dict.fromkeys(_differences(population, neuron, frame, timesteps)))
    return {
        "population": name, "neuron": neuron, "position": position(population, neuron),
        "frame": frame, "simulator": simulator, "network_digest": spec.digest,
        "weights_digest": trained.weights_digest, "equal": not differences if rtl else None,
        "differences": differences, "findings": list(recorded.findings) if recorded else [],
        "mismatches": recorded and recorded.mismatches, "timesteps": timesteps}


def position(node, neuron):
    """``[channel, row, column]`` of a neuron of a map, else ``None``."""
    if len(node.shape) != 3:
        return None
    return [int(k) for k in np.unravel_index(neuron, as_map(node.shape))]


def _plain(value):
    return "undefined" if value == UNKNOWN else value


def _events(trained, synapse, neuron, sources, rtl, timestep):
    """The events of one synapse that either side has, by the number of the source neuron."""
    spec = trained.spec
    source, shape = spec.source(synapse.source), spec.weight_shape(synapse)
    sides = {"golden": (sources[synapse.source], trained.weights[synapse.name])}
    if rtl is not None:
        sides["rtl"] = rtl.levels[synapse.source], rtl.weights[synapse.name]
    events = {}
    for side, (levels, _) in sides.items():
        for sender, place, level in zip(*events_to(spec, synapse, neuron, levels, timestep),
                                        strict=True):
            events.setdefault((int(sender), int(place)), {})[side] = int(level)
    for (sender, place), found in sorted(events.items()):
        yield {"synapse": synapse.name, "source": sender, "position": position(source, sender),
               "weight": [int(k) for k in np.unravel_index(place, shape)]} | {
            side: _product(found.get(side, 0), int(np.asarray(weights).reshape(-1)[place]))
            for side, (_, weights) in sides.items()}


def _product(level, weight):
    """What an event adds; the weight of none, if it was not seen, is ``None``."""
    if UNKNOWN in (level, weight):
        return {"level": _plain(level), "weight": _plain(weight) if level else None,
                "product": "undefined" if level else 0}
    return {"level": level, "weight": weight, "product": level * weight}


def _differences(population, neuron, frame, timesteps):
    """Where the two sides differ, a sentence each, what comes first in the computation first."""
    def where(name, number, t):
        return f"{name} neuron {number}, timestep {t}, frame {frame}: "

    for step in timesteps:
        t, golden, rtl = step["timestep"], step["golden"], step["rtl"]
        if rtl is None:
            return
        if set(rtl.values()) == {None}:
            yield where(population.name, neuron, t) + "the RTL did not compute it"
            continue
        for event in step["events"]:
            yield from _event_differences(event, where, t)
        products = [event["rtl"]["product"] for event in step["events"]]
        if "undefined" not in products and sum(products) != rtl["sum"]:
            yield where(population.name, neuron, t) + (
                f"RTL sum {rtl['sum']}, but its events add up to {sum(products)}")
        for what, expected in golden.items():
            if rtl[what] in (None, expected):
                continue
            if what == "bias":
                channel = neuron // (population.size // population.channels)
                yield (f"bias {channel} of {population.name} differs: RTL {rtl[what]}, "
                       f"network file {expected}")
            else:
                yield (where(population.name, neuron, t)
                       + f"RTL {QUANTITIES[what]} {rtl[what]}, golden {expected}")


def _event_differences(event, where, t):
    golden, rtl = event["golden"], event["rtl"]
    source, _ = event["synapse"].split("->")
    if rtl["level"] != golden["level"]:
        yield (where(source, event["source"], t)
               + f"RTL level {rtl['level']}, golden {golden['level']}")
    if rtl["weight"] not in (None, golden["weight"]):
        yield (f"weight {', '.join(map(str, event['weight']))} of synapse {event['synapse']} "
               f"differs: RTL {rtl['weight']}, network file {golden['weight']}")
