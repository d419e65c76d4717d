"""How many lanes each stage gets on a device: all about equally busy, within what there is.

Every stage has a list of options, each with its mean cycles a frame and its share of the device.
For a given number of cycles each stage takes its cheapest option that is fast enough; the fewest
cycles for which all fit together are the fastest plan.  No stage is faster than it need be.
"""

import itertools
from dataclasses import dataclass, replace

from ..hw.geometry import MEMORIES
from ..hw.order import beats
from ..hw.plan import Plan, StagePlan, Work, quantiser_kind, reaches_of
from .fit import fixed_need, refusal, stage_cycles, stage_need

__all__ = ["Allocator", "largest_first_layer"]

MOST_LANES = 128
MOST_FIRE_LANES = 16
SLOWER = 1.2  # Between one plan that is tried and the next.
# What is cheap, where one kind of resource or another is scarce: block RAM, LUTs, single-port RAM.
WEIGHTS = tuple(itertools.product((1, 8), repeat=3))


@dataclass(frozen=True)
class Option:
    """One way to build a stage: its plan, mean cycles a frame, and what it needs."""

    plan: StagePlan
    cycles: float
    need: object

    def cost(self, device, weights):
        return sum(weight * getattr(self.need, kind) / max(1, getattr(device, kind))
                   for weight, kind in zip(weights, ("bram", "lut", "spram"), strict=True))


class Allocator:
    """Plans of one network for one device.

    Parameters
    ----------
    spec : :class:`qblif.golden.spec.Network`
    device : :class:`qblif.boards.devices.Device`
    activity : dict or None
        What training measured, see :class:`qblif.hw.plan.Work`.
    link, levels : bool
        Whether the host link comes with it, and the recorder of every level.
    burst : ``"shift"`` or ``"repeat"``
    """

    def __init__(self, spec, device, activity=None, *, link=False, levels=False, burst="shift"):
        self.spec, self.device = spec, device
        self.fixed = fixed_need(spec, device, link)
        work = {s.name: Work(spec, s, activity, burst) for s in spec.synapses}
        self.options = [self._options(population, work, levels, burst)
                        for population in spec.populations]

    def _options(self, population, work, levels, burst):
        works = [work[s.name] for s in self.spec.synapses_to(population.name)]
        counts = sorted({-(-population.channels // g) for g in range(1, population.channels + 1)})
        counts = [n for n in counts if n <= MOST_LANES]
        targets = sorted({w.cycles(n) for w in works for n in counts})
        chosen = {tuple(w.fewest(target, MOST_LANES) for w in works) for target in targets}
        fires = [1] if population.neuron.quantiser is None else [
            1 << k for k in range(MOST_FIRE_LANES.bit_length())]
        kind = quantiser_kind(population, None)
        found = []
        for lanes in sorted(chosen):
            for fire_lanes in fires:
                if fire_lanes > max(lanes) or fire_lanes > 1 and beats(
                        population.shape, fire_lanes // 2) == 1:
                    break
                whole = tuple(-(-n // fire_lanes) * fire_lanes for n in lanes)
                for banks, memory in itertools.product((2, 1), MEMORIES):
                    plan = StagePlan(lanes=whole, fire_lanes=fire_lanes, burst=burst,
                                     quantiser=kind, banks=banks, memory=memory)
                    reaches = reaches_of(self.spec, population, plan)
                    if memory == "spram" and not self.device.spram or banks == 1 and all(
                            reach.sums != "map" for reach in reaches):
                        continue  # There is no such choice.
                    found.append(Option(
                        plan, stage_cycles(self.spec, population, plan, works),
                        stage_need(self.spec, population, plan, self.device, levels)))
        return found

    def need(self, options):
        """What a plan's options need together, with all that is not a stage's."""
        return sum((option.need for option in options), self.fixed)

    def cheapest(self, cycles, weights=WEIGHTS[0], lanes=MOST_LANES):
        """The cheapest option of each stage that takes no more than ``cycles``; those of stages
        that cannot are ``None``."""
        def price(option):
            alone = refusal(option.need, self.device)  # It cannot fit whatever the others do.
            return bool(alone), option.cost(self.device, weights), option.cycles

        return [min((o for o in options if o.cycles <= cycles and max(o.plan.lanes) <= lanes),
                    key=price, default=None) for options in self.options]

    def fits(self, cycles):
        """The cheapest options if they exist and fit together, else ``None``."""
        for weights in WEIGHTS:
            found = self.cheapest(cycles, weights)
            if None not in found and not refusal(self.need(found), self.device):
                return found
        return None

    def plans(self):
        """``Plan`` after ``Plan``, the fastest that fits first, each then slower by a fifth."""
        targets = sorted({o.cycles for options in self.options for o in options})
        low, high = 0, len(targets)  # Whatever fits still fits with more time.
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.fits(targets[middle]) else (middle + 1, high)
        cycles = 0.0
        for target in targets[low:]:
            found = self.fits(target) if target >= SLOWER * cycles else None
            if found and max(option.cycles for option in found) > cycles:
                cycles = target
                yield plan_of(found)

    def with_lanes(self, lanes):
        """``(plan, why it cannot fit or "")`` with so many lanes for the busiest stage."""
        cycles = max(min(o.cycles for o in options if max(o.plan.lanes) <= lanes)
                     for options in self.options)
        for weights in WEIGHTS:
            found = self.cheapest(cycles, weights, lanes)
            why = refusal(self.need(found), self.device)
            if not why:
                break
        return plan_of(found), why

    def smallest(self):
        """``(plan, why even it cannot fit or "")``, however slow."""
        found = self.fits(float("inf")) or self.cheapest(float("inf"), (8, 1, 1))
        return plan_of(found), refusal(self.need(found), self.device)


def plan_of(options):
    return Plan(stages=tuple(option.plan for option in options))


def largest_first_layer(spec, device, **what):
    """How many neurons the first layer may have, about; 0 where no dense layer follows a flat one.

    ``what`` is passed on to :class:`Allocator`.
    """
    first, *rest = spec.populations
    if not rest or any(synapse.kind != "dense" for synapse in spec.synapses):
        return 0
    low, high = 0, first.size
    while high - low > 1:
        middle = (low + high) // 2
        smaller = replace(spec, populations=(replace(first, shape=(middle,)), *rest))
        fits = not Allocator(smaller, device, **what).smallest()[1]
        low, high = (middle, high) if fits else (low, middle)
    return low
