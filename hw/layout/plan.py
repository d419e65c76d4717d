"""How a network is spread over hardware: lanes per stage, and the choices that change no result."""

import json
import math
from dataclasses import dataclass

from ...golden.spec import as_map
from ...golden.spec.burst import MODES
from ...golden.spec.checks import check_int
from ...golden.spec.errors import InvalidValue
from .addressing import vector_count
from .latency import COMPLETE_LATENCY, RELEASE_LATENCY, START_LATENCY
from .memories import MEMORIES
from .passes import ORDERS
from .work import LANES_LIMIT, streams, works_of

__all__ = ["KINDS", "Plan", "StagePlan", "buffers_for", "lanes_of", "make_plan",
           "quantiser_kind", "read_lanes", "read_plan"]

PORTS = (1, 2, 4)
BUFFERS_LIMIT = 4
SLACK_LIMIT = 64
SHORT_STEP = 0.15  # How short a word of channels may be, of their mean, so that none stalls.
KINDS = ("slice", "ladder")  # See :class:`qblif.hw.core.quantiser.QuantiserCore`.


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One stage: ``lanes`` synaptic operations and ``fire_lanes`` neurons a cycle.

    ``lanes`` has one entry per synapse of a dense stage; a single integer applies to all of them.
    In a streaming stage all synapses share the lanes, which are channels of a position.
    ``burst`` is the encoding of levels as digits, ``quantiser`` how a membrane becomes a level,
    ``memory`` the kind of weight memory (see :class:`qblif.hw.layout.memories.WeightGeometry`),
    ``queue`` the depth of the AER encoder's FIFO in vectors; ``None`` picks a default.

    Of streaming stages: ``ports`` events are added at once, each with ``lanes`` adders of its own;
    ``buffers`` completed words may wait for their update pass; line buffers hold ``slack`` rows
    more than they must.  None of these changes a result.
    """

    lanes: tuple[int, ...]
    fire_lanes: int = 1
    burst: str = "shift"
    quantiser: str = "slice"
    memory: str = "block"
    queue: int | None = None
    ports: int = 1
    buffers: int = 1
    slack: int = 1

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
        _check_ports(self.ports)
        if self.ports > 1 and self.memory == "spram":
            raise InvalidValue(f"Ports must be 1 with single-port RAM, not {self.ports}")
        check_int("Buffers", self.buffers, 1, BUFFERS_LIMIT)
        check_int("Slack", self.slack, 0, SLACK_LIMIT)
        if self.queue is not None:
            check_int("Queue", self.queue, 2, 1 << 16)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One :class:`StagePlan` per population, in the network's order.

    ``order`` is that of the loops over timesteps and positions, one of
    :data:`qblif.hw.layout.passes.ORDERS`: timesteps innermost, or outermost as a live stream
    brings them, which takes memory for the membranes of maps.
    """

    stages: tuple[StagePlan, ...]
    order: str = "inner"

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InvalidValue(f"Order of timesteps must be one of {', '.join(ORDERS)}, "
                               f"not {self.order!r}")


def _check_ports(value):
    if type(value) is not int or value not in PORTS:
        raise InvalidValue(f"Ports must be one of {', '.join(map(str, PORTS))}, not {value!r}")


def read_plan(path, network, what, fields=()):
    """``(plan, content)`` of a JSON file that describes hardware of ``network`` with its plan, and
    with the other ``fields``.

    Raises :class:`ValueError` for a file that is missing, of another network, or not ``what``.
    """
    try:
        content = json.loads(path.read_bytes())
        digest = content["network_digest"]
        plan = Plan(stages=tuple(StagePlan(**stage) for stage in content["plan"]),
                    order=content["order"])
        if missing := set(fields) - content.keys():
            raise KeyError(*missing)
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidValue(f"{path}: damaged, or not {what}") from error
    if digest != network.digest:
        raise InvalidValue(f"{path}: is of network {digest}, not {network.digest}")
    return plan, content


def lanes_of(network, population, plan):
    """Lanes of each engine of ``population`` under its :class:`StagePlan`: of each synapse, or one
    number for a streaming stage.

    Raises :class:`ValueError` where the plan has other synapses.
    """
    one = streams(network, population)
    count = 1 if one else len(network.synapses_to(population.name))
    lanes = plan.lanes * count if len(plan.lanes) == 1 else plan.lanes
    if len(lanes) != count:
        raise InvalidValue(f"Population {population.name} has {count} "
                           f"{'engine' if one else 'synapses'}, but the plan has lanes for "
                           f"{len(lanes)}")
    return lanes


