"""Payloads of the streams between components, and small helpers for pipelines."""

from amaranth import *
from amaranth.lib import data
from amaranth.utils import ceil_log2

from ..layout.addressing import address_bits, lane_bits

__all__ = ["ANY_RAM", "BLOCK_RAM", "DISTRIBUTED_RAM", "Event", "Issue", "LoadWord",
           "SumsRead", "TraceVector", "index_shape", "pipe", "saturate", "set_shape",
           "vector_address"]

# No port reads an address that is written in the same cycle: tests/hw/poison.py checks it.
ANY_RAM = {"no_rw_check": True, "ram_style": "auto"}
BLOCK_RAM = ANY_RAM | {"ram_style": "block"}
DISTRIBUTED_RAM = ANY_RAM | {"ram_style": "distributed"}


def index_shape(count):
    """Shape of an index below ``count``, at least one bit wide."""
    return unsigned(max(1, ceil_log2(count)))


class Event(data.StructLayout):
    """One transfer of an AER stream: a burst of ``level`` 1..n_max from the neuron ``address``, or
    an end-of-timestep (EOT) marker.

    ``size`` is the address space, see :mod:`qblif.hw.layout.addressing`.  ``end`` marks the EOT of
    a timestep (for a static input: of the frame); the other fields are then ignored.
    """

    def __init__(self, size, n_max):
        super().__init__({"address": index_shape(size), "level": range(n_max + 1), "end": 1})


def set_shape(sets):
    """Shape of the index of a set of accumulators: no bits for one."""
    return unsigned((sets - 1).bit_length())


class Issue(data.StructLayout):
    """Control of one accumulation on its way down the lanes' pipeline.

    ``valid``: the lanes' addends go to word ``word`` of the accumulators of ``set``; ``first``: of
    each set, no digit has been issued completely.  ``end``: the sums are complete.
    """

    def __init__(self, words, sets=1):
        super().__init__({"valid": 1, "end": 1, "first": sets, "word": index_shape(words),
                          "set": set_shape(sets)})


class SumsRead(data.StructLayout):
    """How an update pass reads currents: ``en`` reads the next vector of neurons, the last of the
    pass with ``pass_last``."""

    def __init__(self):
        super().__init__({"en": 1, "pass_last": 1})


class LoadWord(data.StructLayout):
    """One write into a memory of a stage.

    ``bank`` is a load bank: the weight slices come first, then the bias memories; see
    :class:`qblif.hw.core.weights.WeightMemory`.  ``stages`` adds the field that names the stage.
    """

    def __init__(self, *, banks, depth, width, stages=None):
        fields = {"bank": index_shape(banks), "address": index_shape(depth),
                  "data": unsigned(width)}
        super().__init__(fields if stages is None else {"stage": index_shape(stages)} | fields)


def vector_address(shape, fire_lanes):
    """Layout of a neuron's address without the bits that number the lanes of a vector."""
    channel, column, row = address_bits(shape)
    return data.StructLayout({"channel": channel - lane_bits(shape, fire_lanes), "column": column,
                              "row": row})


class TraceVector(data.StructLayout):
    """What a vector of ``fire_lanes`` neurons did in one timestep: levels and membranes.

    ``address`` is what their addresses share.
    """

    def __init__(self, population, fire_lanes):
        neuron = population.neuron
        super().__init__({
            "address": max(1, vector_address(population.shape, fire_lanes).size),
            "levels": data.ArrayLayout(range(neuron.emit_max + 1), fire_lanes),
            "membranes": data.ArrayLayout(signed(neuron.v_width), fire_lanes),
        })


def pipe(m, value, cycles, name, *, reset=False):
    """``value`` delayed by ``cycles`` clock cycles; registers are called ``name_1``, ``name_2``...

    Only valid bits need the reset; the data beside them does without.
    """
    for cycle in range(1, cycles + 1):
        register = Signal(value.shape(), name=f"{name}_{cycle}", reset_less=not reset)
        m.d.sync += register.eq(value)
        value = register
    return value


def saturate(value, width, floor=None):
    """``value`` clamped to a signed field of ``width`` bits, from ``floor`` on where given."""
    top = value[width - 1:]
    fits = (top == 0) | top.all()
    low = 1 << width - 1
    if floor is not None:
        low = floor & (1 << width) - 1
        fits &= value >= floor
    limit = Mux(value[-1], low, (1 << width - 1) - 1)
    return Mux(fits, value[:width], limit).as_signed()
