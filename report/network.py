"""The part of a report that says what the network is, and how it is laid out."""

import math

from ..golden.spec.words import geometry, neuron

__all__ = ["describe_layout", "describe_network"]


def describe_network(trained):
    """Its graph: input, populations and synapses, in their order."""
    spec = trained.spec
    synapses = [_synapse(spec, synapse) for synapse in spec.synapses]
    return {
        "digest": spec.digest, "weights_digest": trained.weights_digest,
        "timesteps": spec.timesteps, "static": spec.input.static,
        "neurons": sum(p.size for p in spec.populations),
        "weights": sum(synapse["weights"] for synapse in synapses),
        "weight_kbit": sum(s["weights"] * s["w_width"] for s in synapses) / 1000,
        "populations": [
            {"name": spec.input.name, "shape": list(spec.input.shape), "neurons": spec.input.size,
             "n_max": spec.input.n_max, "theta": None, "v_width": None,
             "neuron": "static" if spec.input.static else "levels of its own in each timestep"},
            *(_population(population) for population in spec.populations)],
        "synapses": synapses}


def _population(population):
    quantiser = population.neuron.quantiser
    return {"name": population.name, "shape": list(population.shape), "neurons": population.size,
            "n_max": quantiser and population.emit_max, "theta": quantiser and quantiser.theta,
            "v_width": population.neuron.v_width, "neuron": neuron(population.neuron)}


def _synapse(spec, synapse):
    shape = spec.weight_shape(synapse)
    return {"name": synapse.name, "source": synapse.source, "target": synapse.target,
            "kind": synapse.kind, "geometry": geometry(synapse).removeprefix(", "),
            "weight_shape": list(shape), "weights": math.prod(shape), "w_width": synapse.w_width,
            "recurrent": spec.recurrent(synapse)}


def describe_layout(layout):
    """What the plan gave each stage."""
    return {
        "digest": layout.digest, "order": layout.plan.order,
        "stages": [{
            "name": stage.name, "lanes": list(stage.plan.lanes), "ports": stage.plan.ports,
            "fire_lanes": stage.fire_lanes, "burst": stage.plan.burst,
            "quantiser": stage.plan.quantiser if stage.fires else None,
            "memory": stage.plan.memory} for stage in layout.stages]}
