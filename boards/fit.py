"""Resources of a layout before synthesis: memory blocks exactly, LUTs roughly, mean cycles."""

import math
from dataclasses import dataclass

from ..hw.layout.engine import Cost
from ..hw.layout.latency import COMPLETE_LATENCY, RELEASE_LATENCY
from ..hw.layout.memories import BINNER_GROUP, LUT_ROWS, frame_queue_items, queue_depth
from ..hw.layout.stream_engine import StreamEngine
from ..hw.layout.work import works_of
from ..hw.link.protocol import row_bytes
from ..hw.link.timed import RESULTS, streamable

__all__ = ["Need", "fixed_need", "frame_cycles", "load_bytes", "need", "refusal", "request_room",
           "stage_cycles", "stage_need", "weight_capacity", "weight_kbit"]

SPRAM_BITS = 1 << 18
LUT_RAM = (16, 4)  # Rows and bits of a distributed RAM,
LUT_RAM_LUTS = 6  # which occupies this many LUTs, two of them in its write port.

PASS_SHARE = 1.5  # A word may have few events: its pass must be shorter than the mean word.

# For ECP5, from the designs in docs/results.md; logic cells of other families hold less.
LUT_CORE, LUT_LINK = 150, 1000
LUT_DOUBT = 1.1  # The estimate must exceed the LUTs by this factor before a design is refused.


@dataclass(frozen=True)
class Need:
    """Memory blocks that a design uses, exactly, and an estimate of its LUTs."""

    bram: int
    spram: int
    lut: int

    def __add__(self, other):
        return Need(self.bram + other.bram, self.spram + other.spram, self.lut + other.lut)


def need(layout, device, *, link=False, levels=False):
    """What a :class:`~qblif.hw.layout.compile.Layout` needs on ``device``, with the host link and
    the recorder of all levels where asked for."""
    return sum((stage_need(stage, device, link=link, levels=levels) for stage in layout.stages),
               fixed_need(layout.spec, layout.input, device, link))


def fixed_need(network, input_format, device, link=False):
    """What a network needs besides its stages; ``input_format`` is its
    :class:`~qblif.hw.layout.input_stream.InputFormat`."""
    if not link:
        return Need(0, 0, round(LUT_CORE * device.family.lut_scale))
    return _memories_need(_link_memories(network, input_format, device), device) + Need(
        0, 0, round((LUT_CORE + LUT_LINK) * device.family.lut_scale))


def stage_need(stage, device, *, link=False, levels=False):
    """What one :class:`~qblif.hw.layout.stage.StageLayout` needs, with what the host link records
    of it."""
    cost = stage.cost + (stage.score_recorder if link else Cost())
    if levels and stage.recorder_memory:
        cost += Cost((stage.recorder_memory,))
    dual = sum(device.family.block_ram.dual_blocks(*memory) for memory in cost.dual)
    return _memories_need(cost, device) + Need(
        dual, len(cost.single_port), round(cost.luts * device.family.lut_scale))


def _memories_need(cost, device):
    """What a cost's memories need, but for those with two read ports or a single port."""
    memories, distributed = list(cost.memories), list(cost.distributed)
    (distributed if device.family.auto_lut_ram else memories).extend(cost.small)
    large, small = _split(memories, device)
    return Need(_blocks(device, large), 0,
                small + sum(_small_luts("distributed", *memory) for memory in distributed))


def _split(memories, device):
    """``(large memories, LUTs of the small ones)``: these stay out of the block RAM."""
    if device.small is None:
        return memories, 0
    small = [memory for memory in memories if memory[0] <= device.small.rows]
    return [m for m in memories if m not in small], sum(
        _small_luts(device.small.style, *memory) for memory in small)


def _small_luts(style, rows, width):
    """One logic cell per bit, or distributed RAMs with multiplexers behind them."""
    if style == "logic":
        return rows * width
    deep, wide = -(-rows // LUT_RAM[0]), -(-width // LUT_RAM[1])
    return deep * wide * LUT_RAM_LUTS + (deep - 1) * width


def request_room(device):
    """Bytes of requests that wait on a board: what one block RAM holds."""
    return device.family.block_ram.depth(8)


def _link_memories(network, input_format, device):
    """A :class:`Cost` of the buffers for requests, an answer and a frame's events; of a live stream
    the latest classes, when their frames ended, and the binner's counts and their map."""
    event = (input_format.address_space - 1).bit_length()
    event += input_format.source.n_max.bit_length() + 1
    found = Cost(((request_room(device), 8), (256, 8),
                  (queue_depth(frame_queue_items(input_format.transfers)), event)))
    if streamable(network, input_format):
        size = input_format.address_space
        binner = ((size, input_format.source.n_max.bit_length()),
                  (-(-size // BINNER_GROUP), BINNER_GROUP))
        found += Cost(((RESULTS, 32),) * 2 + tuple(m for m in binner if m[0] > LUT_ROWS),
                      small=tuple(m for m in binner if m[0] <= LUT_ROWS))
    return found


def refusal(needed, device):
    """Why ``needed`` cannot fit, in words; ``""`` where it may."""
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


def load_bytes(layout):
    """Bytes of all weights and biases as they are written, each memory word in whole bytes."""
    total = 0
    for stage in layout.stages:
        population = stage.population
        total += sum(bank.depth * row_bytes(bank.width) for bank in stage.load_banks
                     if bank.kind == "weights")
        if population.bias_width:
            total += population.channels * row_bytes(population.bias_width)
    return total


def frame_cycles(layout, activity=None):
    """Mean cycles per frame in the steady state: those of the slowest stage.

    ``activity`` was measured in training, see :class:`qblif.hw.layout.work.Work`.
    """
    return max(stage_cycles(stage, works_of(layout.spec, stage.population, activity,
                                            stage.plan.burst)) for stage in layout.stages)


def stage_cycles(stage, works):
    """Mean cycles a frame takes in one :class:`~qblif.hw.layout.stage.StageLayout`; ``works`` are
    its engines' :class:`~qblif.hw.layout.work.Work`."""
    passes, timing, plan = stage.passes, stage.timing, stage.plan
    steps = stage.timesteps * passes.positions
    each = [timing.pass_cycles(n) + 1 for n in
            [passes.vectors] * (passes.words - 1) + [passes.last_vectors]]
    cycles = [steps * sum(each)]
    for engine, work in zip(stage.engines, works, strict=True):
        if isinstance(engine, StreamEngine):
            turn = max(each) + COMPLETE_LATENCY + RELEASE_LATENCY
            cycles += [work.cycles(engine.width, engine.ports), PASS_SHARE * cycles[0],
                       steps * passes.words * turn / plan.buffers]
        else:
            cycles.append(work.cycles(engine.lanes) + (1 if engine.static else stage.timesteps))
    return max(cycles)


def _blocks(device, memories):
    """Block RAMs for memories of (depth, width), each in its best mode."""
    return sum(device.family.block_ram.blocks(depth, width) for depth, width in memories)
