"""The parts of a report that follow from the integer model's levels: accuracy, bursts, activity,
energy."""

from ..golden.study.energy import FLOP, SIGN, SOP, energies

__all__ = ["describe_activity", "describe_bursts", "describe_energy"]

ENERGY = {  # Of the first layer; the others are always bursts.
    "paper": "pixels are real numbers, multiplied; elsewhere a level of s costs s",
    "repeat": "pixels are bursts; a level of s costs s everywhere",
    "shift": "pixels are bursts; a level costs its digits everywhere"}


def describe_bursts(layers, images):
    """How often each level is sent, of the input and of each firing population."""
    return {"images": images, "layers": [{
        "name": layer.name, "levels": list(layer.levels), "counts": list(layer.histogram),
        "shares": layer.shares.tolist(), "fire": layer.activity, "mean_level": layer.mean_level,
        "entropy_bits": layer.entropy, "bound_bits": layer.bound} for layer in layers]}


def describe_activity(trained, costs, images):
    """What an image brings to each synapse, on the mean."""
    sources = {s.name: trained.spec.source(s.source).size for s in trained.spec.synapses}
    return {"images": images, "synapses": [{
        "name": cost.name, "events": cost.events / images, "sources": sources[cost.name],
        "operations": {mode: sops / images for mode, sops in cost.sops.items()},
        "macs": cost.macs / images} for cost in costs]}


def describe_energy(costs, layers, images):
    """The paper's Table 6, for three readings of the first layer and of a burst's cost."""
    return {
        "images": images, "prices_joules": {"flop": FLOP, "sop": SOP, "sign": SIGN},
        "readings": [{
            "name": energy.name, "meaning": ENERGY[energy.name], "flops": energy.flops / images,
            "sops": energy.sops / images, "signs": energy.signs / images,
            "joules": energy.joules / images} for energy in energies(costs, layers)]}
