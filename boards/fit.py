"""What a network needs of a board before anything is synthesised: memories, mean cycles."""

import math
from dataclasses import dataclass, replace

from ..hw.geometry import WeightGeometry, frame_queue_items, queue_depth
from ..hw.order import address_space
from ..hw.plan import Plan, Work, make_plan, reaches_of
from ..hw.protocol import CRC_BYTES, MAX_PAYLOAD, row_bytes
from ..hw.timing import stage_timing

__all__ = ["Need", "candidates", "frame_cycles", "largest_first_layer", "load_bytes", "need",
           "plan_for_board", "refusal", "weight_capacity", "weight_kbit"]

BLOCK_RAM_MODES = {
    "ice40": (4096, (2, 4, 8, 16)),
    "ecp5": (18432, (1, 2, 4, 9, 18, 36)),
    "himbaechel_gowin": (18432, (1, 2, 4, 9, 18, 36)),
    "xilinx": (18432, (1, 2, 4, 9, 18, 36)),
}
SPRAM_BITS = 1 << 18
SMALL_IN_REGISTERS = ("ice40", "himbaechel_gowin")  # There, up to ``SMALL_ROWS`` rows.
SMALL_ROWS = 16  # Memories of so many rows become registers where block RAM is scarce.


@dataclass(frozen=True)
class Need:
    """Memory blocks that a plan takes with its host link, and LUTs that it takes at least."""

    bram: int
    spram: int
    lut: int


