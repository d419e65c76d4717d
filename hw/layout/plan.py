"""How a network is spread over hardware: lanes per stage, and the choices that change no result."""

from dataclasses import dataclass

from ...golden.spec.burst import MODES
from ...golden.spec.checks import check_int
from ...golden.spec.errors import InvalidValue
from .addressing import beats
from .memories import MEMORIES
from .scatter import ScatterMap

__all__ = ["KINDS", "Plan", "StagePlan", "Work", "lanes_of", "make_plan", "quantiser_kind"]

LANES_LIMIT = 1024
KINDS = ("slice", "ladder")  # See :class:`qblif.hw.core.quantiser.QuantiserCore`.


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One stage: ``lanes`` synaptic operations and ``fire_lanes`` neurons a cycle.

    ``lanes`` has one entry per synapse; a single integer applies to all of them.  ``burst`` is the
    encoding of levels as digits, ``quantiser`` how a membrane becomes a level, ``memory`` the kind
    of weight memory (see :class:`qblif.hw.layout.memories.WeightGeometry`), ``queue`` the depth of
    the AER encoder's FIFO in vectors; ``None`` picks a default.  With 2 ``banks``, a map's
    accumulators are ping-pong buffers: one is read while the other fills, and a residual edge gets
    one more for each stage that it skips; with 1 they take half the memory or less, and events
    stall during the update pass.  None of these changes a result.
    """

    lanes: tuple[int, ...]
    fire_lanes: int = 1
    burst: str = "shift"
    quantiser: str = "slice"
    memory: str = "block"
    queue: int | None = None
    banks: int = 2

    def __post_init__(self) -> None:
        several = isinstance(self.lanes, (tuple, list))
        object.__setattr__(self, "lanes", tuple(self.lanes) if several else (self.lanes,))
        check_int("Fire lanes", self.fire_lanes, 1, LANES_LIMIT)
        if self.fire_lanes & self.fire_lanes - 1:
            raise InvalidValue(f"Fire lanes must be a power of two, not {self.fire_lanes}")
        for lanes in self.lanes:
            check_int("Lanes", lanes, 1, LANES_LIMIT)
            if lanes % self.fire_lanes:
                raise InvalidValue(f"Fire lanes must divide {lanes} lanes, not be "
                                   f"{self.fire_lanes}")
        if self.burst not in MODES:
            raise InvalidValue(f"Burst mode must be one of {', '.join(MODES)}, not {self.burst!r}")
        if self.quantiser not in KINDS:
            raise InvalidValue(f"Quantiser must be one of {', '.join(KINDS)}, "
                               f"not {self.quantiser!r}")
        if self.memory not in MEMORIES:
            raise InvalidValue(f"Weight memory must be one of {', '.join(MEMORIES)}, "
                               f"not {self.memory!r}")
        check_int("Banks", self.banks, 1, 2)
        if self.queue is not None:
            check_int("Queue", self.queue, 2, 1 << 16)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One :class:`StagePlan` per population, in the network's order."""

    stages: tuple[StagePlan, ...]


def lanes_of(network, population, plan):
    """Lanes of each synapse to ``population`` under its :class:`StagePlan`.

    Raises :class:`ValueError` where the plan has other synapses.
    """
    count = len(network.synapses_to(population.name))
    lanes = plan.lanes * count if len(plan.lanes) == 1 else plan.lanes
    if len(lanes) != count:
        raise InvalidValue(f"Population {population.name} has {count} synapses, but the plan "
                           f"has lanes for {len(lanes)}")
    return lanes


