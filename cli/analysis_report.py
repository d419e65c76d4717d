"""What ``qblif analyse`` found, as the content of its report and as tables."""

from typing import Any, NamedTuple

from .common import console, table

__all__ = ["Found", "describe", "show"]

MEANING = {  # Of the first layer; the others are always bursts.
    "paper": "pixels are real numbers, multiplied; elsewhere a level of s costs s",
    "repeat": "pixels are bursts; a level of s costs s everywhere",
    "shift": "pixels are bursts; a level costs its digits everywhere"}
TITLES = {"paper": "the paper's, multiplied", "repeat": "bursts, repeat", "shift": "bursts, shift"}


class Found(NamedTuple):
    """What the integer model did: input levels ``(images, pixels)``, and what follows of them."""

    name: str
    levels: Any
    accuracy: float
    layers: list
    costs: list
    energies: list
    curves: list


def describe(trained, found, measured):
    """The content of ``analysis.json``: figures an image, but for histograms and ``rtl``, which are
    totals."""
    from ..golden.study.analysis import EFFECTIVE
    from ..golden.study.energy import FLOP, SIGN, SOP

    count = len(found.levels)
    return {
        "network_digest": trained.spec.digest, "weights_digest": trained.weights_digest,
        "dataset": found.name, "images": count, "timesteps": trained.spec.timesteps,
        "accuracy": found.accuracy, "effective_above": EFFECTIVE,
        "layers": [{
            "name": layer.name, "neurons": layer.neurons, "gamma": layer.gamma,
            "theta": layer.theta, "levels": layer.levels, "histogram": layer.histogram,
            "mean_level": layer.mean_level, "entropy_bits": layer.entropy,
            "bound_bits": layer.bound, "effective_levels": layer.effective_levels,
            "activity": layer.activity} for layer in found.layers],
        "synapses": [{
            "name": cost.name, "events": cost.events / count, "macs": cost.macs / count,
            "sops": {mode: sops / count for mode, sops in cost.sops.items()}}
            for cost in found.costs],
        "prices_joules": {"flop": FLOP, "sop": SOP, "sign": SIGN},
        "energy": [{
            "name": energy.name, "meaning": MEANING[energy.name], "flops": energy.flops / count,
            "sops": energy.sops / count, "signs": energy.signs / count,
            "joules": energy.joules / count} for energy in found.energies],
        "rtl": measured,
        "surrogates": [{
            "name": curve.name, "gamma": curve.gamma, "n_max": curve.n_max,
            "membrane": rounded(curve.membrane), "staircase": rounded(curve.staircase),
            "slopes": {name: rounded(slope) for name, slope in curve.slopes.items()}}
            for curve in found.curves],
    }


def rounded(values):
    return [round(value, 6) for value in values.tolist()]


def show(found, measured):
    count = len(found.levels)
    console.print(table(
        f"{count} images of {found.name}, {found.accuracy:.2%} right",
        [(layer.name, layer.neurons, "unknown" if layer.gamma is None else f"{layer.gamma:.3g}",
          f"{layer.mean_level:.3f}", f"{layer.entropy:.3f} of {layer.bound:.3f}",
          f"{layer.effective_levels} of {len(layer.levels)}", f"{layer.activity:.2%}")
         for layer in found.layers],
        ("layer", "neurons", "gamma", "mean level", "bits", "effective levels", "fire")))
    console.print(table(
        "An image at the prices of the paper's Table 6",
        [(TITLES[e.name], *(f"{n / count:,.1f}" for n in (e.flops, e.sops, e.signs)),
          f"{e.joules / count * 1e9:,.2f} nJ") for e in found.energies],
        ("first layer", "FLOPs", "SOPs", "signs", "energy")))
    if measured:
        console.print(table(
            f"Counted by the hardware in {measured['images']} images on {measured['simulator']}",
            [(f"{row['name']}, {row['burst']}", row["lanes"], f"{row['events']:,}",
              "" if row["operations"] is None else f"{row['operations']:,}",
              f"{row['expected']['operations']:,}",
              f"{row['expected']['operations'] / row['lane_slots']:.1%}" if row["lane_slots"]
              else "", "yes" if row["equal"] else "[red]no[/red]") for row in measured["synapses"]],
            ("synapses, burst mode", "lanes", "events", "operations", "from the levels",
             "lane-slots used", "equal")))