def candidates(spec):
    """Lane counts to try, the largest first: the fewest, up to 128, for each number of groups."""
    widest = max(population.channels for population in spec.populations)
    return sorted({n for groups in range(1, widest + 1) if (n := -(-widest // groups)) <= 128},
                  reverse=True)


def plan_for_board(spec, device, lanes, activity=None):
    """A plan whose largest weight memories lie in the device's single-port RAM, if it has any.

    Where block RAM is then scarce, the stages that are not the busiest get lanes with which all
    fits, of these the ones with the fewest registers; never more cycles.
    """
    plan = _use_single_port(spec, device, make_plan(spec, lanes=lanes, activity=activity))
    for k, population in enumerate(spec.populations):
        if 4 * need(spec, plan, device).bram <= 3 * device.bram:
            break
        least = max(plan.stages[k].lanes)
        if least < lanes and plan.stages[k].memory == "block":
            groups = -(-population.channels // least)
            options = sorted({-(-population.channels // g) for g in range(1, groups + 1)})
            plans = [plan] + [_with_lanes(spec, plan, k, n) for n in options if n <= lanes]
            plan = min(plans, key=lambda p: _shortage(need(spec, p, device), device))
    return plan


def _shortage(needed, device):
    return max(0, needed.bram - device.bram), needed.lut


def _with_lanes(spec, plan, k, lanes):
    """``plan`` with ``lanes`` for all synapses of stage ``k``, and fire lanes that divide them."""
    stage = plan.stages[k]
    fire_lanes = min(stage.fire_lanes, lanes & -lanes)
    changed = replace(stage, lanes=(lanes,) * len(stage.lanes), fire_lanes=fire_lanes)
    return Plan(stages=(*plan.stages[:k], changed, *plan.stages[k + 1:]))


def _use_single_port(spec, device, plan):
    left, stages = device.spram, list(plan.stages)
    for k in sorted(range(len(stages)), key=lambda k: -sum(
            geometry.bits for geometry in _geometries(spec, plan, k))):
        blocks = len(_weight_memories(spec, plan, k, "spram"))
        if blocks <= left and _blocks(device, _weight_memories(spec, plan, k)) > 4 * blocks:
            stages[k] = replace(stages[k], memory="spram")
            left -= blocks
    return Plan(stages=tuple(stages))


def need(spec, plan, device, levels=False):
    """What ``plan`` takes of ``device``: all of its memories, with ``levels`` those of the recorder
    too, and of the LUTs those beside the registers of sums and small memories."""
    memories, spram, lut = _link_memories(spec), 0, 0
    for k, (population, stage) in enumerate(zip(spec.populations, plan.stages, strict=True)):
        memories += _neuron_memories(spec, population, stage, levels)
        weights = _weight_memories(spec, plan, k)
        if stage.memory == "spram":
            spram += len(weights)
        else:
            memories += weights
        for reach in reaches_of(spec, population, stage):
            memories += _sum_memories(reach, population.sum_width)
            lut += reach.lanes * population.sum_width
    least = SMALL_ROWS if device.family in SMALL_IN_REGISTERS else 0
    small = [rows * width for rows, width in memories if rows <= least]
    return Need(_blocks(device, [(rows, width) for rows, width in memories if rows > least]),
                spram, lut + sum(small))


def _link_memories(spec):
    """``(depth, width)``: a request, a block of an answer, the events of a frame."""
    event = (address_space(spec.input.shape) - 1).bit_length() + spec.input.n_max.bit_length() + 1
    return [(MAX_PAYLOAD + CRC_BYTES, 8), (256, 8),
            (queue_depth(frame_queue_items(spec)), event)]


def _sum_memories(reach, width):
    """``(depth, width)`` of the block RAMs that hold a synapse's sums."""
    words = reach.positions * reach.groups
    row = reach.lanes * width
    # Without a map: two banks and a zero row, in two copies for two read ports.
    return {"registers": [], "memory": [(2 * words + 1, row)] * 2, "map": [(words, row)] * 2}[
        reach.sums]


def _neuron_memories(spec, population, stage, levels):
    """``(depth, width)``: states, biases, emitter's queue, and the recorder's levels."""
    lanes, bits = stage.fire_lanes, population.n_max.bit_length()
    timing = stage_timing(population, stage, reaches_of(spec, population, stage))
    found = []
    if spec.timesteps > 1:
        found.append((timing.beats, lanes * (population.neuron.v_width + 1)))
    if population.bias_width:
        found += [(-(-population.channels // lanes), population.bias_width)] * lanes
    if bits:
        place = (address_space(population.shape) - 1).bit_length()
        found.append((queue_depth(timing.queue), place + lanes * bits + 1))
    if bits and levels:
        found.append((spec.timesteps * timing.beats, lanes * bits))
    return found


def refusal(needed, device):
    """Why ``needed`` cannot fit, as words; ``""`` where it may."""
    words = {"bram": "block RAMs", "spram": "single-port RAMs", "lut": "LUTs"}
    return ", ".join(f"{getattr(needed, kind)} of {getattr(device, kind)} {words[kind]}"
                     for kind in words if getattr(needed, kind) > getattr(device, kind))


def weight_kbit(spec):
    """Kilobits of weights of a network."""
    return sum(math.prod(spec.weight_shape(s)) * s.w_width for s in spec.synapses) / 1000


def weight_capacity(device):
    """Kilobits of memory that a device has for weights and everything else."""
    return (device.bram * BLOCK_RAM_MODES[device.family][0] + device.spram * SPRAM_BITS) / 1000


def load_bytes(spec, plan):
    """Bytes of all weights and biases as they are written, each memory word in whole bytes."""
    total = 0
    for k, population in enumerate(spec.populations):
        total += sum(geometry.slices * geometry.depth * row_bytes(geometry.slice_width)
                     for geometry in _geometries(spec, plan, k))
        if population.bias_width:
            total += population.channels * row_bytes(population.bias_width)
    return total


def largest_first_layer(spec, device, levels=False):
    """How many neurons the first layer may have by the memories; 0 where no dense layer follows a
    flat one."""
    first, *rest = spec.populations
    if not rest or any(synapse.kind != "dense" for synapse in spec.synapses):
        return 0
    for size in range(first.size - 1, 0, -1):
        smaller = replace(spec, populations=(replace(first, shape=(size,)), *rest))
        for lanes in candidates(smaller):
            plan = plan_for_board(smaller, device, lanes)
            if not refusal(need(smaller, plan, device, levels), device):
                return size
    return 0


def frame_cycles(spec, plan, activity=None):
    """Mean cycles a frame takes in the steady state: of the stage that takes longest.

    ``activity`` is what training measured, see :class:`qblif.hw.plan.Work`.
    """
    longest = 0.0
    for population, stage in zip(spec.populations, plan.stages, strict=True):
        reaches = reaches_of(spec, population, stage)
        timing = stage_timing(population, stage, reaches)
        longest = max(longest, spec.timesteps * (timing.pass_cycles + 1))
        for synapse, reach in zip(spec.synapses_to(population.name), reaches, strict=True):
            static = synapse.source == spec.input.name and spec.input.static
            work = Work(spec, synapse, activity, stage.burst)
            longest = max(longest, work.cycles(reach.lanes) + (1 if static else spec.timesteps))
    return longest


def _geometries(spec, plan, k, memory=None):
    population, stage = spec.populations[k], plan.stages[k]
    return [WeightGeometry(depth=reach.depth, lanes=reach.lanes, w_width=synapse.w_width,
                           memory=memory or stage.memory)
            for synapse, reach in zip(spec.synapses_to(population.name),
                                      reaches_of(spec, population, stage), strict=True)]


def _weight_memories(spec, plan, k, memory=None):
    return [found for geometry in _geometries(spec, plan, k, memory)
            for found in geometry.memories()]


def _blocks(device, memories):
    """Block RAMs for memories of (depth, width), each in its best mode."""
    bits, widths = BLOCK_RAM_MODES[device.family]
    return sum(min(-(-depth // _depth(bits, mode)) * -(-width // mode) for mode in widths)
               for depth, width in memories)


def _depth(bits, width):
    """Words of a block at a width: parity bits serve only widths that are multiples of nine."""
    return bits // width if width % 9 == 0 else (1 << bits.bit_length() - 1) // width
