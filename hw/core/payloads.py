"""Payloads of the streams between components, and small helpers for pipelines."""

from amaranth import *
from amaranth.lib import data
from amaranth.utils import ceil_log2

from ..layout.addressing import vector_count

__all__ = ["ANY_RAM", "BLOCK_RAM", "DISTRIBUTED_RAM", "Event", "Issue", "LoadWord",
           "SumsRead", "TraceVector", "index_shape", "pipe", "saturate"]

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


class Issue(data.StructLayout):
    """Control of one accumulation on its way down the lanes' pipeline.

    ``valid``: the lanes' addends go to word ``word`` of the accumulators; ``first``: no digit of
    this timestep has been issued completely.  ``end``: an EOT, the sums are complete; ``first``
    then says that the timestep had no event.
    """

    def __init__(self, words):
        super().__init__({"valid": 1, "end": 1, "first": 1, "word": index_shape(words)})


class SumsRead(data.StructLayout):
    """How an update pass reads accumulators: ``en`` reads the next vector of neurons, the last of
    its pixel with ``pixel_last``, the last of the pass with ``pass_last``."""

    def __init__(self):
        super().__init__({"en": 1, "pixel_last": 1, "pass_last": 1})


class LoadWord(data.StructLayout):
    """One write into a memory of a stage.

    ``bank`` is a load bank: the weight slices come first, then the bias memories; see
    :class:`qblif.hw.core.weights.WeightMemory`.  ``stages`` adds the field that names the stage.
    """

    def __init__(self, *, banks, depth, width, stages=None):
        fields = {"bank": index_shape(banks), "address": index_shape(depth),
                  "data": unsigned(width)}
        super().__init__(fields if stages is None else {"stage": index_shape(stages)} | fields)


class TraceVector(data.StructLayout):
    """What a vector of ``fire_lanes`` neurons did in one timestep: levels and membranes.

    ``beat`` is the vector's number in its update pass.
    """

    def __init__(self, population, fire_lanes):
        neuron = population.neuron
        super().__init__({
            "beat": index_shape(vector_count(population.shape, fire_lanes)),
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


def saturate(value, width):
    """``value`` clamped to a signed field of ``width`` bits."""
    top = value[width - 1:]
    fits = (top == 0) | top.all()
    limit = Mux(value[-1], 1 << width - 1, (1 << width - 1) - 1)
    return Mux(fits, value[:width], limit).as_signed()
