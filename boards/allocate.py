"""Choose the lanes of each stage for a device: stages about equally busy, within its resources.

Every stage has a list of options, each with its mean cycles a frame and its resources.  For a given
number of cycles, one option per stage is chosen among those that are fast enough, so that all fits
together and as few LUTs and block RAMs are used as possible; the fastest plan is the smallest
number of cycles with a solution.
"""

import itertools
import math
from dataclasses import dataclass, replace

from ..hw.layout.addressing import vector_count
from ..hw.layout.build_engines import line_rows
from ..hw.layout.compile import compile_stage
from ..hw.layout.input_stream import InputFormat
from ..hw.layout.memories import LUT_ROWS, MEMORIES
from ..hw.layout.plan import PORTS, Plan, StagePlan, buffers_for, quantiser_kind
from ..hw.layout.work import streams, works_of
from .fit import LUT_DOUBT, fixed_need, refusal, stage_cycles, stage_need

__all__ = ["Allocator", "largest_first_layer"]

MOST_LANES = 128
MOST_FIRE_LANES = 16
# Share of the LUTs.  By nextpnr's default placer 40 % with most block RAMs in use did not route in
# half an hour; the static one has routed more (docs/results.md).
FILL = 0.36
# LUTs that a block RAM is worth where a plan has a choice.  An ECP5 has 400 LUTs a block RAM, but
# a plan that is full of LUTs does not route.
BLOCK_RAM_WORTH = 32
SPARE = 0.15  # Share of the cycles that a stage beside the busiest has to spare.
SLOWER = 1.2  # Each further plan is slower by this factor.


@dataclass(frozen=True)
class Option:
    """One way to build a stage: its plan, mean cycles a frame, and what it needs."""

    plan: StagePlan
    cycles: float
    need: object
    streams: bool = False

    @property
    def lanes(self):
        """Synaptic operations a cycle of its busiest engine."""
        return max(self.plan.lanes) * self.plan.ports

    def memories(self):
        return self.need.bram + 64 * self.need.spram, self.need.lut  # Weighted by capacity.


