"""What a network needs of a device before anything is synthesised: memories, LUTs, mean cycles."""

import math
from dataclasses import dataclass

from ..golden.spec.burst import digits
from ..hw.layout.addressing import address_space
from ..hw.layout.latency import stage_timing
from ..hw.layout.memories import SMALL_ROWS as SMALL_BIASES
from ..hw.layout.memories import WeightGeometry, frame_queue_items, is_distributed, queue_depth
from ..hw.layout.plan import Work, reaches_of
from ..hw.link.protocol import CRC_BYTES, MAX_PAYLOAD, row_bytes

__all__ = ["Need", "fixed_need", "frame_cycles", "load_bytes", "need", "refusal", "stage_cycles",
           "stage_need", "weight_capacity", "weight_kbit"]

SPRAM_BITS = 1 << 18
LUT_RAM = (16, 4)  # Rows and bits of a distributed RAM,
LUT_RAM_LUTS = 4  # which takes the place of so many LUTs.

# Of ECP5, by the designs in docs/results.md; a logic cell of the others holds less.
LUT_CORE, LUT_LINK, LUT_STAGE, LUT_FIRE_LANE = 150, 1000, 150, 130
LUT_DOUBT = 1.1  # Only beyond so much of the LUTs is it certain that a design does not fit.


@dataclass(frozen=True)
class Need:
    """Memory blocks that a design takes, exactly, and about how many LUTs."""

    bram: int
    spram: int
    lut: int

    def __add__(self, other):
        return Need(self.bram + other.bram, self.spram + other.spram, self.lut + other.lut)


def need(spec, plan, device, *, link=False, levels=False):
    """What ``plan`` takes of ``device``; with ``link`` the host link too, with ``levels`` the
    recorder of every level."""
    stages = zip(spec.populations, plan.stages, strict=True)
    return sum((stage_need(spec, population, stage, device, levels)
                for population, stage in stages), fixed_need(spec, device, link))


def fixed_need(spec, device, link=False):
    """What a network takes beside its stages."""
    if not link:
        return Need(0, 0, round(LUT_CORE * device.family.lut_scale))
    large, small = _split(_link_memories(spec), device)
    return Need(_blocks(device, large), 0,
                round((LUT_CORE + LUT_LINK) * device.family.lut_scale) + small)


def stage_need(spec, population, stage, device, levels=False):
    """What one stage takes."""
    memories, spram = _neuron_memories(spec, population, stage, device, levels), 0
    distributed = []
    synapses = spec.synapses_to(population.name)
    lut = LUT_STAGE + LUT_FIRE_LANE * stage.fire_lanes
    for synapse, reach in zip(synapses, reaches_of(spec, population, stage), strict=True):
        geometry = _geometry(synapse, reach, stage.memory)
        weights = list(geometry.memories())
        distributed += geometry.memories(distributed=True)
        lut += (len(geometry.parts) - 1) * reach.lanes * synapse.w_width
        if stage.memory == "spram":
            spram += len(weights)
        else:
            memories += weights
        for rows, width in _sum_memories(reach, population.sum_width):
            small = reach.sums == "memory" and is_distributed(stage.memory, rows)
            (distributed if small else memories).append((rows, width))
        lut += reach.lanes * _lane_luts(spec.source(synapse.source).levels, synapse, population,
                                        reach, stage)
    large, small = _split(memories, device)
    small += sum(_small_luts("distributed", *memory) for memory in distributed)
    return Need(_blocks(device, large), spram, round(lut * device.family.lut_scale) + small)


def _lane_luts(levels, synapse, population, reach, stage):
    """About how many LUTs one lane and its accumulators take: layers of multiplexers over an
    addend's bits, then adders and what chooses a sum over the sum's bits."""
    found = [digit for level in levels for digit in digits(level, stage.burst)]
    shift = max(digit.shift for digit in found)
    layers = (shift > 0) + (shift > 1) + any(digit.negative for digit in found)
    words = reach.groups if reach.sums == "registers" else 1
    each = {"registers": 1.4 + words, "memory": 1.75, "map": 2.5 + 1.5 * reach.banks}
    return layers * (synapse.w_width + shift) + each[reach.sums] * population.sum_width


def _split(memories, device):
    """``(large memories, LUTs of the small ones)``: these stay out of the block RAM."""
    if device.small is None:
        return memories, 0
    small = [memory for memory in memories if memory[0] <= device.small.rows]
    return [m for m in memories if m not in small], sum(
        _small_luts(device.small.style, *memory) for memory in small)