def read_lanes(text):
    """``(lanes, ports)`` of ``"32"``, ``"128,10"`` or ``"4x2,16,32,1"``, where the first of four
    stages adds two events at once: two lists for :func:`make_plan`, the second empty where no
    stage has an ``x``."""
    try:
        lanes, ports = zip(*((int(stage), int(count) if by else 1) for stage, by, count in (
            part.partition("x") for part in text.split(","))), strict=True)
    except ValueError:
        raise InvalidValue("Lanes must be a number, or one a stage like 128,10 or 4x2,16, not "
                           f"{text!r}") from None
    return list(lanes), list(ports) if "x" in text else []


def make_plan(network, *, lanes, ports=(), activity=None, burst="shift", quantiser=None,
              order="inner"):
    """A balanced plan: ``lanes`` for the busiest engine, elsewhere the fewest that keep up.

    ``lanes`` is one number, or one a population; then ``ports`` says how many events each of them
    adds at once, with so many lanes each.  ``activity`` is what training measured, mean
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
    work = {p.name: works_of(network, p, activity, burst) for p in populations}
    if len(given) == 1:
        busiest = max((w for works in work.values() for w in works), key=lambda w: w.cycles(1))
        cycles = busiest.cycles(min(given[0], busiest.channels))
        chosen = {name: [min(given[0], w.channels) if w is busiest else w.fewest(0.75 * cycles)
                         for w in works] for name, works in work.items()}
    else:
        chosen = {p.name: [n] * len(work[p.name]) for p, n in zip(populations, given, strict=True)}
    ports = tuple(ports) or (1,) * len(populations)
    if len(ports) != len(populations):
        raise InvalidValue(f"Ports must be 1, or of {len(populations)} stages, one a population, "
                           f"not of {len(ports)}")
    stages = []
    for population, count in zip(populations, ports, strict=True):
        works, each = work[population.name], chosen[population.name]
        _check_ports(count)
        if count != 1 and not streams(network, population):
            raise InvalidValue(f"Population {population.name} has one port, as every dense stage, "
                               f"not {count}")
        fire_lanes = _fire_lanes(network, population, each, works, count)
        each = tuple(-(-n // fire_lanes) * fire_lanes for n in each)
        stages.append(StagePlan(
            lanes=each, fire_lanes=fire_lanes, burst=burst,
            quantiser=quantiser_kind(population, quantiser), ports=count,
            buffers=buffers_for(network, population, each[0], fire_lanes, works, count,
                                share=SHORT_STEP)))
    return Plan(stages=tuple(stages), order=order)


def quantiser_kind(population, wanted):
    quantiser = population.neuron.quantiser
    if wanted is None:
        return "slice" if quantiser is None or quantiser.shift is not None else "ladder"
    if wanted == "slice" and quantiser is not None and quantiser.shift is None:
        raise InvalidValue(f"Population {population.name} cannot use the slice: its threshold "
                           f"{quantiser.theta} is no power of two")
    return wanted


def _fire_lanes(network, population, lanes, works, ports):
    """The fewest fire lanes with which the update passes fit into two thirds of accumulation; into
    half of it where they follow each position."""
    if population is network.populations[-1]:
        return 1
    cycles = max(work.cycles(n, ports) for n, work in zip(lanes, works, strict=True))
    fire_lanes, part = 1, 1 / 2 if streams(network, population) else 2 / 3
    while (max(lanes) % (2 * fire_lanes) == 0 and network.timesteps
           * vector_count(population.shape, fire_lanes) > part * cycles):
        fire_lanes *= 2
    return fire_lanes


def buffers_for(network, population, lanes, fire_lanes, works, ports=1, share=0.8):
    """The fewest completed words that must wait in a streaming stage so that it does not stall on
    its update passes, where each takes at least ``share`` of the mean cycles of a word."""
    if not streams(network, population):
        return 1
    _, rows, columns = as_map(population.shape)
    words = -(-population.channels // lanes)
    each = works[0].cycles(lanes, ports) / (rows * columns * words * network.timesteps)
    turn = COMPLETE_LATENCY + START_LATENCY + RELEASE_LATENCY + lanes // fire_lanes
    return min(BUFFERS_LIMIT, max(1, math.ceil(turn / (share * each))))