def make_plan(network, *, lanes, activity=None, burst="shift", quantiser=None):
    """A balanced plan: ``lanes`` for the busiest synapse, elsewhere the fewest that keep up.

    ``lanes`` is one number, or one a population.  ``activity`` is what training measured, mean
    digits a frame by synapse name (``activity`` of the network file); without it every
    input is taken to be equally likely.  ``quantiser=None`` takes the slice where theta is a power
    of two.
    """
    given = tuple(lanes) if isinstance(lanes, (tuple, list)) else (lanes,)
    for value in given:
        check_int("Lanes", value, 1, LANES_LIMIT)
    populations = network.populations
    if len(given) not in (1, len(populations)):
        raise InvalidValue(f"Lanes must be 1 number or {len(populations)}, one a population, "
                           f"not {len(given)}")
    work = {s.name: Work(network, s, activity, burst) for s in network.synapses}
    if len(given) == 1:
        busiest = max(work.values(), key=lambda w: w.cycles(1))
        cycles = busiest.cycles(min(given[0], busiest.channels))
        chosen = {name: min(given[0], w.channels) if w is busiest else w.fewest(0.75 * cycles)
                  for name, w in work.items()}
    else:
        chosen = {s.name: n for p, n in zip(populations, given, strict=True)
                  for s in network.synapses_to(p.name)}
    stages = []
    for population in populations:
        names = [s.name for s in network.synapses_to(population.name)]
        fire_lanes = _fire_lanes(network, population, [(chosen[n], work[n]) for n in names])
        stages.append(StagePlan(
            lanes=tuple(-(-chosen[n] // fire_lanes) * fire_lanes for n in names),
            fire_lanes=fire_lanes, burst=burst, quantiser=quantiser_kind(population, quantiser)))
    return Plan(stages=tuple(stages))


def quantiser_kind(population, wanted):
    quantiser = population.neuron.quantiser
    if wanted is None:
        return "slice" if quantiser is None or quantiser.shift is not None else "ladder"
    if wanted == "slice" and quantiser is not None and quantiser.shift is None:
        raise InvalidValue(f"Population {population.name} cannot use the slice: its threshold "
                           f"{quantiser.theta} is no power of two")
    return wanted


class Work:
    """What a frame asks of one synapse, on the mean: target positions that its digits reach.

    ``activity`` is ``activity`` of the network file; what it does not have is guessed:
    half of the sources send a digit, and each source as often as any other.
    """

    def __init__(self, network, synapse, activity=None, burst="shift"):
        self.network, self.synapse = network, synapse
        self.channels = network.source(synapse.target).channels
        found = (activity or {}).get(synapse.name, {})
        digits = _digits(network, synapse, found, burst)
        reach = ScatterMap.of(network, synapse, 1)
        if "operations" in found and found.get("digits"):  # Measured in shift mode.
            positions = found["operations"] / reach.share * digits / found["digits"]
        else:
            positions = digits * float(reach.operations().mean()) / reach.share
        self.positions = max(positions, 1e-9)

    def cycles(self, lanes):
        """Mean cycles a frame with this number of lanes."""
        return self.positions * ScatterMap.of(self.network, self.synapse, lanes).slots

    def fewest(self, cycles, most=LANES_LIMIT):
        """The fewest lanes, up to ``most``, that take at most ``cycles``; else the most useful."""
        options = self.counts(most)
        return next((n for n in options if self.cycles(n) <= cycles), options[-1])

    def counts(self, most=LANES_LIMIT):
        """Useful numbers of lanes, up to ``most``: the fewest for each number of words."""
        counts = sorted({-(-self.channels // g) for g in range(1, self.channels + 1)})
        return [n for n in counts if n <= most]


def _digits(network, synapse, found, burst):
    """Mean digits that arrive at ``synapse`` in a frame; ``found`` is its measured activity."""
    source = network.source(synapse.source)
    key = "digits" if burst == "shift" else "repeat_digits"
    times = 1 if source is network.input and source.static else network.timesteps
    guess = {"digits": 0.5, "repeat_digits": 0.25 * source.emit_max}[key] * source.size * times
    return found.get(key, guess)


def _fire_lanes(network, population, edges):
    """The fewest fire lanes with which the update passes fit into two thirds of accumulation.

    ``edges`` are pairs of lanes and :class:`Work`.
    """
    if population.neuron.quantiser is None:
        return 1
    cycles = max(work.cycles(lanes) for lanes, work in edges)
    most = max(lanes for lanes, _ in edges)
    fire_lanes = 1
    while (most % (2 * fire_lanes) == 0 and 3 * network.timesteps
           * beats(population.shape, fire_lanes) > 2 * cycles):
        fire_lanes *= 2
    return fire_lanes
