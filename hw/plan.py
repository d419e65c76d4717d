"""How a network is spread over hardware: lanes per stage, and the choices that change no result."""

import math
from dataclasses import dataclass

from ..golden.burst import MODES
from ..golden.checks import check_int
from .geometry import MEMORIES

__all__ = ["KINDS", "Plan", "StagePlan", "make_plan"]

LANES_LIMIT = 1024
KINDS = ("slice", "ladder")  # Of :class:`qblif.hw.quantiser.Quantiser`; no Amaranth here.


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One stage: ``lanes`` synapses and ``fire_lanes`` neurons a cycle.

    ``burst`` is how levels are spent, ``quantiser`` how they are found, ``memory`` where the
    weights lie (see :class:`qblif.hw.geometry.WeightGeometry`); none of them changes a result.
    """

    lanes: int
    fire_lanes: int = 1
    burst: str = "shift"
    quantiser: str = "slice"
    memory: str = "block"

    def __post_init__(self):
        check_int("Lanes", self.lanes, 1, LANES_LIMIT)
        check_int("Fire lanes", self.fire_lanes, 1, LANES_LIMIT)
        if self.fire_lanes & self.fire_lanes - 1:
            raise ValueError(f"Fire lanes must be a power of two, not {self.fire_lanes}")
        if self.lanes % self.fire_lanes:
            raise ValueError(f"Fire lanes must divide {self.lanes} lanes, not be {self.fire_lanes}")
        if self.burst not in MODES:
            raise ValueError(f"Burst mode must be one of {', '.join(MODES)}, not {self.burst!r}")
        if self.quantiser not in KINDS:
            raise ValueError(f"Quantiser must be one of {', '.join(KINDS)}, "
                             f"not {self.quantiser!r}")
        if self.memory not in MEMORIES:
            raise ValueError(f"Weight memory must be one of {', '.join(MEMORIES)}, "
                             f"not {self.memory!r}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One :class:`StagePlan` a population, in the network's order."""

    stages: tuple[StagePlan, ...]


def make_plan(network, *, lanes, activity=None, burst="shift", quantiser=None):
    """A balanced plan: ``lanes`` in the busiest stage, elsewhere the fewest that keep up.

    ``lanes`` is one number, or one a population.  ``activity`` is what training measured, mean
    digits a frame by synapse name (``notes["activity"]`` of the network file); without it every
    input is taken to be equally likely.  ``quantiser=None`` takes the slice where theta is a power
    of two.
    """
    given = tuple(lanes) if isinstance(lanes, (tuple, list)) else (lanes,)
    for value in given:
        check_int("Lanes", value, 1, LANES_LIMIT)
    populations = network.populations
    if len(given) not in (1, len(populations)):
        raise ValueError(f"Lanes must be 1 number or {len(populations)}, one a population, "
                         f"not {len(given)}")
    digits = [_digits(network, p, activity or {}, burst) for p in populations]
    if len(given) == 1:
        given = _balanced([p.size for p in populations], digits, given[0])
    return Plan(stages=tuple(
        StagePlan(
            lanes=n, fire_lanes=_fire_lanes(network, p, n, d), burst=burst,
            quantiser=quantiser_kind(p, quantiser))
        for p, n, d in zip(populations, given, digits, strict=True)))


def quantiser_kind(population, wanted):
    quantiser = population.neuron.quantiser
    if wanted is None:
        return "slice" if quantiser is None or quantiser.shift is not None else "ladder"
    if wanted == "slice" and quantiser is not None and quantiser.shift is None:
        raise ValueError(f"Population {population.name} cannot use the slice: its threshold "
                         f"{quantiser.theta} is no power of two")
    return wanted


def _digits(network, population, activity, burst):
    """Mean digits a frame that arrive at ``population``."""
    total = 0.0
    for synapse in network.synapses_to(population.name):
        source = network.source(synapse.source)
        key = "digits" if burst == "shift" else "repeat_digits"
        times = 1 if source is network.input and source.static else network.timesteps
        guess = {"digits": 0.5, "repeat_digits": 0.25 * source.n_max}[key] * source.size * times
        total += activity.get(synapse.name, {}).get(key, guess)
    return total


def _balanced(sizes, digits, lanes):
    """``lanes`` where the most work is; elsewhere the fewest with three quarters of its cycles.

    With equal means the stages would hold each other up in turn, as frames differ.
    """
    work = [size * max(d, 1e-9) for size, d in zip(sizes, digits, strict=True)]
    busiest = max(range(len(work)), key=work.__getitem__)
    lanes = min(lanes, sizes[busiest])
    cycles = 0.75 * math.ceil(sizes[busiest] / lanes) * digits[busiest]
    chosen = []
    for k, (size, d) in enumerate(zip(sizes, digits, strict=True)):
        groups = max(1, math.floor(cycles / max(d, 1e-9)))
        chosen.append(lanes if k == busiest else max(1, math.ceil(size / min(groups, size))))
    return chosen


def _fire_lanes(network, population, lanes, digits):
    """The fewest fire lanes whose passes take at most two thirds of the accumulation's time."""
    if population.neuron.quantiser is None:
        return 1
    fire_lanes = 1
    cycles = math.ceil(population.size / lanes) * digits
    while (lanes % (2 * fire_lanes) == 0
           and 3 * network.timesteps * math.ceil(population.size / fire_lanes) > 2 * cycles):
        fire_lanes *= 2
    return fire_lanes
