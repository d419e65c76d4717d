"""One stage of a network laid out on hardware: geometry, memories and latencies of a population and
its engines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...golden.spec import Population
from .addressing import address_space, lane_bits
from .engine import Cost, Engine, LoadBank
from .latency import SUMS_ADDER_LATENCY, StageTiming
from .memories import LUT_ROWS, SMALL_ROWS, pack, queue_depth
from .passes import Passes
from .plan import StagePlan
from .stream_engine import LineBufferLayout, StreamEngine

if TYPE_CHECKING:
    from ...golden.spec.trained import Trained

__all__ = ["StageLayout"]

# LUTs of an ECP5, by the stages of the designs in docs/results.md: of a fire lane that keeps its
# membranes from timestep to timestep, and of one that does not.
STAGE_LUTS, KEEPING_LUTS, FIRE_LANE_LUTS = 200, 130, 40


@dataclass(frozen=True, kw_only=True)
class StageLayout:
    """One stage of the dataflow: a population, and the engines that bring its currents.

    ``emits``: its events go to other stages, or back to itself.  ``classifies``: it is the last.
    """

    index: int
    timesteps: int
    population: Population
    plan: StagePlan
    engines: tuple[Engine, ...]
    timing: StageTiming
    emits: bool
    classifies: bool

    @property
    def name(self) -> str:
        return self.population.name

    @property
    def fire_lanes(self) -> int:
        return self.plan.fire_lanes

    @property
    def passes(self) -> Passes:
        """The order of its update passes."""
        return self.timing.passes

    @property
    def channel_vectors(self) -> int:
        """Vectors of one position: rows of each bias memory."""
        return self.passes.channel_vectors

    @property
    def line_buffers(self) -> list[LineBufferLayout]:
        """Those of its streaming engine."""
        return [buffer for engine in self.engines if isinstance(engine, StreamEngine)
                for buffer in engine.buffers]

    @property
    def small_rows(self) -> int:
        """Rows up to which memories of membranes and biases stay out of block RAM, where the device
        has something else: a streaming stage leaves the blocks to weights and line buffers."""
        return SMALL_ROWS if self.line_buffers or self.plan.memory == "mixed" else 0

    @property
    def fires(self) -> bool:
        """Whether it has levels; a read-out has none."""
        return self.population.neuron.quantiser is not None

    @property
    def held_frames(self) -> int:
        """Most frames whose last marker can wait in its line buffers and its queue."""
        frames = max((-(-buffer.rows // buffer.window.source[1]) + 1
                      for buffer in self.line_buffers), default=0)
        queued = self.timing.queue if self.emits else 0
        return frames + -(-queued // (self.timesteps * self.passes.positions))

    def lag(self, engine: Engine) -> int:
        """Alignment delay of ``engine``: cycles until the slowest engine's currents arrive."""
        adder = SUMS_ADDER_LATENCY * (len(self.engines) > 1)
        return self.timing.read_latency - adder - engine.read_latency

    @cached_property
    def load_banks(self) -> tuple[LoadBank, ...]:
        """Every :class:`~qblif.hw.layout.engine.LoadBank`: weights engine by engine, then biases,
        one bank a fire lane.  A bank's number at the load port is its place here."""
        found = [bank for engine in self.engines for bank in engine.load_banks]
        if self.population.bias_width:
            found += [LoadBank(kind="biases", owner=self.name, first=lane, lanes=1,
                               depth=self.channel_vectors, width=self.population.bias_width)
                      for lane in range(self.fire_lanes)]
        return tuple(found)

    def memory_image(self, trained: Trained) -> dict[int, list[int]]:
        """The words of each load bank, ``{bank number: list of integers}``."""
        words = [part for engine in self.engines
                 for part in engine.memory_image(trained.weights)]
        if self.population.bias_width:
            biases = trained.biases[self.name].tolist()
            words += [[pack([bias], self.population.bias_width)
                       for bias in biases[lane::self.fire_lanes]]
                      for lane in range(self.fire_lanes)]
        return dict(enumerate(words))

    @property
    def load_words(self) -> int:
        """Words of a complete load; padding in a bias memory's last row is not sent."""
        weights = sum(bank.depth for bank in self.load_banks if bank.kind == "weights")
        return weights + (self.population.channels if self.population.bias_width else 0)

    @cached_property
    def load_extent(self) -> dict[str, int]:
        """Banks, depth and width that the load port must reach."""
        return {"banks": len(self.load_banks),
                "depth": max(self.channel_vectors, *(b.depth for b in self.load_banks)),
                "width": max(b.width for b in self.load_banks)}

    @cached_property
    def cost(self) -> Cost:
        """Total :class:`~qblif.hw.layout.engine.Cost`, without the level recorder."""
        population, lanes = self.population, self.fire_lanes
        bits = population.emit_max.bit_length()
        found, small = [], []
        if self.passes.state_rows:
            state = self.passes.state_rows, lanes * population.neuron.state_width
            (small if state[0] <= self.small_rows else found).append(state)
        leak = population.neuron.leak
        if leak.kind == "quadratic":
            found += [(len(leak.table), leak.term_width)] * lanes
        if population.bias_width:
            (small if self.channel_vectors <= self.small_rows else found).extend(
                [(self.channel_vectors, population.bias_width)] * lanes)
        if self.classifies and self.fires and self.timesteps > 1:
            sums = population.size, population.score_width(self.timesteps) - 1
            (small if population.size <= SMALL_ROWS else found).append(sums)
        if self.emits:
            place = ((address_space(population.shape) - 1).bit_length()
                     - lane_bits(population.shape, lanes))
            depth = queue_depth(self.timing.queue)
            (small if depth <= LUT_ROWS else found).append((depth, place + lanes * bits + 1))
        each = KEEPING_LUTS if self.passes.state_rows else FIRE_LANE_LUTS
        own = Cost(tuple(found), small=tuple(small), luts=STAGE_LUTS + each * lanes)
        return sum((engine.cost for engine in self.engines), own)

    @property
    def recorder_memory(self) -> tuple[int, int] | None:
        """``(rows, width)`` of its level recorder; ``None`` for a read-out."""
        width = self.fire_lanes * self.population.emit_max.bit_length()
        return (self.timesteps * self.passes.all_vectors, width) if width else None

    @property
    def score_recorder(self) -> Cost:
        """Of the last stage, what records a frame's scores behind the host link."""
        rows, width = self.population.size, self.population.score_width(self.timesteps)
        return Cost(small=((rows, width),) if rows <= LUT_ROWS else (),
                    memories=((rows, width),) if rows > LUT_ROWS else ()
                    ) if self.classifies else Cost()

    def describe(self) -> dict[str, Any]:
        """Its entry in the manifest."""
        return {"name": self.name, "fire_lanes": self.fire_lanes, "beats": self.passes.all_vectors,
                "burst": self.plan.burst, "quantiser": self.plan.quantiser,
                "memory": self.plan.memory, "queue": self.timing.queue,
                "synapses": [part for engine in self.engines for part in engine.describe()],
                "load_banks": [{"kind": b.kind, "owner": b.owner, "first": b.first,
                                "lanes": b.lanes, "depth": b.depth, "width": b.width}
                               for b in self.load_banks]}