class Allocator:
    """Plans of one network for one device.

    Parameters
    ----------
    spec : :class:`qblif.golden.spec.Network`
    device : :class:`qblif.boards.devices.Device`
    activity : dict or None
        Measured in training, see :class:`qblif.hw.layout.work.Work`.
    link, levels : bool
        Whether to include the host link, and the recorder of all levels.
    burst : ``"shift"`` or ``"repeat"``
    quantiser, order : see :func:`qblif.hw.layout.plan.make_plan`
    fill : float
        Largest share of the device's LUTs for a network with streaming stages.
    """

    def __init__(self, spec, device, activity=None, *, link=False, levels=False, burst="shift",
                 quantiser=None, order="inner", fill=FILL):
        self.spec, self.device = spec, device
        self.order, self.link = order, link
        self.fixed = fixed_need(spec, InputFormat.of(spec, order), device, link)
        self.rows = line_rows(spec, dict.fromkeys((p.name for p in spec.populations), 1))
        self.streams = any(streams(spec, population) for population in spec.populations)
        self.most_luts = device.lut * (fill if self.streams else LUT_DOUBT)
        self.options = [self._options(population, works_of(spec, population, activity, burst),
                                      levels, burst, quantiser)
                        for population in spec.populations]

    def _options(self, population, works, levels, burst, quantiser):
        targets = {w.cycles(n) for w in works for n in w.counts(MOST_LANES)}
        chosen = {tuple(w.fewest(target, MOST_LANES) for w in works) for target in targets}
        fires = [1] if population is self.spec.populations[-1] else [
            1 << k for k in range(MOST_FIRE_LANES.bit_length())]
        streaming = streams(self.spec, population)
        ports = PORTS if streaming else (1,)
        found = []
        for lanes in sorted(chosen):
            for fire_lanes in fires:
                if fire_lanes > max(lanes) or fire_lanes > 1 and vector_count(
                        population.shape, fire_lanes // 2) == 1:
                    break
                for memory, count in itertools.product(MEMORIES, ports):
                    if self._available(memory, count):
                        found.append(self._option(population, works, levels, StagePlan(
                            lanes=tuple(-(-n // fire_lanes) * fire_lanes for n in lanes),
                            fire_lanes=fire_lanes, burst=burst, memory=memory, ports=count,
                            quantiser=quantiser_kind(population, quantiser))))
        return found

    def _available(self, memory, ports):
        if memory == "spram":
            return self.device.spram and ports == 1
        return memory != "mixed" or self.device.has_lut_ram

    def _option(self, population, works, levels, plan):
        plan = replace(plan, buffers=buffers_for(
            self.spec, population, plan.lanes[0], plan.fire_lanes, works, plan.ports))
        stage = compile_stage(self.spec, population, plan, self.order, self.rows)
        streaming = streams(self.spec, population)
        if streaming and self.device.has_lut_ram and stage.timing.queue > LUT_ROWS:
            # A short FIFO leaves a block RAM to the weights, and lets a frame through sooner.
            plan = replace(plan, queue=LUT_ROWS)
            stage = compile_stage(self.spec, population, plan, self.order, self.rows)
        needed = stage_need(stage, self.device, link=self.link, levels=levels)
        return Option(plan, stage_cycles(stage, works), needed, streaming)

    def solve(self, cycles, lanes=math.inf, busiest=1):
        """The options within ``cycles`` and ``lanes`` whose memories fit together and that use the
        least, a block RAM counting as :data:`BLOCK_RAM_WORTH` LUTs; where their LUTs cannot fit,
        those with the fewest.  ``None`` if there are none.

        So many streaming stages may be the ``busiest``: the others have :data:`SPARE` cycles to
        spare, because line buffers hold a few rows, and an image's rows are not equally full.
        Exact, by dynamic programming over the stages: the fewest LUTs for each number of memories
        in use, and of busy stages.
        """
        found = {(self.fixed.bram, self.fixed.spram, 0): (self.fixed.lut, ())}
        for options in self.options:
            usable = [(o, busy) for busy in (0, 1) for o in undominated(
                o for o in options if o.cycles <= cycles and o.lanes <= lanes
                and busy == (o.streams and o.cycles > (1 - SPARE) * cycles))]
            longer = {}
            for (bram, spram, count), (lut, chosen) in found.items():
                for option, busy in usable:
                    need = option.need
                    key = bram + need.bram, spram + need.spram, count + busy
                    value = lut + need.lut
                    if (key[0] <= self.device.bram and key[1] <= self.device.spram
                            and key[2] <= busiest
                            and (key not in longer or value < longer[key][0])):
                        longer[key] = value, (*chosen, option)
            found = longer

        def used(item):
            (bram, *_), (lut, _) = item
            return max(0, lut - self.most_luts), lut + BLOCK_RAM_WORTH * bram

        return min(found.items(), key=used, default=(None, (0, None)))[1][1]

    def fits(self, cycles):
        """:meth:`solve`, or ``None`` where it needs too many LUTs: by the estimate's doubt more
        than there are, or with streaming stages more than the share ``fill`` of them."""
        found = self.solve(cycles)
        return found if found and self._need(found).lut <= self.most_luts else None

    def _need(self, options):
        return sum((option.need for option in options), self.fixed)

    def refusal(self, options):
        """Why these options cannot fit, in words, or ""."""
        return refusal(self._need(options), self.device)

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
                yield self.plan_of(found)

    def with_lanes(self, lanes):
        """``(plan, why it cannot fit or "")`` with ``lanes`` for the busiest stage."""
        cycles = max(min(o.cycles for o in options if o.lanes <= lanes)
                     for options in self.options)
        return self._described(self.solve(cycles, lanes, len(self.options)), cycles, lanes)

    def smallest(self):
        """``(plan, why even it cannot fit or "")``, however slow."""
        return self._described(self.solve(math.inf), math.inf, math.inf)

    def plan_of(self, options):
        return Plan(stages=tuple(option.plan for option in options), order=self.order)

    def _described(self, found, cycles, lanes):
        """If nothing fits, the refusal is that of the options with the fewest memories."""
        found = found or [min((o for o in options if o.cycles <= cycles
                               and o.lanes <= lanes), key=Option.memories)
                          for options in self.options]
        return self.plan_of(found), self.refusal(found)


def undominated(options):
    """The options that no other option dominates (Pareto front)."""
    kept = []
    for option in sorted(options, key=lambda o: (o.need.lut, o.need.bram, o.need.spram, o.cycles)):
        if all(k.need.bram > option.need.bram or k.need.spram > option.need.spram for k in kept):
            kept.append(option)
    return kept


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
