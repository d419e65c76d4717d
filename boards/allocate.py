"""Choose the lanes of each stage for a device: stages about equally busy, within its resources.

Every stage has a list of options, each with its mean cycles a frame and its resources.  For a given
number of cycles, one option per stage is chosen among those that are fast enough, so that the
memories fit together and the LUTs are fewest; the fastest plan is the smallest number of cycles
with a solution.
"""

import itertools
import math
from dataclasses import dataclass, replace

from ..hw.layout.addressing import beats
from ..hw.layout.compile import compile_stage
from ..hw.layout.memories import MEMORIES
from ..hw.layout.plan import Plan, StagePlan, Work, quantiser_kind
from .fit import fixed_need, refusal, stage_cycles, stage_need

__all__ = ["Allocator", "largest_first_layer"]

MOST_LANES = 128
MOST_FIRE_LANES = 16
SLOWER = 1.2  # Each further plan is slower by this factor.


@dataclass(frozen=True)
class Option:
    """One way to build a stage: its plan, mean cycles a frame, and what it needs."""

    plan: StagePlan
    cycles: float
    need: object

    def memories(self):
        return self.need.bram + 64 * self.need.spram, self.need.lut  # Weighted by capacity.


class Allocator:
    """Plans of one network for one device.

    Parameters
    ----------
    spec : :class:`qblif.golden.spec.Network`
    device : :class:`qblif.boards.devices.Device`
    activity : dict or None
        Measured in training, see :class:`qblif.hw.layout.plan.Work`.
    link, levels : bool
        Whether to include the host link, and the recorder of all levels.
    burst : ``"shift"`` or ``"repeat"``
    quantiser : see :func:`qblif.hw.layout.plan.make_plan`
    """

    def __init__(self, spec, device, activity=None, *, link=False, levels=False, burst="shift",
                 quantiser=None):
        self.spec, self.device = spec, device
        self.fixed = fixed_need(spec, device, link)
        work = {s.name: Work(spec, s, activity, burst) for s in spec.synapses}
        self.options = [self._options(population, work, levels, burst, quantiser)
                        for population in spec.populations]

    def _options(self, population, work, levels, burst, quantiser):
        works = [work[s.name] for s in self.spec.synapses_to(population.name)]
        targets = {w.cycles(n) for w in works for n in w.counts(MOST_LANES)}
        chosen = {tuple(w.fewest(target, MOST_LANES) for w in works) for target in targets}
        fires = [1] if population.neuron.quantiser is None else [
            1 << k for k in range(MOST_FIRE_LANES.bit_length())]
        kind = quantiser_kind(population, quantiser)
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
                    stage = compile_stage(self.spec, population, plan)
                    maps = any(engine.scatter.sums == "map" for engine in stage.engines)
                    lacks = (memory == "spram" and not self.device.spram
                             or memory == "mixed" and not self.device.has_lut_ram)
                    if lacks or banks == 1 and not maps:
                        continue  # Not available.
                    found.append(Option(plan, stage_cycles(stage, works),
                                        stage_need(stage, self.device, levels)))
        return found

    def solve(self, cycles, lanes=MOST_LANES):
        """The options with the fewest LUTs, within ``cycles`` and ``lanes``, whose memories fit
        together; ``None`` if there are none.

        Exact, by dynamic programming over the stages: the fewest LUTs for each number of memories
        in use.
        """
        found = {(self.fixed.bram, self.fixed.spram): (self.fixed.lut, ())}
        for options in self.options:
            usable = undominated(o for o in options
                                 if o.cycles <= cycles and max(o.plan.lanes) <= lanes)
            longer = {}
            for (bram, spram), (lut, chosen) in found.items():
                for option in usable:
                    need = option.need
                    key, value = (bram + need.bram, spram + need.spram), lut + need.lut
                    if key[0] <= self.device.bram and key[1] <= self.device.spram and (
                            key not in longer or value < longer[key][0]):
                        longer[key] = value, (*chosen, option)
            found = longer
        return min(found.values(), key=lambda v: v[0], default=(0, None))[1]

    def fits(self, cycles):
        """:meth:`solve`, or ``None`` where it needs too many LUTs."""
        found = self.solve(cycles)
        return found if found and not self.refusal(found) else None

    def refusal(self, options):
        """Why these options cannot fit, in words, or ""."""
        return refusal(sum((option.need for option in options), self.fixed), self.device)

    def plans(self):
        """Yield plans: the fastest that fits first, each further one a fifth slower."""
        targets = sorted({o.cycles for options in self.options for o in options})
        low, high = 0, len(targets)  # Whatever fits still fits with more time.
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.fits(targets[middle]) else (middle + 1, high)
        cycles = 0.0
        for target in targets[low:]:
            found = self.fits(target) if target >= SLOWER * cycles else None
            if found and max(option.cycles for option in found) > cycles:
                cycles = max(option.cycles for option in found)
                yield plan_of(found)

    def with_lanes(self, lanes):
        """``(plan, why it cannot fit or "")`` with ``lanes`` for the busiest stage."""
        cycles = max(min(o.cycles for o in options if max(o.plan.lanes) <= lanes)
                     for options in self.options)
        return self._described(self.solve(cycles, lanes), cycles, lanes)

    def smallest(self):
        """``(plan, why even it cannot fit or "")``, however slow."""
        return self._described(self.solve(math.inf), math.inf, MOST_LANES)

    def _described(self, found, cycles, lanes):
        """If nothing fits, the refusal is that of the options with the fewest memories."""
        found = found or [min((o for o in options if o.cycles <= cycles
                               and max(o.plan.lanes) <= lanes), key=Option.memories)
                          for options in self.options]
        return plan_of(found), self.refusal(found)


def undominated(options):
    """The options that no other option dominates (Pareto front)."""
    kept = []
    for option in sorted(options, key=lambda o: (o.need.lut, o.need.bram, o.need.spram, o.cycles)):
        if all(k.need.bram > option.need.bram or k.need.spram > option.need.spram for k in kept):
            kept.append(option)
    return kept


def plan_of(options):
    return Plan(stages=tuple(option.plan for option in options))


def largest_first_layer(spec, device, **what):
    """About how many neurons the first layer may have; 0 unless the network is dense throughout.

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