def _small_luts(style, rows, width):
    """A logic cell a bit, or distributed RAMs with multiplexers behind them."""
    if style == "logic":
        return rows * width
    deep, wide = -(-rows // LUT_RAM[0]), -(-width // LUT_RAM[1])
    return deep * wide * LUT_RAM_LUTS + (deep - 1) * width


def _link_memories(spec):
    """``(depth, width)``: a request, a block of an answer, the events of a frame."""
    event = (address_space(spec.input.shape) - 1).bit_length() + spec.input.n_max.bit_length() + 1
    return [(MAX_PAYLOAD + CRC_BYTES, 8), (256, 8),
            (queue_depth(frame_queue_items(spec)), event)]


def _sum_memories(reach, width):
    """``(depth, width)`` of the block RAMs that hold a synapse's sums."""
    words = reach.positions * reach.groups
    row = reach.lanes * width
    if reach.sums == "map":
        return [(words, row)] * reach.banks
    # Two banks and a zero row, in two copies for two read ports.
    return [(2 * words + 1, row)] * 2 if reach.sums == "memory" else []


def _neuron_memories(spec, population, stage, device, levels):
    """``(depth, width)``: states, biases, emitter's queue, and the recorder's levels."""
    lanes, bits = stage.fire_lanes, population.n_max.bit_length()
    timing = stage_timing(population, stage, reaches_of(spec, population, stage))
    found = []
    if spec.timesteps > 1:
        found.append((timing.beats, lanes * (population.neuron.v_width + 1)))
    leak = population.neuron.leak
    if leak.kind == "quadratic":
        found += [(len(leak.table), leak.term_width)] * lanes
    biases = -(-population.channels // lanes)
    if population.bias_width and (biases > SMALL_BIASES or not device.family.auto_lut_ram):
        found += [(biases, population.bias_width)] * lanes
    if bits:
        place = (address_space(population.shape) - 1).bit_length()
        found.append((queue_depth(timing.queue), place + lanes * bits + 1))
    if bits and levels:
        found.append((spec.timesteps * timing.beats, lanes * bits))
    return found


def refusal(needed, device):
    """Why ``needed`` cannot fit, as words; ``""`` where it may."""
    words = {"bram": "block RAMs", "spram": "single-port RAMs", "lut": "LUTs, about"}
    doubt = {"lut": LUT_DOUBT}
    return ", ".join(f"{getattr(needed, kind)} of {getattr(device, kind)} {words[kind]}"
                     for kind in words
                     if getattr(needed, kind) > doubt.get(kind, 1) * getattr(device, kind))


def weight_kbit(spec):
    """Kilobits of weights of a network."""
    return sum(math.prod(spec.weight_shape(s)) * s.w_width for s in spec.synapses) / 1000


def weight_capacity(device):
    """Kilobits of memory that a device has for weights and everything else."""
    return (device.bram * device.family.block_ram.bits + device.spram * SPRAM_BITS) / 1000


def load_bytes(spec, plan):
    """Bytes of all weights and biases as they are written, each memory word in whole bytes."""
    total = 0
    for population, stage in zip(spec.populations, plan.stages, strict=True):
        for synapse, reach in zip(spec.synapses_to(population.name),
                                  reaches_of(spec, population, stage), strict=True):
            geometry = _geometry(synapse, reach, stage.memory)
            total += geometry.slices * geometry.depth * row_bytes(geometry.slice_width)
        if population.bias_width:
            total += population.channels * row_bytes(population.bias_width)
    return total


def frame_cycles(spec, plan, activity=None):
    """Mean cycles a frame takes in the steady state: of the stage that takes longest.

    ``activity`` is what training measured, see :class:`qblif.hw.layout.plan.Work`.
    """
    return max(stage_cycles(spec, population, stage, [
        Work(spec, synapse, activity, stage.burst) for synapse in spec.synapses_to(population.name)
    ]) for population, stage in zip(spec.populations, plan.stages, strict=True))


def stage_cycles(spec, population, stage, works):
    """Mean cycles a frame takes in one stage; ``works`` are its synapses' :class:`Work`."""
    reaches = reaches_of(spec, population, stage)
    passes = spec.timesteps * (stage_timing(population, stage, reaches).pass_cycles + 1)
    longest = passes
    for reach, work in zip(reaches, works, strict=True):
        static = work.synapse.source == spec.input.name and spec.input.static
        cycles = work.cycles(reach.lanes) + (1 if static else spec.timesteps)
        longest = max(longest, cycles + passes if reach.banks == 1 else cycles)
    return longest


def _geometry(synapse, reach, memory):
    return WeightGeometry(depth=reach.depth, lanes=reach.lanes, w_width=synapse.w_width,
                          memory=memory)


def _blocks(device, memories):
    """Block RAMs for memories of (depth, width), each in its best mode."""
    return sum(device.family.block_ram.blocks(depth, width) for depth, width in memories)
